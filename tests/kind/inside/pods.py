"""The Pods that the tests put into the cluster, and their programs, which lie beside this file."""

from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TESTS = HERE.parents[1]
IMAGE = "bukken/stand-ins"
PROGRAMS = [HERE / "load.py", HERE / "names.py", HERE / "processes.py", TESTS / "steady_traffic.py"]
NODE_NAMESPACE = "bukken-kind-test"
MARK = {"bukken.test/made-by": "kind-test"}
"""On a namespace: these tests made it, so they may delete it."""

Document = dict[str, Any]


def programs(namespace: str) -> Document:
    """All of them, as a volume has them."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "kind-test", "namespace": namespace},
        "data": {path.name: path.read_text(encoding="utf-8") for path in PROGRAMS},
    }


def client(name: str, *arguments: str, secret: str) -> Document:
    """A Pod that may reach what the legacy back end may: it has its label.

    Args:
        name: its own.
        *arguments: its program's file, and what that is given.
        secret: the issuer's clients.
    """
    container = _container(arguments) | {
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    }
    clients = {"name": "clients", "mountPath": "/data/clients", "readOnly": True}
    container["volumeMounts"].append(clients)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "bukken",
            "labels": {"app.kubernetes.io/name": "legacy"},
        },
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "runAsGroup": 65532,
                "fsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "volumes": [_volume(), {"name": "clients", "secret": {"secretName": secret}}],
        },
    }


def node_namespace() -> Document:
    """For who sees a node's processes: in the platform's own such a Pod is refused."""
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    metadata = {"name": NODE_NAMESPACE, "annotations": MARK, "labels": labels}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def on_each_node() -> Document:
    """Root there, with no right but to send signals."""
    labels = {"app.kubernetes.io/name": "processes"}
    root = {"runAsUser": 0, "capabilities": {"drop": ["ALL"], "add": ["KILL"]}}
    container = _container(("processes.py", "watch")) | {"securityContext": root}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "processes", "namespace": NODE_NAMESPACE},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "hostPID": True,
                    "terminationGracePeriodSeconds": 0,
                    "automountServiceAccountToken": False,
                    "containers": [container],
                    "volumes": [_volume()],
                },
            },
        },
    }


def _container(arguments: tuple[str, ...]) -> Document:
    program, *rest = arguments
    return {
        "name": "kind-test",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", f"/kind-test/{program}", *rest],
        "resources": {"requests": {"cpu": "20m", "memory": "128Mi"}, "limits": {"memory": "128Mi"}},
        "volumeMounts": [{"name": "kind-test", "mountPath": "/kind-test", "readOnly": True}],
    }


def _volume() -> Document:
    return {"name": "kind-test", "configMap": {"name": "kind-test"}}
