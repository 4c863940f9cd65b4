"""An image that serves, or that a rollback would bring back, is there as long as it is named."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from stack_documents import Templates, of_type, properties, with_change

from infra.deploy.templates import Template

REPOSITORIES = ("registry/CommandApi", "registry/QueryApi")


def policy(templates: Templates, path: str) -> dict[str, Any]:
    """What a repository does with its images by itself."""
    text = properties(templates, path)["LifecyclePolicy"]["LifecyclePolicyText"]
    found: dict[str, Any] = json.loads(text)
    return found


def may_expire(templates: Templates) -> Iterator[str]:
    """Repositories that take an image away which has a tag, or whose tag can be taken from it."""
    for path, each in of_type(templates, "AWS::ECR::Repository").items():
        about = {rule["selection"]["tagStatus"] for rule in policy(templates, path)["rules"]}
        if about != {"untagged"} or each["Properties"]["ImageTagMutability"] != "IMMUTABLE":
            yield path


def test_no_image_with_a_tag_is_ever_expired(templates: dict[str, Template]) -> None:
    """Neither by number nor by age: no registry knows what is deployed."""
    assert tuple(of_type(templates, "AWS::ECR::Repository")) == REPOSITORIES
    assert list(may_expire(templates)) == []


BY_NUMBER = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5},
            "action": {"type": "expire"},
        }
    ]
}


@pytest.mark.parametrize(
    "change",
    [
        {"LifecyclePolicy": {"LifecyclePolicyText": json.dumps(BY_NUMBER)}},
        {"ImageTagMutability": "MUTABLE"},
    ],
)
def test_the_mistake_is_found(change: dict[str, Any], templates: dict[str, Template]) -> None:
    """The last fifty are kept: after fifty pushes without a release the one that serves is gone."""
    broken = with_change(templates, "registry/QueryApi", **change)

    assert list(may_expire(broken)) == ["registry/QueryApi"]


@pytest.mark.parametrize("path", REPOSITORIES)
def test_the_policy_is_one_that_the_registry_takes(
    path: str, templates: dict[str, Template], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No linter reads the text in it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    with mock_aws():
        ecr = boto3.client("ecr", region_name="ap-northeast-1")
        ecr.create_repository(repositoryName="ours")
        text = json.dumps(policy(templates, path))
        ecr.put_lifecycle_policy(repositoryName="ours", lifecyclePolicyText=text)

        assert ecr.get_lifecycle_policy(repositoryName="ours")["lifecyclePolicyText"]
