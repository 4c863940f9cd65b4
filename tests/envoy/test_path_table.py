import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bukken_contract.paths import PATHS, Path
from openapi import commands, inquiries, queries
from openapi.operations import Operation

Config = Callable[[str], dict[str, Any]]
APIS = ("command-api", "query-api")


def ingress(config: dict[str, Any]) -> dict[str, Any]:
    """The ingress's connection manager."""
    listener = next(x for x in config["static_resources"]["listeners"] if x["name"] == "ingress")
    manager: dict[str, Any] = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return manager


def routed(config: dict[str, Any]) -> Iterator[str]:
    """The patterns of paths that reach the app."""
    for route in ingress(config)["route_config"]["virtual_hosts"][0]["routes"]:
        if route.get("route", {}).get("cluster") in {"local_app", "local_app_batches"}:
            yield route["match"]["safe_regex"]["regex"]


def scoped(config: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The patterns of paths that need a scope to be read, each with the scope."""
    for part in ingress(config)["http_filters"]:
        policies = part.get("typed_config", {}).get("rules", {}).get("policies", {})
        for name, policy in policies.items():
            if name.startswith("read-"):
                rules = policy["permissions"][0]["and_rules"]["rules"]
                scope = re.search(r"bukken/([a-z.]+)", repr(policy["principals"]))
                assert scope
                yield rules[-1]["url_path"]["path"]["safe_regex"]["regex"], scope[1]


def one_of(path: Path) -> str:
    """An instance of the path."""
    return re.sub(r"\{\w+\}", "k", path.template)


@pytest.mark.parametrize("file", APIS)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.template)
def test_every_path_of_the_table_reaches_both_apps(path: Path, file: str, config: Config) -> None:
    """Also that of the other side alone, whose methods are then 405 and no 404."""
    assert any(re.fullmatch(pattern, one_of(path)) for pattern in routed(config(file)))


OF_INQUIRIES = {
    "/v1/inquiries": "inquiries.deliver",
    "/v1/inquiries/{InquiryKey}": "inquiries.write",
}


@pytest.mark.parametrize(
    "path",
    [path for path in PATHS if path.query and not path.is_public],
    ids=lambda path: path.template,
)
def test_no_path_is_read_without_its_scope(path: Path, config: Config) -> None:
    """A path that no policy names would pass with any access token."""
    policies = scoped(config("query-api"))
    scopes = [scope for pattern, scope in policies if re.fullmatch(pattern, one_of(path))]

    assert scopes == [OF_INQUIRIES.get(path.template, "listings.read")]


def alternatives(permission: dict[str, Any]) -> Iterator[list[str]]:
    """The forms of method and path that a permission is for; none for one that says `not`."""
    for each in permission.get("or_rules", {}).get("rules", []):
        yield from alternatives(each)
    if rules := permission.get("and_rules", {}).get("rules"):
        yield [re.findall("'(?:regex|exact)': '([^']*)'", str(rule))[0] for rule in rules]


def needed(operation: Operation, config: dict[str, Any]) -> set[str]:
    """The scopes that the policies for this method and path ask for."""
    asked = (operation.method.upper(), re.sub(r"\{\w+\}", "k", operation.path))
    found = set()
    for part in ingress(config)["http_filters"]:
        policies = part.get("typed_config", {}).get("rules", {}).get("policies", {})
        for policy in policies.values():
            for forms in alternatives(policy["permissions"][0]):
                if all(map(re.fullmatch, forms, asked)):
                    found |= set(re.findall("'exact': '(bukken/[^']+)'", str(policy)))
    return found


SIDES = [
    *(("command-api", operation) for operation in commands.operations()),
    *(("query-api", operation) for operation in queries.operations()),
    *(("command-api", operation) for operation in inquiries.commands()),
    *(("query-api", operation) for operation in inquiries.queries()),
]


@pytest.mark.parametrize(
    ("file", "operation"), SIDES, ids=lambda given: getattr(given, "name", given)
)
def test_the_scope_that_is_documented_is_the_one_that_is_asked_for(
    file: str, operation: Operation, config: Config
) -> None:
    """A partner asks for the scopes that the OpenAPI document names, and no more."""
    expected = {operation.scope} if operation.scope else set()

    assert needed(operation, config(file)) == expected
