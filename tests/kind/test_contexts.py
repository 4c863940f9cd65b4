import pytest

from k8s.release.contexts import refusal_of_a_real_one as refusal


@pytest.mark.parametrize("context", ["kind-kind", "k3d-a", "minikube", "docker-desktop"])
def test_a_cluster_for_throwing_away_is_taken(context: str) -> None:
    """Who made a toy cluster need not say it again."""
    assert refusal(context, provider_ids={"kind://docker/kind/a", ""}, confirmed="") is None


def test_any_other_is_taken_by_its_name() -> None:
    """Who types the very name has looked where it goes; another name does not count."""
    assert refusal("lab", provider_ids=(), confirmed="lab") is None
    assert "CONTEXT=lab" in str(refusal("lab", provider_ids=(), confirmed=""))
    assert "CONTEXT=lab" in str(refusal("lab", provider_ids=(), confirmed="laboratory"))


@pytest.mark.parametrize("context", ["production", "arn:aws:eks:x:1:cluster/bukken-prod", "live-1"])
def test_what_looks_like_production_is_refused_whoever_asks(context: str) -> None:
    """Nobody's yes is enough to stop Pods there."""
    assert "is no place for k8s/kind" in str(refusal(context, provider_ids=(), confirmed=context))
