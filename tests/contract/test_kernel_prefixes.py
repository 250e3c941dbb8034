"""What the driver may expect of a kernel about the address space that a host uses."""

from __future__ import annotations

from ipaddress import ip_network

ADDRESSES = ("192.0.2.130/25", "2001:db8:1::5/64")
ROUTES = ("198.51.100.0/24", "203.0.113.9/32", "2001:db8:2::/48", "0.0.0.0/0", "::/0")


def test_addresses_and_routes_are_in_use(on_kernel):
    """Both families, whole prefixes, default routes as what they are; nothing else appears."""

    async def promise(bench):
        await bench.change("lo", up=True)
        before = set(await bench.kernel.prefixes())
        for address in ADDRESSES:
            await bench.add_address("lo", address)
        for route in ROUTES:
            await bench.add_route("lo", route)

        expected = {ip_network("192.0.2.128/25"), ip_network("2001:db8:1::/64"), *map(ip_network, ROUTES)}

        assert expected == set(await bench.kernel.prefixes()) - before

    on_kernel(promise)


def test_prefixes_are_listed_once_and_in_order(on_kernel):
    """An address and the route it brings are one prefix."""

    async def promise(bench):
        await bench.change("lo", up=True)
        for address in ("192.0.2.1/24", "192.0.2.2/24", "10.0.0.1/8"):
            await bench.add_address("lo", address)

        expected = [ip_network("10.0.0.0/8"), ip_network("192.0.2.0/24")]

        found = [one for one in await bench.kernel.prefixes() if one.version == 4 and not one.is_loopback]
        assert expected == found

    on_kernel(promise)


def test_a_host_is_the_same_every_time(on_kernel):
    """What tells it from others is not empty and does not change from call to call."""

    async def promise(bench):
        assert "" != bench.kernel.machine == bench.kernel.machine

    on_kernel(promise)
