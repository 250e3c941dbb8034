"""Sandboxes on networks: their start, their end, and what is told of both."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address

import pytest

from ipvl.driver.events.event_types import Selection
from ipvl.embedded import attach_detach, sandboxes
from ipvl.embedded.call_messages import AnySandbox, Connect, Disconnect
from ipvl.embedded.sandbox_messages import CheckSandbox, NamedSandbox, NetworkAttachment, SandboxEnded
from ipvl.errors import IpvlError, Kind
from tests.unit.embedded.members import BLUE, RED, attach, start, started


def test_a_sandbox_is_on_many_networks_and_comes_off_all(web):
    """Its end frees every address."""
    before = web.picture()[1]
    start(web, 100, "one", "web", "db")
    (view,) = web.run(sandboxes.listed(web.engine, AnySandbox())).sandboxes
    assert ["eth0", "eth1"] == [member.interface for member in view.members]
    assert ("2023-11-14T22:13:20.000000Z", None) == (view.started, view.ended)
    web.wait(1.5)

    web.kernel.end_sandbox("/proc/100/ns/net")
    web.run(sandboxes.ended(web.engine, SandboxEnded(f"{100:064x}", 3)))

    (view,) = web.run(sandboxes.listed(web.engine, AnySandbox(all=True))).sandboxes
    assert (False, 3, ()) == (view.running, view.exit_status, view.members)
    assert "2023-11-14T22:13:21.500000Z" == view.ended
    assert [] == list(web.engine.records.endpoints())
    assert before == web.picture()[1]


def test_a_sandbox_that_cannot_join_its_second_network_is_not_started(web):
    """Nothing is left on the first either."""
    before = web.picture()[1]
    with pytest.raises(IpvlError, match="network none does not exist"):
        start(web, 100, "one", "web", "none")

    assert [] == list(web.engine.records.endpoints())
    assert [] == list(web.engine.records.sandboxes())
    assert before == web.picture()[1]


def test_an_address_that_was_there_for_a_moment_is_not_the_next(web):
    """A sandbox that the second network refuses had one on the first; neighbours may have heard of it."""
    holder = attach(web, network="db")
    taken = NetworkAttachment("db", ip=str(holder.addresses[0]).partition("/")[0])
    before = web.picture()[1]

    with pytest.raises(IpvlError, match="is in use"):
        start(web, 100, "one", attachments=(NetworkAttachment("web"), taken))

    assert [holder.id] == [one.id for one in web.engine.records.endpoints()]
    assert [] == list(web.engine.records.sandboxes())
    assert before == web.picture()[1]
    assert ("192.168.1.3/24",) == attach(web, RED).addresses


def test_connect_and_disconnect(web):
    """A running sandbox goes on one more network and off again."""
    start(web, 100, "one", "web")
    member = web.run(attach_detach.connect(web.engine, Connect(NetworkAttachment("db", ip="10.7.0.9"), "one")))
    assert ("one", "eth1", ("10.7.0.9/16",)) == (member.name, member.interface, member.addresses)

    web.run(attach_detach.disconnect(web.engine, Disconnect("db", "one")))
    assert None is web.kernel.link("eth1", "/proc/100/ns/net")
    expected = "one is not on network db; see `ipvl network inspect db`"
    assert expected == web.refusal(Kind.MISSING, attach_detach.disconnect(web.engine, Disconnect("db", "one")))


def test_a_sandbox_whose_supervisor_was_killed_is_noticed(web):
    """Its process is gone, so its address is free, its files go and its record says that it ended."""
    start(web, 100, "one", "web")
    start(web, 200, "two", "web")
    web.kernel.end_sandbox("/proc/100/ns/net")

    web.run(sandboxes.supervisor_gone(web.engine, f"{100:064x}"))

    view = web.run(sandboxes.inspected(web.engine, NamedSandbox("one")))
    assert (False, 137) == (view.running, view.exit_status)
    assert ["two"] == [endpoint.name for endpoint in web.engine.records.endpoints()]
    assert ["one"] == web.discarded
    assert (f"{100:064x}",) == web.run(sandboxes.remove(web.engine, NamedSandbox("one"))).names


def test_what_a_reboot_ended_is_noticed_at_the_start(web):
    """Every sandbox has ended, and can be started again under its name and address."""
    start(web, 100, "one", attachments=(NetworkAttachment("web", ip="192.168.1.9"),))
    start(web, 200, "two", "web", removed_at_end=True)
    web.kernel.reboot()

    web.restart()
    web.run(sandboxes.end_gone_sandboxes(web.engine))

    (view,) = web.run(sandboxes.listed(web.engine, AnySandbox(all=True))).sandboxes
    assert ("one", False, 137) == (view.name, view.running, view.exit_status)
    assert ["one", "two"] == web.discarded
    start(web, 300, "one", id=view.id, attachments=(NetworkAttachment("web", ip="192.168.1.9"),))
    (view,) = web.run(sandboxes.listed(web.engine, AnySandbox())).sandboxes
    assert ("192.168.1.9/24",) == view.members[0].addresses
    assert (True, 300, None) == (view.running, view.process, view.exit_status)
    before = web.picture()
    web.restart()
    web.run(sandboxes.end_gone_sandboxes(web.engine))
    assert before == web.picture(), "the next daemon knows its process, too"


def test_a_stopped_sandbox_keeps_the_address_it_asked_for(web):
    """Nobody else is given it, by choice or by name, until it is removed; then it is free."""
    given = attach(web, path=RED, name="red").addresses[0].partition("/")[0]
    following = str(ip_address(given) + 1)
    start(web, 100, "one", attachments=(NetworkAttachment("web", ip=following),))
    start(web, 200, "two", removed_at_end=True, attachments=(NetworkAttachment("web", ip="192.168.1.99"),))
    for process in (100, 200):
        web.kernel.end_sandbox(f"/proc/{process}/ns/net")
        web.run(sandboxes.ended(web.engine, SandboxEnded(f"{process:064x}", 0)))
    web.restart()

    web.kernel.open_sandbox(BLUE)
    with pytest.raises(IpvlError) as refused:
        attach(web, ip=following, name="blue")
    assert (
        f"address {following} is kept for sandbox one of network web, which asked for it and is stopped; choose another"
        " address or remove what holds it"
    ) == str(refused.value)
    assert str(ip_address(given) + 2) == attach(web, name="blue").addresses[0].partition("/")[0]

    start(web, 300, "one", id=f"{100:064x}", attachments=(NetworkAttachment("web", ip=following),))
    web.kernel.end_sandbox("/proc/300/ns/net")
    web.run(sandboxes.ended(web.engine, SandboxEnded(f"{100:064x}", 0)))
    web.run(sandboxes.remove(web.engine, NamedSandbox("one")))
    assert [] == list(web.engine.records.static_addresses())
    web.picture()


def test_a_start_that_fails_leaves_an_ended_sandbox_as_it_was(web):
    """It can be tried again when the address is free."""
    start(web, 100, "one", "web")
    web.kernel.end_sandbox("/proc/100/ns/net")
    web.run(sandboxes.ended(web.engine, SandboxEnded(f"{100:064x}", 3)))
    attach(web, ip="192.168.1.9", name="blue")
    before = web.picture()[0]

    with pytest.raises(IpvlError, match="in use on parent eth0 by endpoint blue"):
        start(web, 300, "one", id=f"{100:064x}", attachments=(NetworkAttachment("web", ip="192.168.1.9"),))

    assert before == web.picture()[0]


def test_a_sandbox_that_runs_is_not_started(web):
    """Whoever asked twice is told."""
    start(web, 100, "one", "web")

    with pytest.raises(IpvlError, match="sandbox one runs already; stop it first: ipvl stop one"):
        start(web, 300, "one", "web", id=f"{100:064x}")


def test_the_supervisors_word_on_the_status_is_the_last(web):
    """Another command may find the process gone before the supervisor has told how it ended."""
    start(web, 100, "one", "web")
    web.kernel.end_sandbox("/proc/100/ns/net")
    web.run(sandboxes.end_gone_sandboxes(web.engine))

    web.run(sandboxes.ended(web.engine, SandboxEnded(f"{100:064x}", 3)))

    assert 3 == web.run(sandboxes.inspected(web.engine, NamedSandbox("one"))).exit_status


def test_a_network_that_is_given_twice_is_refused_before_anything_starts(web):
    """In the words of the command line."""
    request = CheckSandbox("one", (NetworkAttachment("web"), NetworkAttachment("db"), NetworkAttachment("web")))

    assert "network web is given twice; give each --net once" == web.refusal(
        Kind.INVALID, sandboxes.check(web.engine, request)
    )


def test_two_sandboxes_of_one_name_that_come_at_once(web):
    """One of them is refused, though both were asked for before either was there."""

    async def both():
        calls = []
        for process in (100, 200):
            web.kernel.open_sandbox(f"/proc/{process}/ns/net")
            calls.append(sandboxes.start(web.engine, started(process, "one", "web")))
        return await asyncio.gather(*calls, return_exceptions=True)

    _, refused = web.run(both())

    assert "sandbox one exists already; choose another --name, or remove it: ipvl rm one" == str(refused)


def test_start_and_end_are_events(web):
    """With what it has on its networks, and how it ended."""
    start(web, 100, "one", "web", "db")
    web.kernel.end_sandbox("/proc/100/ns/net")
    web.run(sandboxes.ended(web.engine, SandboxEnded(f"{100:064x}", 3)))

    begun, over = [event for event in web.engine.events.kept() if event.type.subject == "sandbox"]
    places = "on web as 192.168.1.2, db as 10.7.0.1"
    assert f"sandbox one has started, {places}" == begun.text
    assert ("sandbox.started", "one", "web", "one", None) == (
        begun.type,
        begun.sandbox,
        begun.network,
        begun.endpoint,
        begun.exit_status,
    )
    assert ("sandbox.ended", f"sandbox one has ended with status 3, {places}", 3) == (
        over.type,
        over.text,
        over.exit_status,
    )
    for network in ("web", "db"):
        assert [begun, over] == [
            event
            for selection in [Selection((network,), ("sandbox",))]
            for event in web.engine.events.kept()
            if selection.wants(event) and event.type.subject == "sandbox"
        ]


def test_a_sandbox_that_runs_is_not_removed(web):
    """Stop it first."""
    start(web, 100, "one", "web")

    expected = "sandbox one runs; stop it first: ipvl stop one"
    assert expected == web.refusal(Kind.CONFLICT, sandboxes.remove(web.engine, NamedSandbox("one")))
