"""What `ipvl run` and `stop` ask, apart from the rest: making every message's class outlasts Python's start."""

from __future__ import annotations

from dataclasses import dataclass

PLAIN_CALLS = frozenset({"sandbox.check", "sandbox.start", "sandbox.ended"})
"""Calls that answer nothing, or, for `sandbox.start`, texts that the user is to see: JSON that needs no type."""


@dataclass(frozen=True, slots=True)
class NetworkAttachment:
    """A request to be on a network: explicit addresses are empty when any will do; a MAC address is refused."""

    network: str
    ip: str = ""
    ip6: str = ""
    aliases: tuple[str, ...] = ()
    interface: str = ""
    mac: str = ""


@dataclass(frozen=True, slots=True)
class CheckSandbox:
    """Ask whether a sandbox could be started, before any process is."""

    name: str
    attachments: tuple[NetworkAttachment, ...]


@dataclass(frozen=True, slots=True)
class StartSandbox:
    """Put a sandbox whose first process waits on its networks, and remember it."""

    id: str
    name: str
    hostname: str
    command: tuple[str, ...]
    root_filesystem: str
    process: int
    supervisor: int
    removed_at_end: bool
    attachments: tuple[NetworkAttachment, ...]
    hosts: str


@dataclass(frozen=True, slots=True)
class SandboxEnded:
    """The sandbox's program has ended with this status."""

    id: str
    exit_status: int


@dataclass(frozen=True, slots=True)
class NamedSandbox:
    """A sandbox by its name, its id, or the beginning of its id."""

    sandbox: str
