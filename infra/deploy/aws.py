"""Clients of AWS, all made in one way."""

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.deploy.errors import DeployError, Refused
from infra.deploy.places import EXAMPLE_ACCOUNTS, Place

# CloudFormation throttles whoever looks often, and we look every few seconds for half an hour:
# botocore waits and asks again, and after so many times something else is wrong.
CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 10}, connect_timeout=10, read_timeout=60
)


def session(place: Place) -> boto3.Session:
    """For the place's region, after a look whose account it is.

    Raises:
        Refused: it is another account than the place's, or the place is still the example.
    """
    if place.account in EXAMPLE_ACCOUNTS:
        raise Refused(
            f"infra/places/{place.name}.yaml is still the example: account {place.account}"
        )
    made = boto3.Session(region_name=place.region)
    account = made.client("sts", config=CONFIG).get_caller_identity()["Account"]
    if account != place.account:
        raise Refused(f"these credentials are of account {account}; this is for {place.account}")
    return made


@contextmanager
def told_plainly() -> Iterator[None]:
    """What AWS's libraries raise is said as ours, without a traceback.

    Raises:
        DeployError: in place of theirs.
    """
    try:
        yield
    except ClientError as error:
        raise DeployError(
            f"AWS, {error.operation_name}: {error.response['Error']['Message']}"
        ) from error
    except BotoCoreError as error:
        raise DeployError(f"AWS: {error}") from error
