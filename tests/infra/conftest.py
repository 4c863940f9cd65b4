"""The templates and the places, read once."""

import pytest

from infra.deploy import places
from infra.deploy.places import Place
from infra.deploy.templates import Template, read


@pytest.fixture(scope="session")
def templates() -> dict[str, Template]:
    """All of infra/cloudformation."""
    return read()


@pytest.fixture(params=places.PLACES)
def place(request: pytest.FixtureRequest, templates: dict[str, Template]) -> Place:
    """Each place in turn."""
    return places.read(request.param, templates=templates)
