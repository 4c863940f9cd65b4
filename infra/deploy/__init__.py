"""Plans, makes and ends what the platform stands on: `python -m infra.deploy --help`.

All of it is CloudFormation, so that each step can be done by hand: docs/operating/new-account.md.
"""
