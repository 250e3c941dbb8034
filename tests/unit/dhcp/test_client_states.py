"""The client's states, walked through as RFC 2131 draws them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvl.dhcp.client_states import (
    Denied,
    Exchange,
    Granted,
    NoAnswer,
    Stage,
    advance_exchange,
    decline_message,
    discover_message,
    receive_reply,
    release_message,
    start_acquiring,
    start_extending,
    start_regaining,
)
from ipvl.dhcp.dhcp_messages import Message, MessageType
from tests.unit.dhcp.cases import ADDRESS, CLIENT, NOW, OTHER_ADDRESS, OTHER_SERVER, SERVER, XID, reply, terms

OFFER, ACK, NAK = MessageType.OFFER, MessageType.ACK, MessageType.NAK


def fresh(**fields) -> Exchange:
    return start_acquiring(CLIENT, XID, NOW, **{"hint": None, "within": 10.0, **fields})


def sent(exchange: Exchange, now: float = NOW, jitter: float = 0.0) -> tuple[Exchange, Message]:
    """Let the exchange send what is due."""
    step = advance_exchange(exchange, now, jitter)
    assert not isinstance(step, NoAnswer)
    after, message = step
    assert message is not None
    return after, message


def requesting() -> Exchange:
    exchange, _ = sent(fresh())
    exchange, _ = sent(receive_reply(exchange, reply(OFFER), NOW))
    return exchange


def test_a_lease_is_discovered_offered_requested_and_granted():
    """Four messages; the request names the server and the address, so that other servers take theirs back."""
    exchange, message = sent(fresh())
    assert Message(MessageType.DISCOVER, XID, CLIENT) == message

    exchange, message = sent(receive_reply(exchange, reply(OFFER), NOW + 1), NOW + 1)
    assert Message(MessageType.REQUEST, XID, CLIENT, 1, requested=ADDRESS, chosen=SERVER.address) == message

    assert Granted(terms(obtained=NOW + 1)) == receive_reply(exchange, reply(ACK), NOW + 3), (
        "it runs from the question on"
    )


def test_the_address_of_before_is_asked_for():
    """A server that still has it free gives it again."""
    _, message = sent(fresh(hint=ADDRESS))

    assert Message(MessageType.DISCOVER, XID, CLIENT, requested=ADDRESS) == message


def test_a_lease_that_runs_needs_no_discovery():
    """INIT-REBOOT: one question, one answer."""
    exchange, message = sent(fresh(hint=ADDRESS, granted=True))

    assert Message(MessageType.REQUEST, XID, CLIENT, requested=ADDRESS) == message
    assert Granted(terms()) == receive_reply(exchange, reply(ACK), NOW)


def test_another_address_than_that_of_before_is_not_granted_by_an_acknowledgement():
    """Only an offer may bring another one."""
    exchange, _ = sent(fresh(hint=ADDRESS, granted=True))

    assert exchange == receive_reply(exchange, reply(ACK, OTHER_ADDRESS), NOW)


def test_a_refused_address_of_before_leads_to_a_discovery():
    """The host was moved to another segment, or the server gave the address to another."""
    exchange, _ = sent(fresh(hint=ADDRESS, granted=True))

    exchange = receive_reply(exchange, reply(NAK), NOW)
    exchange, message = sent(exchange, exchange.wakes)

    assert Message(MessageType.DISCOVER, XID, CLIENT, 1) == message


def test_an_unanswered_address_of_before_leads_to_a_discovery():
    """Its server may be gone, and another be there."""
    exchange = fresh(hint=ADDRESS, granted=True, within=100.0)
    types = []
    for _ in range(3):
        exchange, message = sent(exchange, exchange.wakes)
        types.append(message.type)

    assert [MessageType.REQUEST, MessageType.REQUEST, MessageType.DISCOVER] == types


def test_a_refused_offer_begins_anew():
    """The server changed its mind; a pause keeps two that disagree from a storm."""
    exchange = receive_reply(requesting(), reply(NAK), NOW)

    assert (Stage.SELECTING, NOW + 1, None) == (exchange.stage, exchange.wakes, exchange.offer)


@pytest.mark.parametrize(
    "answer",
    [
        reply(ACK, xid=1),
        reply(ACK, identifier="db"),
        reply(ACK, OTHER_ADDRESS),
        reply(ACK, server=OTHER_SERVER),
        reply(NAK, server=OTHER_SERVER),
        reply(NAK, server=None),
        reply(ACK, lease_seconds=None),
        reply(OFFER),
    ],
    ids=str,
)
def test_answers_that_are_not_meant_change_nothing(answer):
    """Another exchange's, another client's, another server's, another address, no time, or not what is waited for."""
    exchange = requesting()

    assert exchange == receive_reply(exchange, answer, NOW)


