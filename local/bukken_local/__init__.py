"""Place 1: the whole platform as processes on one machine, no Docker, no root."""
