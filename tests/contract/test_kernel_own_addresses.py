"""What the driver may expect of a kernel that tells the host's own addresses: fake and real keep the same promises."""

from __future__ import annotations

from ipaddress import ip_address

HELD = {"br0": "10.9.0.2/24", "br1": "2001:db8:9::2/64", "lo": "10.9.7.7/32"}


def test_own_addresses_are_told_with_their_links(on_kernel):
    """Of both families, up or not, the loopback's too; link-local ones are not."""

    async def promise(bench):
        before = await bench.kernel.own_addresses()
        assert not any(address.is_link_local for address in before)
        await bench.add("br0", "bridge")
        await bench.add("br1", "bridge", up=True)
        for link, address in HELD.items():
            await bench.add_address(link, address)
        await bench.add_address("br0", "169.254.7.7/16")
        await bench.add_address("br1", "fe80::7/64")

        found = await bench.kernel.own_addresses()

        expected = {ip_address(address.partition("/")[0]): link for link, address in HELD.items()}
        assert {**before, **expected} == found

    on_kernel(promise)
