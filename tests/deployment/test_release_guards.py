"""What a release refuses before it has touched anything."""

from typing import TYPE_CHECKING

import pytest
from deployment.rendered import ON_AWS

from k8s.release.__main__ import main
from k8s.release.contexts import refusal_of_a_real_one

if TYPE_CHECKING:
    from deployment.conftest import Cluster, Platform

EKS = "arn:aws:eks:ap-northeast-1:222233334444:cluster/"


@pytest.mark.parametrize("verb", ["release", "rollback"])
def test_another_clusters_release_is_refused(
    verb: str, cluster: "Cluster", capsys: pytest.CaptureFixture[str]
) -> None:
    """Staging's parameters do not get into whatever cluster a shell has last used."""
    cluster.answer({"config": (0, f"{EKS}bukken-production")})

    assert main([verb, "staging"]) == 1
    assert cluster.calls == []
    assert "this is for cluster bukken-staging" in capsys.readouterr().err


@pytest.mark.parametrize("context", [f"{EKS}lab", "me@lab.ap-northeast-1.eksctl.io", "production"])
@pytest.mark.parametrize("verb", ["release", "rollback"])
def test_throwaway_databases_go_to_no_real_cluster(
    verb: str, context: str, cluster: "Cluster", capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever confirms it: k8s/kind would take the place of what is there, under its names."""
    cluster.answer({"config": (0, context)})

    assert main([verb, "kind", "--context", context]) == 1
    assert cluster.calls == []
    assert "is no place for k8s/kind" in capsys.readouterr().err


def test_a_cluster_that_is_not_known_is_confirmed_by_its_name(
    cluster: "Cluster", platform: "Platform"
) -> None:
    """Who types the very name has looked where it goes."""
    cluster.answer({"config": (0, "lab")})

    assert main(["release", "kind", "--url", platform.url]) == 1
    assert cluster.calls == []
    assert main(["release", "kind", "--url", platform.url, "--context", "lab"]) == 0


def test_a_toys_name_on_a_clouds_nodes_is_not_enough() -> None:
    """A context can be renamed; its nodes say whose they are."""
    on_aws = refusal_of_a_real_one("kind-a", provider_ids=["aws:///a/i-1"], confirmed=None)
    toy = refusal_of_a_real_one("kind-a", provider_ids=["kind://docker/a/b"], confirmed=None)

    assert "aws's" in str(on_aws)
    assert toy is None


def test_the_example_is_refused(cluster: "Cluster", capsys: pytest.CaptureFixture[str]) -> None:
    """Parameters that nobody has written yet are AWS's own example account."""
    assert main(["release", "production"]) == 1
    assert cluster.calls == []
    assert "still the example" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["localhost:8088", "127.0.0.1:8088", "https://", "ftp://host"])
def test_what_is_no_address_is_refused(url: str, cluster: "Cluster") -> None:
    """Asked in the end, it would take a release back that is well."""
    with pytest.raises(SystemExit) as refused:
        main(["release", "staging", "--url", url])

    assert refused.value.code == 2
    assert cluster.calls == []


@pytest.mark.parametrize("overlay", ON_AWS)
def test_an_old_kubectl_is_refused_in_a_line(
    overlay: str, cluster: "Cluster", capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own words would be `unable to find field`, and the whole of a ConfigMap."""
    cluster.answer({"version": (0, "kustomizeVersion: v5.7.1")})

    assert main(["release", overlay]) == 1
    said = capsys.readouterr().err
    assert "kustomize v5.7.1; 5.8 is needed" in said
    assert len(said.splitlines()) == 1


def test_kind_takes_an_old_kubectl(cluster: "Cluster", platform: "Platform") -> None:
    """Nothing in it needs a new one."""
    old = (0, "kustomizeVersion: v5.7.1")
    cluster.answer({"version": old, "config": (0, "kind-kind")})

    assert main(["release", "kind", "--url", platform.url]) == 0
