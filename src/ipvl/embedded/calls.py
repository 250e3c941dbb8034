"""Every call by its name: what it takes, what it answers, and who does it. The control door serves this table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ipvl.driver.engine import Engine
from ipvl.embedded import members, messages, networks, sandboxes


@dataclass(frozen=True, slots=True)
class Call:
    """The types of a call's question and answer, and what answers it."""

    request: type
    answer: type
    handle: Callable[[Engine, Any], Awaitable[object]]


CALLS: dict[str, Call] = {
    "network.create": Call(messages.CreateNetwork, messages.NetworkCreated, networks.create),
    "network.list": Call(messages.AnyNetwork, messages.Networks, networks.listed),
    "network.inspect": Call(messages.NamedNetwork, messages.NetworkView, networks.inspected),
    "network.remove": Call(messages.NamedNetwork, messages.Removed, networks.remove),
    "network.prune": Call(messages.AnyNetwork, messages.Removed, networks.prune),
    "network.connect": Call(messages.Connect, messages.Member, members.connect),
    "network.disconnect": Call(messages.Disconnect, messages.Member, members.disconnect),
    "attach": Call(messages.Attach, messages.Member, members.attach),
    "detach": Call(messages.Detach, messages.Member, members.detach),
    "sandbox.check": Call(messages.CheckSandbox, messages.Removed, sandboxes.check),
    "sandbox.start": Call(messages.StartSandbox, messages.SandboxStarted, sandboxes.start),
    "sandbox.ended": Call(messages.SandboxEnded, messages.Removed, sandboxes.ended),
    "sandbox.list": Call(messages.AnySandbox, messages.Sandboxes, sandboxes.listed),
    "sandbox.inspect": Call(messages.NamedSandbox, messages.SandboxView, sandboxes.inspected),
    "sandbox.remove": Call(messages.NamedSandbox, messages.Removed, sandboxes.remove),
}
