"""Messages as bytes."""

from __future__ import annotations

import pytest

from ipvl.kernel.netlink.link_messages import delete_link
from ipvl.kernel.netlink.message_format import encode_request, parse_messages


@pytest.mark.parametrize("end", range(60))
def test_what_is_cut_off_is_left_out(end):
    """Whole messages before it are read."""
    whole = encode_request(delete_link(1), 1)

    assert [end >= len(whole)] == [bool(list(parse_messages((whole * 2)[:end])))]
