"""Writes what the stacks made into `k8s/<place>`: the parameters that a release reads.

Only the values of lines that are there are changed: comments, and what is the release's to say
(its name, its images), stay as they are.
"""

import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from infra.deploy.errors import DeployError, NotThereYet
from infra.deploy.places import Place
from infra.deploy.stacks import Stacks

# A line of parameters.env: the template and output that it comes from.
FROM: Final[Mapping[str, tuple[str, str]]] = {
    "cluster": ("cluster", "ClusterName"),
    "host": ("edge", "Host"),
    "certificate-arn": ("edge", "CertificateArn"),
    "web-acl-arn": ("edge", "WebAclArn"),
    "access-log-bucket": ("edge", "AccessLogBucket"),
    "load-balancer-cidr": ("network", "PublicCidr"),
    "control-cidr": ("network", "ControlCidr"),
    "issuer": ("auth", "Issuer"),
    "issuer-keys": ("auth", "IssuerKeys"),
    "issuer-host": ("auth", "IssuerHost"),
    "token-host": ("auth", "TokenHost"),
    "database-writer-host": ("database", "WriterHost"),
    "database-reader-host": ("database", "ReaderHost"),
    "database-port": ("database", "Port"),
    "database-cidr": ("network", "DatabaseCidr"),
    "database-max-connections": ("database", "MaxConnections"),
    "master-secret": ("database", "MasterSecretArn"),
    "migrate-secret": ("secrets", "MigrateArn"),
    "command-api-secret": ("secrets", "CommandApiArn"),
    "query-api-secret": ("secrets", "QueryApiArn"),
    "consistency-secret": ("secrets", "ConsistencyArn"),
    "inquiry-relay-client-id": ("auth", "InquiryRelayClientId"),
    "inquiry-relay-client-secret": ("auth", "InquiryRelaySecretArn"),
}
# Lines of which only the registry's name is the stacks': the rest is the release's.
IMAGES: Final = ("command-api-image", "query-api-image", "envoy-image", "bootstrap-image")
# What kubectl keeps as an annotation has an end (256 KiB), and the bundle is in a ConfigMap.
BUNDLE_BYTES: Final = 200_000
_BUNDLES: Final = "https://truststore.pki.rds.amazonaws.com"


def gathered(place: Place, stacks: Stacks) -> dict[str, str]:
    """Every value that the stacks can tell.

    Raises:
        NotThereYet: a stack or an output is missing.
    """
    told = {name: _outputs(place, stacks, name) for name in {stack for stack, _ in FROM.values()}}
    missing = [f"{stack} {output}" for stack, output in FROM.values() if output not in told[stack]]
    if missing:
        raise NotThereYet(f"not made yet: {', '.join(missing)}; apply first")
    found = {key: told[stack][output] for key, (stack, output) in FROM.items()}
    return found | {"region": place.region}


def registry(place: Place, stacks: Stacks) -> str:
    """What images' names begin with.

    Raises:
        NotThereYet: there is none.
    """
    try:
        return _outputs(place, stacks, "registry")["Registry"]
    except KeyError:
        raise NotThereYet("not made yet: registry; apply first") from None


def _outputs(place: Place, stacks: Stacks, template: str) -> Mapping[str, str]:
    stack = stacks.get(place.stack(template))
    return stack.outputs if stack else {}


def rewritten(text: str, *, values: Mapping[str, str], registry: str) -> str:
    """The file with these values, and with images of this registry; no line is added."""
    for key, value in values.items():
        line = f"{key}={value}".replace("\\", r"\\")
        text = re.sub(rf"^{key}=.*$", line, text, flags=re.MULTILINE)
    images = "|".join(IMAGES)
    return re.sub(rf"^({images})=[^/]+/", rf"\1={registry}/", text, flags=re.MULTILINE)


def authorities(place: Place) -> str:
    """The certificates of those who sign the database's, of this region.

    Raises:
        DeployError: what came is none, or is too much.
    """
    url = f"{_BUNDLES}/{place.region}/{place.region}-bundle.pem"
    try:
        with urlopen(url, timeout=30, context=ssl.create_default_context()) as answer:  # noqa: S310 — AWS's own address
            return checked(answer.read(BUNDLE_BYTES + 1), source=url)
    except OSError as error:
        raise DeployError(f"{url}: {error}") from error


def checked(bundle: bytes, *, source: str) -> str:
    """The bundle as text, after a look whether it is one.

    Raises:
        DeployError: it is not.
    """
    if len(bundle) > BUNDLE_BYTES:
        raise DeployError(f"{source}: above {BUNDLE_BYTES} bytes, too long for a ConfigMap")
    try:
        text = bundle.decode("ascii")
        ssl.create_default_context(cadata=text)
    except (UnicodeDecodeError, ssl.SSLError) as error:
        raise DeployError(f"{source}: these are no certificates: {error}") from error
    return text


def write(
    place: Place, *, values: Mapping[str, str], registry: str, bundle: str, k8s: Path
) -> None:
    """Both files of a place."""
    parameters = k8s / place.name / "parameters.env"
    text = parameters.read_text(encoding="utf-8")
    parameters.write_text(rewritten(text, values=values, registry=registry), encoding="utf-8")
    (k8s / place.name / "database-ca.pem").write_text(bundle, encoding="utf-8")