@pytest.mark.parametrize("type_", [ACK, NAK, MessageType.DISCOVER, MessageType.RELEASE])
def test_only_offers_are_chosen_from(type_):
    """Who has asked for offers takes nothing else."""
    exchange, _ = sent(fresh())

    assert exchange == receive_reply(exchange, reply(type_), NOW)


def test_pauses_double_with_jitter_up_to_a_minute():
    """RFC 2131, 4.1: 4, 8, 16, 32 and 64 seconds, each a second more or less."""
    exchange, pauses = fresh(within=10000.0), []
    for jitter in (0.0, 1.0, -1.0, 0.5, 0.0, 0.0):
        before = exchange.wakes
        exchange, _ = sent(exchange, before, jitter)
        pauses.append(exchange.wakes - before)

    assert [4.0, 9.0, 15.0, 32.5, 64.0, 64.0] == pauses


def test_nobody_answers():
    """After the time that was set, and not before, it is over."""
    exchange, _ = sent(fresh(within=3.0))

    assert (NOW + 3, NoAnswer(offered=False)) == (exchange.wakes, advance_exchange(exchange, NOW + 3, 0.0))


def test_an_offer_that_nobody_acknowledges_is_told_from_silence():
    """Somebody is there, and does not want this client."""
    assert NoAnswer(offered=True) == advance_exchange(requesting(), NOW + 10, 0.0)


def test_an_offer_is_asked_for_four_times_and_then_forgotten():
    """Its server went away after its offer."""
    exchange = replace(requesting(), ends=None)
    types = []
    for _ in range(4):
        exchange, message = sent(exchange, exchange.wakes)
        types.append(message.type)

    assert [MessageType.REQUEST] * 3 + [MessageType.DISCOVER] == types


def test_renewal_asks_the_server_alone():
    """From the address that is held, to the server and to where its answers came from."""
    exchange, message = sent(start_extending(CLIENT, XID, NOW + 500, terms()), NOW + 500)

    assert Message(MessageType.REQUEST, XID, CLIENT, held=ADDRESS, to=SERVER) == message
    assert Granted(terms(obtained=NOW + 500)) == receive_reply(exchange, reply(ACK), NOW + 501)


def test_renewal_is_repeated_at_half_of_what_is_left_and_at_least_a_minute_apart():
    """RFC 2131, 4.4.5; then any server is asked."""
    exchange, asked = start_extending(CLIENT, XID, NOW + 500, terms()), []
    while True:
        step = advance_exchange(exchange, exchange.wakes, 0.0)
        if isinstance(step, NoAnswer):
            break
        now, (exchange, message) = exchange.wakes, step
        if message is not None:
            asked.append((now - NOW, message.to))

    assert [
        (500.0, SERVER),
        (687.5, SERVER),
        (781.25, SERVER),
        (841.25, SERVER),
        (875.0, None),
        (937.5, None),
        (997.5, None),
    ] == asked
    assert exchange.wakes == NOW + 1000, "that is when it ends"


def test_rebinding_takes_any_server():
    """The one that granted it is gone; another knows the lease."""
    exchange, message = sent(start_extending(CLIENT, XID, NOW + 900, terms()), NOW + 900)
    assert Message(MessageType.REQUEST, XID, CLIENT, held=ADDRESS) == message

    granted = receive_reply(exchange, reply(ACK, server=OTHER_SERVER), NOW + 901)

    assert OTHER_SERVER.address == granted.terms.server


