"""Messages read and written by pyroute2, to compare with."""

from __future__ import annotations

from ipvl.kernel.netlink import ipvlan_message
from ipvl.kernel.netlink.message_format import Request, encode_request

ipvlan_message.register()


def decoded(kind: type, request: Request) -> object:
    """Return a request as pyroute2 reads it."""
    message = kind(encode_request(request, 7))
    message.decode()
    assert 7 == message["header"]["sequence_number"]
    assert request.kind == message["header"]["type"]
    return message


def body(message: object) -> bytes:
    """Return the body of a message that pyroute2 wrote."""
    message.encode()
    return bytes(message.data[16:])
