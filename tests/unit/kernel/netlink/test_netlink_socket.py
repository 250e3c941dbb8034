"""What the kernel answers: acknowledgements, refusals, and lists that it broke off."""

from __future__ import annotations

import errno
import struct

import pytest
from pyroute2.netlink.exceptions import NetlinkError

from ipvl.kernel.netlink.link_messages import get_link_by_name
from ipvl.kernel.netlink.message_format import Message, encode_request
from ipvl.kernel.netlink.netlink_socket import _check, _check_end


def refusal(code: int, words: bytes, *, capped: bool) -> Message:
    """Return an NLMSG_ERROR as the kernel writes it, with the request that it is about or only its header."""
    request = encode_request(get_link_by_name("eth0"), 7)
    echo = request[:16] if capped else request
    attributes = struct.pack("=HH", 4 + len(words), 1) + words if words else b""
    return Message(2, 0x300 if capped else 0x200, 7, struct.pack("=i", -code) + echo + attributes)


@pytest.mark.parametrize("capped", [True, False])
@pytest.mark.parametrize(("words", "sentence"), [(b"no such thing\0", "no such thing"), (b"", "No such device")])
def test_a_refusal_has_the_kernels_own_words(capped, words, sentence):
    """Those of its extended acknowledgement where it gave one, its number's otherwise."""
    with pytest.raises(NetlinkError) as refused:
        _check(refusal(errno.ENODEV, words, capped=capped))

    assert (errno.ENODEV, sentence) == (refused.value.code, refused.value.args[1])


def test_no_room_is_the_sockets_own_trouble():
    """As when its answer is lost."""
    with pytest.raises(OSError, match="No buffer space") as refused:
        _check(refusal(errno.ENOBUFS, b"", capped=True))

    assert errno.ENOBUFS == refused.value.errno


def test_a_list_that_was_broken_off_is_a_refusal():
    """Its end says why; 0, or nothing, is the end of a whole one."""
    assert None is _check_end(Message(3, 0, 7, struct.pack("=i", 0)))
    assert None is _check_end(Message(3, 0, 7, b""))

    with pytest.raises(NetlinkError) as refused:
        _check_end(Message(3, 0, 7, struct.pack("=i", -errno.EINVAL)))

    assert errno.EINVAL == refused.value.code


def test_an_acknowledgement_is_no_refusal():
    """Its number is 0."""
    assert None is _check(refusal(0, b"", capped=True))
