"""Which cluster a test may have: one made for throwing away, or one that somebody named.

The tests stop Pods and processes, so nothing but a yes counts: a context is taken when its nodes
say that they are a toy's, or when the person who started it has typed the context's name.
"""

import re
from collections.abc import Collection

# Containers, or a virtual machine, on somebody's own machine.
THROWAWAY = re.compile(r"kind-.+|k3d-.+|minikube|docker-desktop|rancher-desktop|colima|orbstack")
PRODUCTION = re.compile(r"prod|prd|live", re.IGNORECASE)
CLOUDS = ("aws", "azure", "gce", "digitalocean", "linode", "oci")


def refusal(context: str, *, provider_ids: Collection[str], confirmed: str) -> str | None:
    """Why the tests do not run there, or None.

    Args:
        context: the current context's name.
        provider_ids: its nodes' `spec.providerID`s.
        confirmed: the name that somebody typed, or nothing.
    """
    if PRODUCTION.search(context):
        return f"the context {context} looks like production: these tests stop what runs there"
    clouds = sorted({each.partition(":")[0] for each in provider_ids} & set(CLOUDS))
    if confirmed != context and (clouds or not THROWAWAY.fullmatch(context)):
        nodes = f", whose nodes are {' and '.join(clouds)}'s," if clouds else ""
        return (
            f"the context {context}{nodes} is not known as one for throwing away. "
            f"If it is: make kind-test CONTEXT={context}"
        )
    return None
