"""Every call by its name: what it takes and who does it. The control door serves this table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ipvl.driver.engine import Engine
from ipvl.embedded import attach_detach, call_messages, forget_networks, networks, sandbox_messages, sandboxes


@dataclass(frozen=True, slots=True)
class Call:
    """The type of a call's question, and what answers it, as `call_messages.ANSWERS` says."""

    request: type
    handle: Callable[[Engine, Any], Awaitable[object]]


CALLS: dict[str, Call] = {
    "network.create": Call(call_messages.CreateNetwork, networks.create),
    "network.list": Call(call_messages.AnyNetwork, networks.listed),
    "network.inspect": Call(call_messages.NamedNetwork, networks.inspected),
    "network.remove": Call(call_messages.NamedNetwork, networks.remove),
    "network.prune": Call(call_messages.AnyNetwork, networks.prune),
    "network.forget": Call(call_messages.Forget, forget_networks.forget),
    "network.connect": Call(call_messages.Connect, attach_detach.connect),
    "network.disconnect": Call(call_messages.Disconnect, attach_detach.disconnect),
    "attach": Call(call_messages.Attach, attach_detach.attach),
    "detach": Call(call_messages.Detach, attach_detach.detach),
    "sandbox.check": Call(sandbox_messages.CheckSandbox, sandboxes.check),
    "sandbox.start": Call(sandbox_messages.StartSandbox, sandboxes.start),
    "sandbox.ended": Call(sandbox_messages.SandboxEnded, sandboxes.ended),
    "sandbox.list": Call(call_messages.AnySandbox, sandboxes.listed),
    "sandbox.inspect": Call(sandbox_messages.NamedSandbox, sandboxes.inspected),
    "sandbox.remove": Call(sandbox_messages.NamedSandbox, sandboxes.remove),
}
