"""The client's state machine (RFC 2131, 4.4): each function takes a state and an event and returns the next state.

The states INIT, INIT-REBOOT and BOUND need no value of their own: an exchange that was begun has left the first two,
and one that ended in the last is a lease.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address

from ipvl.dhcp.dhcp_messages import Client, Message, MessageType, Reply, Server
from ipvl.dhcp.granted_terms import granted_terms
from ipvl.dhcp.retransmission import (
    DELAY_AFTER_NAK_SECONDS,
    MOST_REBOOT_REQUESTS,
    MOST_REQUESTS,
    renewal_delay,
    retransmission_delay,
)
from ipvl.errors import quoted
from ipvl.model.dhcp_leases import GrantedTerms

LARGEST_SECS = 0xFFFF  # of the field `secs`: RFC 2131, 2


class Stage(StrEnum):
    """What a client is waiting for."""

    SELECTING = "selecting"  # an offer
    REQUESTING = "requesting"  # the acknowledgement of the offer it chose
    REBOOTING = "rebooting"  # that of an address it had before
    RENEWING = "renewing"  # from the server that granted its lease
    REBINDING = "rebinding"  # from any server


@dataclass(frozen=True, slots=True)
class Exchange:
    """A conversation under way.

    `due` is when to send next, `ends` when to give up (None for never), both in seconds since the epoch. `hint` is the
    address to ask for, and `only` says that no other will do. `held` is the lease that is being extended. `asked` is
    when the last request was sent.
    """

    stage: Stage
    client: Client
    xid: int
    began: float
    due: float
    ends: float | None = None
    sent: int = 0
    hint: IPv4Address | None = None
    only: bool = False
    held: GrantedTerms | None = None
    offer: GrantedTerms | None = None
    asked: float = 0.0

    @property
    def wakes(self) -> float:
        """When `advance_exchange` is to be called if nothing is heard before."""
        moments = [self.due]
        if self.ends is not None:
            moments.append(self.ends)
        if self.stage is Stage.RENEWING and self.held is not None and self.held.rebinds is not None:
            moments.append(self.held.rebinds)
        return min(moments)


@dataclass(frozen=True, slots=True)
class Granted:
    """A server acknowledged."""

    terms: GrantedTerms


@dataclass(frozen=True, slots=True)
class Denied:
    """A server took the lease back; `why` follows "the lease of A is lost: "."""

    why: str


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nobody answered in time; `offered` says whether somebody had made an offer before."""

    offered: bool


Ended = Granted | Denied | NoAnswer


def start_acquiring(
    client: Client, xid: int, now: float, *, hint: IPv4Address | None, within: float, granted: bool = False
) -> Exchange:
    """Begin to acquire a lease.

    Args:
        client: who asks.
        xid: a random number that nobody else uses now.
        now: seconds since the epoch.
        hint: an address that the client had before, and would like again.
        within: seconds after which to give up.
        granted: whether the lease of that address still runs, as far as the client knows: then it is asked for
            without a discovery (RFC 2131, 3.2).
    """
    stage = Stage.REBOOTING if granted and hint is not None else Stage.SELECTING
    return Exchange(stage, client, xid, began=now, due=now, ends=now + within, hint=hint)


def start_extending(client: Client, xid: int, now: float, held: GrantedTerms) -> Exchange:
    """Begin to extend a lease; it ends when the lease does."""
    return Exchange(Stage.RENEWING, client, xid, began=now, due=now, ends=held.expires, held=held)


def start_regaining(client: Client, xid: int, now: float, address: IPv4Address) -> Exchange:
    """Begin to ask for a lost address again, and for no other, until it is granted."""
    return Exchange(Stage.SELECTING, client, xid, began=now, due=now, hint=address, only=True)


def advance_exchange(exchange: Exchange, now: float, jitter: float) -> tuple[Exchange, Message | None] | NoAnswer:
    """Return what to do when `wakes` has come: the next state, and what to send if it is time for that.

    Args:
        exchange: the state.
        now: seconds since the epoch.
        jitter: a random number from -1 to 1, so that clients that began together do not go on together.
    """
    if exchange.ends is not None and now >= exchange.ends:
        return NoAnswer(offered=exchange.offer is not None)
    held = exchange.held
    if exchange.stage is Stage.RENEWING and held is not None and held.rebinds is not None and now >= held.rebinds:
        exchange = replace(exchange, stage=Stage.REBINDING, sent=0, due=now)
    if now < exchange.due:
        return exchange, None
    if _is_in_vain(exchange):
        exchange = replace(exchange, stage=Stage.SELECTING, sent=0, offer=None)
    message = _message(exchange, now)
    due = now + _delay(exchange, now, jitter)
    return replace(exchange, sent=exchange.sent + 1, due=due, asked=now), message


