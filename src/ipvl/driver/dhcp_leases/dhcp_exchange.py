"""Ask a DHCP server on a parent's segment, message by message."""

from __future__ import annotations

import random
from collections.abc import Callable

from ipvl.clock.steady_clock import LONGEST_NAP
from ipvl.dhcp.client_states import Ended, Exchange, NoAnswer, advance_exchange, receive_reply
from ipvl.dhcp.dhcp_messages import Client
from ipvl.driver.engine import Engine
from ipvl.driver.interfaces import DhcpWire
from ipvl.model.dhcp_leases import DhcpLease
from ipvl.options.names import is_hostname


async def run_exchange(
    engine: Engine, wire: DhcpWire, link: str, exchange: Exchange, is_wanted: Callable[[], bool] = lambda: True
) -> Ended | None:
    """Send and receive the messages of an exchange until it ends; None when nobody wants the lease any more.

    Args:
        engine: whose clock counts.
        wire: where the servers are.
        link: the parent.
        exchange: what was begun.
        is_wanted: tells, before each message, whether anybody still wants the lease.

    Raises:
        IpvlError: the link is missing or down, or ipvl may not send frames.
    """
    with wire.open(link, exchange.xid) as conversation:
        while is_wanted():
            step = advance_exchange(exchange, engine.clock(), random.uniform(-1, 1))  # noqa: S311 - it only spreads the load
            if isinstance(step, NoAnswer):
                return step
            exchange, message = step
            if message is not None:
                conversation.send(message)
            reply = await conversation.receive(min(max(0.0, exchange.wakes - engine.clock()), LONGEST_NAP))
            if reply is None:
                continue
            outcome = receive_reply(exchange, reply, engine.clock())
            if not isinstance(outcome, Exchange):
                return outcome
            exchange = outcome
    return None


def dhcp_client(lease: DhcpLease, name: str | None) -> Client:
    """Return who asks for a lease: its identifier, and its endpoint's name if that is one of a host."""
    return Client(lease.client_id, name if name and is_hostname(name) else "")
