"""What only the real kernel can show of probes: who answers, who does not, and what the question leaves behind."""

from __future__ import annotations

import asyncio
import math
import os
import socket
import subprocess
from collections.abc import Coroutine
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Any

import pytest

from ipvl.errors import IpvlError
from ipvl.kernel.wire import address_probes
from ipvl.kernel.wire.address_probes import announce_addresses, ask_neighbours, probe_addresses
from ipvl.kernel.wire.neighbour_frames import announcement_frame, arp_request, neighbour_solicitation
from ipvl.model.host_facts import Question
from tests.contract.own_namespace import in_own_namespace

NEAR, FAR = "02:00:00:00:00:01", "02:00:00:00:00:02"
ASKER = ip_address("10.9.0.1")
HELD4, FREE4 = ip_address("10.9.0.2"), ip_address("10.9.0.3")
HELD6, FREE6 = ip_address("2001:db8:9::2"), ip_address("2001:db8:9::3")


def ip(words: str) -> str:
    return subprocess.run(["ip", *words.split()], check=True, capture_output=True, text=True).stdout


def segment() -> None:
    """Make a wire from `near`, here, to `far`, in another namespace, where two addresses are held."""
    ip("netns add neighbour")
    ip(f"link add near address {NEAR} type veth peer name far address {FAR} netns neighbour")
    ip("link set near up")
    ip("-n neighbour link set far up")
    ip(f"-n neighbour address add {HELD4}/24 dev far")
    ip(f"-n neighbour address add {HELD6}/64 dev far nodad")


def asked(
    *questions: Question, senders: dict[str, IPv6Address] | None = None, one_answer_each: bool = False
) -> dict[Question, tuple[str, ...]]:
    return asyncio.run(ask_neighbours(questions, senders or {}, one_answer_each=one_answer_each))


def on_a_segment(work) -> None:
    def inside() -> None:
        segment()
        work()

    in_own_namespace(inside)


def test_holders_answer_and_others_do_not():
    """Both families at once; the asker needs no address of its own."""

    def work() -> None:
        answers = asked(*(Question("near", address) for address in (HELD4, FREE4, HELD6, FREE6)))

        assert answers == {
            Question("near", HELD4): (FAR,),
            Question("near", FREE4): (),
            Question("near", HELD6): (FAR,),
            Question("near", FREE6): (),
        }

    on_a_segment(work)


def test_the_last_answer_ends_the_wait_where_one_each_is_wanted(monkeypatch):
    """Nobody waits until the end of time for a second opinion."""
    monkeypatch.setattr(address_probes, "ANSWER_SECONDS", math.inf)

    def work() -> None:
        questions = (Question("near", HELD4), Question("near", HELD6))

        assert dict.fromkeys(questions, (FAR,)) == asked(*questions, one_answer_each=True)

    on_a_segment(work)


def test_a_probe_leaves_nothing_in_the_others_cache():
    """RFC 5227: the sender address is zero, so there is nothing to learn; a sender of ours is learnt and true."""

    def work() -> None:
        asked(Question("near", HELD4))
        assert "" == ip("-4 -n neighbour neigh show dev far")

        asked(Question("near", HELD4, ASKER))
        assert f"{ASKER} lladdr {NEAR}" in ip("-4 -n neighbour neigh show dev far")

    on_a_segment(work)


def test_a_link_with_ipv6_off_can_ask():
    """The frames are made here: the link's own stack has no part in it."""

    def work() -> None:
        with open("/proc/sys/net/ipv6/conf/near/disable_ipv6", "w") as switch:  # noqa: PTH123 - a sysctl, not a file
            switch.write("1")

        assert {Question("near", HELD6): (FAR,)} == asked(Question("near", HELD6))

    on_a_segment(work)


def test_an_answer_with_the_links_own_mac_is_no_answer():
    """A switch that sends frames back (VEPA) brings those of our own ports, which have the parent's MAC address."""

    def work() -> None:
        ip(f"-n neighbour link set far address {NEAR}")

        assert {Question("near", HELD4): ()} == asked(Question("near", HELD4))

    on_a_segment(work)


def test_links_that_cannot_be_asked_are_left_out():
    """One that does not exist; the others' answers come all the same."""

    def work() -> None:
        answers = asked(Question("nope", HELD4), Question("near", HELD4))

        assert {Question("near", HELD4): (FAR,)} == answers
        assert {} == asked(Question("nope", HELD4))
        assert {} == asked()

    on_a_segment(work)


def test_a_link_that_is_down_has_no_answers():
    """And makes no trouble."""

    def work() -> None:
        ip("link set near down")

        assert not any(asked(Question("near", HELD4), Question("near", HELD6)).values())

    on_a_segment(work)


def test_a_crowd_is_asked_within_the_same_second():
    """All at once, and none lost."""

    def work() -> None:
        for number in range(10, 60):
            ip(f"-n neighbour address add 10.9.0.{number}/24 dev far")
        questions = [Question("near", ip_address(f"10.9.0.{number}")) for number in range(10, 110)]

        answers = asked(*questions)

        assert [(FAR,)] * 50 + [()] * 50 == [answers[question] for question in questions]

    on_a_segment(work)