def receive_reply(exchange: Exchange, reply: Reply, now: float) -> Exchange | Granted | Denied:
    """Return what an answer changes: the next state, which is the same one when the answer means nothing here."""
    if reply.xid != exchange.xid or reply.identifier not in {None, exchange.client.identifier}:
        return exchange
    match exchange.stage, reply.type:
        case Stage.SELECTING, MessageType.OFFER:
            return _choose_offer(exchange, reply, now)
        case Stage.REQUESTING | Stage.REBOOTING, MessageType.ACK:
            terms = granted_terms(reply, exchange.asked)
            return Granted(terms) if terms is not None and _is_expected(exchange, terms) else exchange
        case Stage.REQUESTING | Stage.REBOOTING, MessageType.NAK:
            if exchange.offer is not None and not _is_from(reply, exchange.offer.server):
                return exchange
            kept = exchange.hint if exchange.only else None
            again = now + DELAY_AFTER_NAK_SECONDS
            return replace(exchange, stage=Stage.SELECTING, sent=0, due=again, hint=kept, offer=None)
        case Stage.RENEWING | Stage.REBINDING, MessageType.ACK | MessageType.NAK:
            return _extended(exchange, reply)
        case _:
            return exchange


def release_message(client: Client, xid: int, terms: GrantedTerms) -> Message:
    """Return what gives a lease back; nobody answers it."""
    server = Server(terms.server, terms.server_mac)
    return Message(MessageType.RELEASE, xid, client, held=terms.address.ip, chosen=terms.server, to=server)


def decline_message(client: Client, xid: int, terms: GrantedTerms) -> Message:
    """Return what tells the server that somebody else has the address it granted; nobody answers it."""
    return Message(MessageType.DECLINE, xid, client, requested=terms.address.ip, chosen=terms.server)


def discover_message(client: Client, xid: int) -> Message:
    """Return the question whether there is a server."""
    return Message(MessageType.DISCOVER, xid, client)


def _choose_offer(exchange: Exchange, reply: Reply, now: float) -> Exchange:
    offer = granted_terms(reply, now)
    if offer is None or (exchange.only and offer.address.ip != exchange.hint):
        return exchange
    return replace(exchange, stage=Stage.REQUESTING, offer=offer, sent=0, due=now)


def _extended(exchange: Exchange, reply: Reply) -> Exchange | Granted | Denied:
    held = exchange.held
    if held is None or (exchange.stage is Stage.RENEWING and not _is_from(reply, held.server)) or reply.server is None:
        return exchange
    if reply.type is MessageType.NAK:
        said = f" ({quoted(reply.text)})" if reply.text else ""
        return Denied(f"server {reply.server.address} took it back{said}")
    terms = granted_terms(reply, exchange.asked)
    if terms is None:
        return exchange
    if terms.address != held.address:
        return Denied(f"server {terms.server} grants {terms.address} in its place")
    return Granted(terms)


def _is_expected(exchange: Exchange, terms: GrantedTerms) -> bool:
    if exchange.offer is not None:
        return (terms.address, terms.server) == (exchange.offer.address, exchange.offer.server)
    return terms.address.ip == exchange.hint


def _is_from(reply: Reply, server: IPv4Address) -> bool:
    return reply.server is not None and reply.server.address == server


def _is_in_vain(exchange: Exchange) -> bool:
    """Tell whether nobody acknowledges, so that a discovery has to tell who is there."""
    most = {Stage.REQUESTING: MOST_REQUESTS, Stage.REBOOTING: MOST_REBOOT_REQUESTS}.get(exchange.stage)
    return most is not None and exchange.sent >= most


def _message(exchange: Exchange, now: float) -> Message:
    seconds = min(max(0, int(now - exchange.began)), LARGEST_SECS)
    client, xid, held, offer = exchange.client, exchange.xid, exchange.held, exchange.offer
    match exchange.stage:
        case Stage.SELECTING:
            return Message(MessageType.DISCOVER, xid, client, seconds, requested=exchange.hint)
        case Stage.REQUESTING if offer is not None:
            return Message(MessageType.REQUEST, xid, client, seconds, requested=offer.address.ip, chosen=offer.server)
        case Stage.RENEWING if held is not None:
            server = Server(held.server, held.server_mac)
            return Message(MessageType.REQUEST, xid, client, seconds, held=held.address.ip, to=server)
        case Stage.REBINDING if held is not None:
            return Message(MessageType.REQUEST, xid, client, seconds, held=held.address.ip)
        case _:
            return Message(MessageType.REQUEST, xid, client, seconds, requested=exchange.hint)


def _delay(exchange: Exchange, now: float, jitter: float) -> float:
    """Return how many seconds to wait for an answer before the next request."""
    held = exchange.held
    if held is None or held.rebinds is None or held.expires is None:
        return retransmission_delay(exchange.sent, jitter)
    return renewal_delay(now, held.rebinds if exchange.stage is Stage.RENEWING else held.expires)
