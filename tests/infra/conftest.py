"""The templates and the places, read once; a CloudFormation to deploy them to."""

from collections.abc import Callable, Sequence

import pytest
from standing_cloudformation import CloudFormation

from infra.deploy import places
from infra.deploy.deployment import Deployment
from infra.deploy.places import Place
from infra.deploy.stacks import Stacks
from infra.deploy.templates import Template, chosen, read

Deploy = Callable[..., Deployment]


@pytest.fixture(scope="session")
def templates() -> dict[str, Template]:
    """All of infra/cloudformation."""
    return read()


@pytest.fixture(params=places.PLACES)
def place(request: pytest.FixtureRequest, templates: dict[str, Template]) -> Place:
    """Each place in turn."""
    return places.read(request.param, templates=templates)


@pytest.fixture
def aws() -> CloudFormation:
    """With nothing in it."""
    return CloudFormation()


@pytest.fixture
def said() -> list[str]:
    """What was told."""
    return []


@pytest.fixture
def deploy(aws: CloudFormation, said: list[str], templates: dict[str, Template]) -> Deploy:
    """A deployment of staging's templates of these names."""
    staging = places.read("staging", templates=templates)

    def made(*names: str, named: Sequence[str] = ()) -> Deployment:
        stacks = Stacks(aws.client(), said.append, pause=lambda _: None)
        return Deployment(
            place=staging,
            templates=chosen(templates, names),
            stacks=stacks,
            say=said.append,
            named=named,
            lookups={"name": lambda: None},
        )

    return made