def test_somebody_who_is_about_to_take_the_address_has_it_too():
    """Two that probe at once both let go of it (RFC 5227, 2.1.1; RFC 4862, 5.4.3), in both families."""
    frames = {
        FREE4: arp_request(bytes.fromhex(FAR.replace(":", "")), FREE4, None),
        FREE6: neighbour_solicitation(bytes.fromhex(FAR.replace(":", "")), FREE6, IPv6Address("::")),
    }

    async def meanwhile(address) -> dict:
        # Sent once the other's first question has come: it listens by then.
        with packets("far") as far:
            asking = asyncio.create_task(probe_addresses("near", (address,)))
            await asyncio.get_running_loop().sock_recv(far, 1500)
            far.send(frames[address])
            return await asking

    def work() -> None:
        both_ends_here()
        for address in frames:
            assert {address: (FAR,)} == asyncio.run(meanwhile(address))

    in_own_namespace(work)


def test_a_conflict_ends_the_wait(monkeypatch):
    """Whoever waits for an address gets the next one at once."""
    monkeypatch.setattr(address_probes, "PROBE_WAIT_SECONDS", math.inf)

    def work() -> None:
        assert {HELD4: (FAR,)} == asyncio.run(probe_addresses("near", (HELD4, FREE6)))
        assert {HELD6: (FAR,)} == asyncio.run(probe_addresses("near", (FREE4, HELD6)))

    on_a_segment(work)


def test_a_probe_for_ipv6_leaves_nothing_in_the_others_cache():
    """It comes from no address."""

    def work() -> None:
        asyncio.run(probe_addresses("near", (HELD6,)))

        assert "" == ip("-6 -n neighbour neigh show dev far")

    on_a_segment(work)


def test_frames_of_other_vlans_say_nothing():
    """A trunk brings frames of VLANs that this host has no link for: the same address there is another's."""

    def work() -> None:
        both_ends_here()
        with packets("far") as far:
            claim = announcement_frame(bytes.fromhex(FAR.replace(":", "")), HELD4)

            assert {} == asyncio.run(answer_each(far, probe_addresses("near", (HELD4,)), tagged(claim, 30)))
            assert {HELD4: (FAR,)} == asyncio.run(answer_each(far, probe_addresses("near", (HELD4,)), claim))

    in_own_namespace(work)


def test_a_flood_keeps_nobody_from_work(monkeypatch):
    """Whatever comes in, others get their turn, and the answer in it is heard."""
    monkeypatch.setattr(address_probes, "MOST_FRAMES_AT_ONCE", 1)
    turns = []

    async def scene() -> dict:
        asking = asyncio.create_task(probe_addresses("near", (HELD4, HELD6)))
        with packets("far") as far:
            await asyncio.wait([asking], timeout=0)
            noise = [arp_request(bytes.fromhex(FAR.replace(":", "")), FREE4, ASKER) for _ in range(100)]
            for frame in (*noise, announcement_frame(bytes.fromhex(FAR.replace(":", "")), HELD4)):
                far.send(frame)
            while not asking.done():
                turns.append(True)
                await asyncio.sleep(0)
        return await asking

    def work() -> None:
        both_ends_here()
        assert {HELD4: (FAR,)} == asyncio.run(scene())
        assert len(turns) > 50

    in_own_namespace(work)


def test_announcements_go_out_once_for_each_address():
    """ARP for IPv4, neighbour discovery for IPv6, from the link's MAC address; nobody is waited for."""

    def work() -> None:
        both_ends_here()
        with packets("far", patience=10) as far:
            announce_addresses("near", (FREE4, FREE6))

            near = bytes.fromhex(NEAR.replace(":", ""))
            assert [announcement_frame(near, FREE4), announcement_frame(near, FREE6)] == [
                far.recv(1500),
                far.recv(1500),
            ]

    in_own_namespace(work)


def test_whoever_may_not_send_is_told_what_it_takes():
    """No answer must not look like silence."""

    def work() -> None:
        segment()
        os.setgid(65534)
        os.setuid(65534)
        for attempt in (
            lambda: asyncio.run(probe_addresses("near", (HELD4,))),
            lambda: announce_addresses("near", (HELD4,)),
            lambda: asked(Question("near", HELD4)),
        ):
            with pytest.raises(IpvlError) as refused:
                attempt()
            assert "ipvl may not send frames (EPERM); run it as root, or with CAP_NET_RAW" == str(refused.value)

    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    in_own_namespace(work)


def both_ends_here() -> None:
    """Make a wire whose ends are both in this namespace, which has no part in what is on it."""
    for name in ("default", "all"):
        Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
    ip(f"link add near address {NEAR} type veth peer name far address {FAR}")
    ip("link set near up")
    ip("link set far up")


def packets(link: str, patience: float = 0) -> socket.socket:
    """Return a socket that hears and sends whole frames on a link, and waits for one this many seconds at most."""
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(0x0003))
    opened.bind((link, 0x0003))
    opened.settimeout(patience)
    return opened


def tagged(frame: bytes, vlan: int) -> bytes:
    return frame[:12] + b"\x81\x00" + vlan.to_bytes(2) + frame[12:]


async def answer_each(far: socket.socket, asking: Coroutine[Any, Any, dict], frame: bytes) -> dict:
    """Send a frame whenever a question comes, until whoever asks has done with it."""
    task = asyncio.create_task(asking)
    asyncio.get_running_loop().add_reader(far, lambda: (far.recv(1500), far.send(frame)))
    try:
        return await task
    finally:
        asyncio.get_running_loop().remove_reader(far)
