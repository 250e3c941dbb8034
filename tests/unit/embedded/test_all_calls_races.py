"""Two commands at the same time: one is first, and the other is told so."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ipvl.embedded.all_calls import CALLS
from ipvl.embedded.call_messages import AnyNetwork, Attach, CreateNetwork, NamedNetwork
from ipvl.embedded.sandbox_messages import NamedSandbox, NetworkAttachment, SandboxEnded, StartSandbox
from ipvl.errors import IpvlError, Kind
from tests.unit.invariants import check_invariants
from tests.unit.slow_kernel import SlowKernel

BLUE = "/run/netns/blue"
WEB = CreateNetwork("web", ("192.168.20.0/24",), options={"parent": "eth0.20"})
PROCESS = 47


@pytest.fixture
def slow(world):
    world.kernel.open_sandbox(BLUE)
    world.kernel.open_sandbox(f"/proc/{PROCESS}/ns/net")
    world.engine.kernel = SlowKernel(world.kernel)
    return world


def at_once(world, *calls: tuple[str, object]) -> list[object]:
    """Do the calls at the same time; return answers, and refusals by their kind."""

    async def all_of_them() -> list[object]:
        # Whoever looks before it waits for the engine has looked by then.
        async with world.engine.lock:
            tasks = [asyncio.create_task(CALLS[name].handle(world.engine, request)) for name, request in calls]
            for _ in range(20):
                await asyncio.sleep(0)
        return await asyncio.gather(*tasks, return_exceptions=True)

    # A lock that was waited for belongs to the loop it was waited in.
    world.engine.lock, world.engine.creation = asyncio.Lock(), asyncio.Lock()
    found = world.run(all_of_them())
    check_invariants(world)
    for one in found:
        assert not isinstance(one, BaseException) or isinstance(one, IpvlError), repr(one)
    return [one.kind if isinstance(one, IpvlError) else one for one in found]


def start(identity: str) -> tuple[str, StartSandbox]:
    return "sandbox.start", StartSandbox(
        identity,
        "one",
        "one",
        ("sh",),
        "alpine",
        PROCESS,
        PROCESS,
        removed_at_end=False,
        attachments=(),
        hosts="/hosts",
    )


@pytest.mark.parametrize("removal", [("network.remove", NamedNetwork("web")), ("network.prune", AnyNetwork())])
def test_a_network_that_is_being_joined_is_not_removed(slow, removal):
    """Its first member has its port and keeps it."""
    at_once(slow, ("network.create", WEB))

    attached, removed = at_once(slow, ("attach", Attach(NetworkAttachment("web"), BLUE)), removal)

    assert Kind.CONFLICT is removed or removed.names == ()
    assert [attached.id] == [endpoint.id for endpoint in slow.engine.records.endpoints()]
    assert slow.kernel.link("eth0", BLUE) is not None


def test_a_network_that_is_being_removed_is_not_joined(slow):
    """The other way round: nothing is left of either."""
    at_once(slow, ("network.create", WEB))

    removed, attached = at_once(
        slow, ("network.remove", NamedNetwork("web")), ("attach", Attach(NetworkAttachment("web"), BLUE))
    )

    assert (("web",), Kind.MISSING) == (removed.names, attached)
    assert slow.kernel.link("eth0", BLUE) is None


def test_a_network_is_made_once(slow):
    """Of two with one name."""
    _, second = at_once(slow, ("network.create", WEB), ("network.create", WEB))

    assert Kind.CONFLICT is second


def test_a_sandbox_is_started_once(slow):
    """Of two with one name."""
    _, second = at_once(slow, start("a" * 12), start("b" * 12))

    assert Kind.CONFLICT is second
    assert ["a" * 12] == [sandbox.id for sandbox in slow.engine.records.sandboxes()]


def test_a_sandbox_is_removed_once(slow):
    """The second who asks is told that it is not there."""
    at_once(slow, start("a" * 12))
    at_once(slow, ("sandbox.ended", SandboxEnded("a" * 12, 0)))

    removal = ("sandbox.remove", NamedSandbox("one"))
    first, second = at_once(slow, removal, removal)

    assert (("a" * 12,), Kind.MISSING) == (first.names, second)


def test_a_sandbox_that_starts_again_is_remembered_as_it_is_now(slow):
    """Its second life has another process: memory and disk agree about it, so a restart of ipvl finds it alive."""
    at_once(slow, start("a" * 12))
    at_once(slow, ("sandbox.ended", SandboxEnded("a" * 12, 0)))
    slow.kernel.open_sandbox("/proc/48/ns/net")
    again = replace(start("a" * 12)[1], process=48, supervisor=48)

    assert [()] == at_once(slow, ("sandbox.start", again))

    slow.restart()
    (sandbox,) = slow.engine.records.sandboxes()
    assert (48, 48, None) == (sandbox.process, sandbox.supervisor, sandbox.ended)
    assert sandbox.inode == slow.kernel.namespace_inode("/proc/48/ns/net")
