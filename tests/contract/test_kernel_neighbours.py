"""What the driver may expect of a kernel that asks who has an address: fake and real keep the same promises."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from ipvl.errors import IpvlError, Kind
from ipvl.model.pools import THIS_HOST

MAC = "52:54:00:12:34:56"
HELD4, FREE4 = ip_address("10.9.0.2"), ip_address("10.9.0.3")
HELD6, FREE6 = ip_address("2001:db8:9::2"), ip_address("2001:db8:9::3")


def test_who_has_an_address_is_told(on_kernel):
    """By the MAC address, in both families; addresses that nobody has are left out."""

    async def promise(bench):
        await bench.add_segment("near", MAC, str(HELD4), str(HELD6))

        assert {HELD4: MAC} == await bench.kernel.probe_addresses("near", (HELD4,))
        assert {HELD6: MAC} == await bench.kernel.probe_addresses("near", (FREE4, HELD6))
        assert {} == await bench.kernel.probe_addresses("near", (FREE4, FREE6))

    on_kernel(promise)


def test_the_hosts_own_address_is_in_use(on_kernel):
    """Where the parent itself has it: ipvlan keeps the host apart from its ports. Other links' are no obstacle."""

    async def promise(bench):
        await bench.add_segment("near", MAC, str(HELD4))
        await bench.add_address("near", f"{FREE4}/24")
        await bench.add("br0", "bridge", up=True)

        assert {FREE4: THIS_HOST} == await bench.kernel.probe_addresses("near", (FREE4, FREE6))
        assert {} == await bench.kernel.probe_addresses("br0", (FREE4,))

    on_kernel(promise)


@pytest.mark.parametrize("link", ["near", "nope"])
def test_on_a_dead_link_nobody_has_an_address(on_kernel, link):
    """Down or missing: nobody can be asked, and nothing waits for it."""

    async def promise(bench):
        await bench.add_segment("near", MAC, str(HELD4))
        await bench.change("near", up=False)

        assert {} == await bench.kernel.probe_addresses(link, (HELD4,))

    on_kernel(promise)


@pytest.mark.parametrize(("link", "reason"), [("near", "Network is down"), ("nope", "No such device")])
def test_a_dead_link_announces_nothing(on_kernel, link, reason):
    """And says so; a live one does, in both families."""

    async def promise(bench):
        await bench.add_segment("near", MAC)
        bench.kernel.announce_addresses("near", (FREE4, FREE6))
        await bench.change("near", up=False)

        with pytest.raises(IpvlError) as refused:
            bench.kernel.announce_addresses(link, (FREE4, FREE6))

        expected = (
            f"{FREE4} and {FREE6} could not be announced on {link}: {reason};"
            " neighbours that remember another machine for it find out within minutes"
        )
        assert (Kind.KERNEL, expected) == (refused.value.kind, str(refused.value))

    on_kernel(promise)
