"""Taking Pods away politely: evictions, which a PodDisruptionBudget may refuse.

Source: kubernetes/kubernetes pkg/registry/core/pod/storage/eviction.go, pkg/controller/disruption.
"""

import asyncio
from collections.abc import Collection, Iterable

from bukken_local.kubernetes.delays import Delays
from bukken_local.kubernetes.kubelet import Pod
from bukken_local.kubernetes.objects import BudgetSpec, PodDisruptionBudget
from bukken_local.kubernetes.quantities import resolved
from bukken_local.kubernetes.rollout import DeploymentController, NoSuchPod
from bukken_local.processes.waiting import POLL_SECONDS


class EvictionRefused(Exception):
    """A budget leaves no room now (the API server's 429); later it may."""


class Evictions:
    """Evicts Pods of Deployments under their `budgets`, which may be changed at any time."""

    def __init__(
        self,
        deployments: Collection[DeploymentController],
        *,
        budgets: Collection[PodDisruptionBudget],
        delays: Delays,
    ) -> None:
        self._deployments = deployments
        self.budgets = budgets
        self._retry_seconds = delays.eviction_retry.seconds

    def evict(self, name: str) -> DeploymentController:
        """Stops a Pod unless a budget forbids it, and gives the Deployment it was one of.

        Raises:
            EvictionRefused, NoSuchPod: nothing was done.
        """
        deployment, pod = self._find(name)
        for budget in self.budgets:
            if budget.spec.selector.meets(deployment.labels):
                _ask(budget, pod=pod, deployment=deployment)
        deployment.delete(name)
        return deployment

    async def drain(self, names: Iterable[str]) -> None:
        """Evicts all Pods of what would be a node, together, as `kubectl drain` does.

        Returns when all are gone; one that a budget protects is asked for again and again.
        """
        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(self._insist(name))

    async def _insist(self, name: str) -> None:
        _, pod = self._find(name)
        while not pod.terminating:
            try:
                self.evict(name)
            except EvictionRefused:
                await asyncio.sleep(self._retry_seconds)
        while pod.exists:  # noqa: ASYNC110 — processes set no Event
            await asyncio.sleep(POLL_SECONDS)

    def _find(self, name: str) -> tuple[DeploymentController, Pod]:
        for deployment in self._deployments:
            for pod in deployment.pods:
                if pod.name == name and not pod.terminating:
                    return deployment, pod
        raise NoSuchPod(f"there is no Pod {name}, or it is stopping already")


def _ask(budget: PodDisruptionBudget, *, pod: Pod, deployment: DeploymentController) -> None:
    spec = budget.spec
    healthy = sum(each.ready for each in deployment.pods)
    needed = _needed(spec, expected=deployment.replicas)
    if pod.ready:
        allowed = healthy > needed
    else:
        allowed = healthy >= needed or spec.unhealthy_pod_eviction_policy == "AlwaysAllow"
    if not allowed:
        raise EvictionRefused(
            f"{pod.name} is not evicted: {healthy} Pods of {deployment.name} are ready and "
            f"PodDisruptionBudget {budget.metadata.name} needs {needed} of {deployment.replicas}"
        )


def _needed(spec: BudgetSpec, *, expected: int) -> int:
    """How many must stay; shares are rounded up, whichever of the two is given."""
    if spec.min_available is not None:
        return resolved(spec.min_available, of=expected, round_up=True)
    assert spec.max_unavailable is not None  # noqa: S101 — a BudgetSpec has exactly one
    return max(0, expected - resolved(spec.max_unavailable, of=expected, round_up=True))