def test_renewal_takes_no_other_server():
    """Nobody else was asked, so nobody else takes the lease away."""
    exchange, _ = sent(start_extending(CLIENT, XID, NOW + 500, terms()), NOW + 500)

    assert exchange == receive_reply(exchange, reply(NAK, server=OTHER_SERVER), NOW + 501)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (reply(NAK), "server 192.168.20.1 took it back"),
        (reply(NAK, text="gone\nfishing"), r"server 192.168.20.1 took it back ('gone\nfishing')"),
        (reply(ACK, OTHER_ADDRESS), "server 192.168.20.1 grants 192.168.20.101/24 in its place"),
        (reply(ACK, prefix_length=16), "server 192.168.20.1 grants 192.168.20.100/16 in its place"),
    ],
)
def test_a_server_takes_a_lease_back(answer, why):
    """By saying so, or by granting what the container cannot be given any more."""
    exchange, _ = sent(start_extending(CLIENT, XID, NOW + 500, terms()), NOW + 500)

    assert Denied(why) == receive_reply(exchange, answer, NOW + 501)


def test_an_extension_that_cannot_be_used_is_waited_out():
    """An acknowledgement without a time grants nothing and takes nothing."""
    exchange, _ = sent(start_extending(CLIENT, XID, NOW + 500, terms()), NOW + 500)

    assert exchange == receive_reply(exchange, reply(ACK, lease_seconds=None), NOW + 501)


def test_a_lost_address_is_asked_for_again_and_no_other_is_taken():
    """The container has it still, and can have no other."""
    exchange, message = sent(start_regaining(CLIENT, XID, NOW, ADDRESS))
    assert Message(MessageType.DISCOVER, XID, CLIENT, requested=ADDRESS) == message
    assert exchange == receive_reply(exchange, reply(OFFER, OTHER_ADDRESS), NOW)

    exchange, message = sent(receive_reply(exchange, reply(OFFER), NOW))
    assert message.requested == ADDRESS
    assert ADDRESS == receive_reply(exchange, reply(NAK), NOW).hint, "and is asked for once more"
    assert Granted(terms()) == receive_reply(exchange, reply(ACK), NOW)


def test_a_lost_address_is_asked_for_as_long_as_it_takes():
    """A minute apart in the end."""
    exchange = start_regaining(CLIENT, XID, NOW, ADDRESS)
    for _ in range(200):
        exchange, _ = sent(exchange, exchange.wakes)

    assert exchange.sent == 200


def test_the_last_words():
    """Release goes to the server alone, from the address; a decline to everybody, from none."""
    assert Message(MessageType.RELEASE, XID, CLIENT, held=ADDRESS, chosen=SERVER.address, to=SERVER) == release_message(
        CLIENT, XID, terms()
    )
    assert Message(MessageType.DECLINE, XID, CLIENT, requested=ADDRESS, chosen=SERVER.address) == decline_message(
        CLIENT, XID, terms()
    )
    assert Message(MessageType.DISCOVER, XID, CLIENT) == discover_message(CLIENT, XID)


ANSWERS = st.sampled_from(
    [
        reply(type_, address, server=server)
        for type_ in MessageType
        for address in (ADDRESS, OTHER_ADDRESS)
        for server in (SERVER, OTHER_SERVER)
    ]
)


@given(
    st.sampled_from(
        [
            fresh(),
            fresh(hint=ADDRESS),
            fresh(hint=ADDRESS, granted=True),
            start_extending(CLIENT, XID, NOW, terms()),
            start_regaining(CLIENT, XID, NOW, ADDRESS),
        ]
    ),
    st.lists(st.none() | ANSWERS, max_size=40),
    st.floats(-1, 1),
)
def test_no_course_of_events_stands_still_or_grants_what_nobody_asked_for(exchange, events, jitter):
    """Whatever is heard: time goes on, an end is an end, and what must be one address is that address."""
    must_be = ADDRESS if exchange.only or exchange.held is not None else None
    now = NOW
    for answer in events:
        if answer is None:
            now = max(now, exchange.wakes)
            step = advance_exchange(exchange, now, jitter)
            if isinstance(step, NoAnswer):
                assert exchange.ends is not None and now >= exchange.ends
                return
            exchange, _ = step
            assert exchange.wakes > now
        else:
            outcome = receive_reply(exchange, answer, now)
            if isinstance(outcome, Granted):
                assert must_be in {None, outcome.terms.address.ip}
                return
            if isinstance(outcome, Denied):
                assert exchange.held is not None
                return
            exchange = outcome
