"""Which cluster an overlay may go to.

Staging and production name theirs in `parameters.env`. k8s/kind names none: its databases, with
passwords that are in Git, go only where nobody is harmed by them.
"""

import re
from collections.abc import Collection

# Containers, or a virtual machine, on somebody's own machine.
_THROWAWAY = re.compile(r"kind-.+|k3d-.+|minikube|docker-desktop|rancher-desktop|colima|orbstack")
_NEVER = re.compile(r"prod|prd|live|^arn:aws:eks:|eksctl\.io", re.IGNORECASE)
_CLOUDS = ("aws", "azure", "gce", "digitalocean", "linode", "oci")


def refusal_of_another(context: str, *, wanted: str) -> str | None:
    """Why a named cluster's overlay does not go there, or None."""
    # `aws eks update-kubeconfig` names a context by the cluster's ARN; an alias is the plain name.
    if context.rpartition("/")[2] == wanted:
        return None
    return (
        f"the current context is {context}; this is for cluster {wanted}. To get there: "
        f"aws eks update-kubeconfig --name {wanted}, or kubectl config use-context NAME"
    )


def refusal_of_a_real_one(
    context: str, *, provider_ids: Collection[str], confirmed: str | None
) -> str | None:
    """Why throwaway databases do not go there, or None.

    Args:
        context: the current context's name.
        provider_ids: its nodes' `spec.providerID`s.
        confirmed: the name that somebody typed.
    """
    if _NEVER.search(context):
        return f"the context {context} is no place for k8s/kind: its databases are thrown away"
    clouds = sorted({each.partition(":")[0] for each in provider_ids} & set(_CLOUDS))
    if confirmed == context or (_THROWAWAY.fullmatch(context) and not clouds):
        return None
    nodes = f", whose nodes are {' and '.join(clouds)}'s," if clouds else ""
    return (
        f"the context {context}{nodes} is not known as one for throwing away. "
        f"If it is, say so: CONTEXT={context}"
    )
