"""Ask on a link's own segment whether a DHCP server is there; nothing is leased."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable

from ipvl.dhcp.client_states import discover_message
from ipvl.dhcp.dhcp_messages import Client, MessageType
from ipvl.errors import IpvlError
from ipvl.kernel.wire.dhcp_sockets import HostDhcpWire

ANSWER_SECONDS = 5.0
"""Seconds; a server may first try for three whether anybody has the address that it is about to offer."""
REQUEST_SECONDS = 1.5
DOCTOR_CLIENT = Client("ipvl-doctor")


async def probe_dhcp_servers(links: Iterable[str]) -> dict[str, str | None]:
    """Ask on all links at once; return the first server that made an offer on each, None where none did.

    Links that cannot be asked (gone, down) are left out.

    Raises:
        IpvlError: this user may not send frames.
    """
    wanted = tuple(dict.fromkeys(links))
    answers = await asyncio.gather(*map(_server_on, wanted))
    return {link: answer[0] for link, answer in zip(wanted, answers, strict=True) if answer}


async def _server_on(link: str) -> tuple[str | None, ...]:
    """Return the server or None, and nothing for a link that cannot be asked."""
    try:
        return (await _first_offer(link),)
    except IpvlError as error:
        if isinstance(error.__cause__, PermissionError):
            raise
        return ()


async def _first_offer(link: str) -> str | None:
    xid = secrets.randbits(32)
    loop = asyncio.get_running_loop()
    end = loop.time() + ANSWER_SECONDS
    with HostDhcpWire().open(link, xid) as conversation:
        while loop.time() < end:
            conversation.send(discover_message(DOCTOR_CLIENT, xid))
            reply = await conversation.receive(min(REQUEST_SECONDS, end - loop.time()))
            if reply is not None and reply.type is MessageType.OFFER and reply.server is not None:
                return str(reply.server.address)
    return None
