"""Every call by its name: what it takes and who does it. The control door serves this table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ipvl.driver.engine import Engine
from ipvl.embedded import call_messages as messages
from ipvl.embedded import forget_networks as forgetting
from ipvl.embedded import members, networks, sandbox_messages, sandboxes


@dataclass(frozen=True, slots=True)
class Call:
    """The type of a call's question, and what answers it, as `messages.ANSWERS` says."""

    request: type
    handle: Callable[[Engine, Any], Awaitable[object]]


CALLS: dict[str, Call] = {
    "network.create": Call(messages.CreateNetwork, networks.create),
    "network.list": Call(messages.AnyNetwork, networks.listed),
    "network.inspect": Call(messages.NamedNetwork, networks.inspected),
    "network.remove": Call(messages.NamedNetwork, networks.remove),
    "network.prune": Call(messages.AnyNetwork, networks.prune),
    "network.forget": Call(messages.Forget, forgetting.forget),
    "network.connect": Call(messages.Connect, members.connect),
    "network.disconnect": Call(messages.Disconnect, members.disconnect),
    "attach": Call(messages.Attach, members.attach),
    "detach": Call(messages.Detach, members.detach),
    "sandbox.check": Call(sandbox_messages.CheckSandbox, sandboxes.check),
    "sandbox.start": Call(sandbox_messages.StartSandbox, sandboxes.start),
    "sandbox.ended": Call(sandbox_messages.SandboxEnded, sandboxes.ended),
    "sandbox.list": Call(messages.AnySandbox, sandboxes.listed),
    "sandbox.inspect": Call(sandbox_messages.NamedSandbox, sandboxes.inspected),
    "sandbox.remove": Call(sandbox_messages.NamedSandbox, sandboxes.remove),
}
