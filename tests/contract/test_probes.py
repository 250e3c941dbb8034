"""What only the real kernel can show of probes: who answers, who does not, and what the question leaves behind."""

from __future__ import annotations

import asyncio
import math
import subprocess
from ipaddress import IPv6Address, ip_address

import pytest

from ipvl.facts import Question
from ipvl.kernel import probes
from ipvl.kernel.probes import advertised, arp_answer, arp_request, ask, made_of, solicitation
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
    return asyncio.run(ask(questions, senders or {}, one_answer_each=one_answer_each))


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
    monkeypatch.setattr(probes, "ANSWERED_BY", math.inf)

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


@pytest.mark.parametrize("cut", [0, 13, 41])
def test_arp_frames_that_are_no_answers(cut):
    """Short ones, and requests."""
    request = arp_request(bytes(6), HELD4, None)

    assert None is arp_answer(request)
    assert None is arp_answer(request[:cut])


@pytest.mark.parametrize("cut", [0, 13, 54, 77])
def test_ipv6_frames_that_are_no_answers(cut):
    """Short ones, solicitations, and advertisements that a router has passed on."""
    question = solicitation(bytes(6), HELD6, made_of(bytes(6)))
    far_away = bytearray(question)
    far_away[21], far_away[54] = 254, 136

    assert None is advertised(question)
    assert None is advertised(question[:cut])
    assert None is advertised(bytes(far_away))


def test_the_address_that_a_mac_address_makes():
    """RFC 4291, appendix A."""
    assert ip_address("fe80::250:56ff:fe39:452e") == made_of(bytes.fromhex("00505639452e"))
