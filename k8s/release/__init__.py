"""Brings a release out, or takes it back: `make release OVERLAY=staging`, `make rollback …`.

All of it is kubectl, so that each step can be done by hand: docs/operating/release.md.
"""
