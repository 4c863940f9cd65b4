"""The schema is there before the code that needs it, and the code before it still works on it."""

import hashlib
import re
from collections.abc import Iterator

import pytest
import yaml
from deployment.rendered import (
    ON_AWS,
    OVERLAYS,
    Document,
    Documents,
    containers,
    generated,
    name_of,
    of_kind,
    one,
    rendered,
    template,
)

from k8s.release.jobs import JOB_SECONDS

TRIED_AGAIN = 6
"""How often a Job is unless its backoffLimit says otherwise: Kubernetes' API reference, Job v1."""


def job(documents: Documents, name: str) -> Document:
    """The Job of this name and a release."""
    (found,) = (
        each
        for each in of_kind(documents, "Job")
        if each["metadata"]["labels"]["app.kubernetes.io/name"] == name
    )
    return found


def that_cannot_be_applied_again(documents: Documents) -> Iterator[str]:
    """Jobs whose template would change while their name stays: the API server refuses that."""
    data = generated(documents, "bukken")["data"]
    hashed = [
        each["metadata"]["name"]
        for each in of_kind(documents, "ConfigMap")
        if re.search(r"-[a-z0-9]{10}$", each["metadata"]["name"])
    ]
    for name, key in (("migrate", "release"), ("bootstrap", "bootstrap-release")):
        found = job(documents, name)
        text = yaml.safe_dump(template(found))
        if found["metadata"]["name"] != f"{name}-{data.get(key, data['release'])}":
            yield f"{name_of(found)} is not named by its release"
        for each in hashed:
            if each in text:
                yield f"{name_of(found)} mentions {each}, which changes with any parameter"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_job_is_named_by_its_release(overlay: str) -> None:
    """A new release is a new Job; the same one applied again changes nothing."""
    assert list(that_cannot_be_applied_again(rendered(overlay))) == []


def test_a_job_of_one_name_for_ever_is_refused() -> None:
    """`migrate` alone works once: the next image is `spec.template: field is immutable`."""
    documents = rendered("staging")
    job(documents, "migrate")["metadata"]["name"] = "migrate"

    assert list(that_cannot_be_applied_again(documents)) == [
        "Job migrate is not named by its release"
    ]


def test_a_job_that_reads_the_parameters_is_refused() -> None:
    """A changed firewall would be a changed template of a Job that is done."""
    documents = rendered("staging")
    reference = {"name": generated(documents, "bukken")["metadata"]["name"], "key": "database-name"}
    (app,) = containers(job(documents, "migrate"))
    app["env"][0] = {"name": "X", "valueFrom": {"configMapKeyRef": reference}}

    assert len(list(that_cannot_be_applied_again(documents))) == 1


@pytest.mark.parametrize("overlay", ON_AWS)
def test_a_release_migrates_with_its_own_image(overlay: str) -> None:
    """Which schema an image needs is known by that image."""
    documents = rendered(overlay)
    (migrates,) = containers(job(documents, "migrate"))
    *_, serves = containers(one(documents, "Deployment", "command-api"))

    assert migrates["image"] == serves["image"]


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("name", ["bootstrap", "migrate"])
def test_a_job_fits_the_time_it_is_given(name: str, overlay: str) -> None:
    """All its tries, with the waits of 10, 20, 40 … s between them, come before its deadline."""
    spec = job(rendered(overlay), name)["spec"]
    waits = sum(10 * 2**attempt for attempt in range(spec.get("backoffLimit", TRIED_AGAIN)))

    assert waits < spec["activeDeadlineSeconds"]


@pytest.mark.parametrize("overlay", ON_AWS)
@pytest.mark.parametrize("name", ["bootstrap", "migrate"])
def test_a_release_waits_for_a_job_as_long_as_it_may_run(name: str, overlay: str) -> None:
    """Sooner it would give up what is still going on; later nothing is."""
    assert job(rendered(overlay), name)["spec"]["activeDeadlineSeconds"] == JOB_SECONDS


@pytest.mark.parametrize("overlay", ON_AWS)
def test_that_bootstrap_is_done_is_not_forgotten(overlay: str) -> None:
    """A finished Job that is swept away would be run again by the next release."""
    assert "ttlSecondsAfterFinished" not in job(rendered(overlay), "bootstrap")["spec"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_pod_that_serves_waits_for_a_job(overlay: str) -> None:
    """Pods wait by not being ready, so that one `kubectl apply -k` is enough."""
    for deployment in of_kind(rendered(overlay), "Deployment"):
        if deployment["metadata"]["name"] in {"command-api", "query-api"}:
            steps = template(deployment)["spec"]["initContainers"]
            assert [step["restartPolicy"] for step in steps] == ["Always"], name_of(deployment)


BOOTSTRAP = "2026-11-22", "b76caf0a38c7a091"
"""`bootstrap-release`, and the digest of the template that it ran: both change together."""


def digest_of_bootstrap(documents: Documents) -> str:
    """Of its Pods' template, without what the parameters say."""
    found = template(job(documents, "bootstrap"))
    given = set(generated(documents, "bukken")["data"].values())
    (app,) = found["spec"]["containers"]
    app["env"] = [each for each in app["env"] if each["value"] not in given]
    del app["image"]
    return hashlib.sha256(yaml.safe_dump(found).encode()).hexdigest()[:16]


@pytest.mark.parametrize("overlay", ON_AWS)
def test_a_changed_bootstrap_is_a_new_one(overlay: str) -> None:
    """Edited under its old name it stops every later release: `field is immutable`."""
    documents = rendered(overlay)
    ran = generated(documents, "bukken")["data"]["bootstrap-release"]

    assert (ran, digest_of_bootstrap(documents)) == BOOTSTRAP, (
        "bootstrap's template has changed: change bootstrap-release and bootstrap-image in each "
        "parameters.env, and BOOTSTRAP here"
    )


def test_an_edited_bootstrap_is_found() -> None:
    """A label is enough for the API server to refuse it."""
    documents = rendered("staging")
    template(job(documents, "bootstrap"))["metadata"]["labels"]["team"] = "platform"

    assert digest_of_bootstrap(documents) != BOOTSTRAP[1]
