"""What only a human can mend, as plain values: a sentence for people, and which links and network it is about."""

from __future__ import annotations

from dataclasses import dataclass, field

from ipvl.errors import IpvlError
from ipvl.model.host_port_steps import MakeHostPort
from ipvl.model.networks import Network
from ipvl.model.steps import (
    MakePort,
    MakeVlan,
    RemoveLeftPort,
    RemoveSandboxPort,
    RestoreRoutes,
    RoutePort,
    SetMtu,
    Step,
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something wrong that ipvl does not mend itself. Two with the same text are the same, so one is told once.

    `text` says what is wrong and the way out. `network` is the one that it is about, None where that is
    several or none, and `links` are the names of the links whose change may end it, beside the network's parent.
    """

    text: str
    network: Network | None = field(default=None, compare=False)
    links: frozenset[str] = field(default=frozenset(), compare=False)

    def concerns(self, link: str) -> bool:
        """Tell whether a change of this link may end it."""
        return link in self.links or (self.network is not None and link == self.network.parent)


def trouble_with_step(step: Step, error: IpvlError) -> Trouble:
    """Return what is wrong when the kernel refused a step: it concerns the links of the host's that the step names."""
    match step:
        case SetMtu():
            links = {step.interface} if step.namespace is None else set()
        case MakeVlan():
            links = {step.name, step.base}
        case MakePort() | MakeHostPort():
            links = {step.name, step.parent}
        case RoutePort() | RestoreRoutes() | RemoveSandboxPort() | RemoveLeftPort():
            links = set()
        case _:
            links = {step.name}
    return Trouble(str(error), links=frozenset(links))
