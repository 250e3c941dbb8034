"""Messages about addresses as pyroute2 understands them."""

from __future__ import annotations

from ipaddress import ip_interface

import pytest
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg

from ipvl.kernel.netlink.address_messages import add_address
from tests.unit.kernel.netlink.by_pyroute2 import decoded


@pytest.mark.parametrize(("text", "family", "flags"), [("192.168.1.2/24", 2, None), ("2001:db8::2/64", 10, 0x02)])
def test_an_address(text, family, flags):
    """With its prefix; IPv6 without detection of duplicates."""
    message = decoded(ifaddrmsg, add_address(4, ip_interface(text)))

    address = text.partition("/")[0]
    assert (family, int(text.partition("/")[2]), 4) == (message["family"], message["prefixlen"], message["index"])
    assert (address, address, flags) == (message.get("local"), message.get("address"), message.get("IFA_FLAGS"))
