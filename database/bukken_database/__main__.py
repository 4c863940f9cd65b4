"""The database's jobs: `python -m bukken_database bootstrap | migrate | check | new-feed`."""

import sys

from bukken_database import jobs

if __name__ == "__main__":
    sys.exit(jobs.main(sys.argv[1:]))
