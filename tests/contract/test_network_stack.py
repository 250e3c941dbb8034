"""What /sys, /proc and netlink say of a host, read as a diagnosis wants it."""

from __future__ import annotations

import asyncio
from ipaddress import ip_interface

from ipvl.kernel.host_kernel import open_host_kernel
from ipvl.kernel.network_stack import read_network_stack
from ipvl.model.host_facts import LinkFacts
from tests.contract.test_probes import HELD4, Question, asked, ip, on_a_segment
from tests.unit.builders import link

DEFAULT = f"{'0' * 32} 00 {'0' * 32} 00 fe80{'0' * 27}1 00000400 00000002 00000000"
REJECT = f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} ffffffff 00000001 00000000 00200200"


def write(folder, **files: str) -> None:
    for path, text in files.items():
        target = folder / path.replace("__", "/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def test_a_wireless_link_is_told_by_its_folder(tmp_path):
    """cfg80211 links each of its interfaces to its radio (net/wireless/core.c); nothing else has this folder."""
    (tmp_path / "sys/class/net/wlan0/phy80211").mkdir(parents=True)
    (tmp_path / "sys/class/net/old0/wireless").mkdir(parents=True)
    (tmp_path / "sys/class/net/eth0").mkdir(parents=True)

    links = [link("wlan0", 900), link("old0", 901), link("eth0", 902)]
    stack = asyncio.run(read_network_stack(links, sys=tmp_path / "sys", proc=tmp_path / "proc"))

    assert {"wlan0": True, "old0": True, "eth0": False} == {name: facts.wireless for name, facts in stack.links.items()}


def test_sysctls_and_counters_are_read(tmp_path):
    """Each from its file; the higher rp_filter counts."""
    write(tmp_path, proc__net__dev=f"Inter-|\n face |\n    lo: 1 2 0\n   up0: 1000 17 {'0 ' * 14}\n")
    write(tmp_path, proc__sys__net__ipv4__conf__up0__proxy_arp="1\n")
    write(
        tmp_path, proc__sys__net__ipv4__conf__all__rp_filter="0\n", proc__sys__net__ipv4__conf__default__rp_filter="2\n"
    )
    write(
        tmp_path,
        proc__sys__net__ipv6__conf__up0__disable_ipv6="1\n",
        proc__sys__net__ipv6__conf__up0__accept_ra="2\n",
        proc__sys__net__ipv6__conf__up0__forwarding="1\n",
        proc__net__ipv6_route=f"{DEFAULT} 00000003     up0\n{REJECT}       lo\n",
    )

    stack = asyncio.run(read_network_stack([link("up0", 900)], sys=tmp_path / "sys", proc=tmp_path / "proc"))

    assert stack.links["up0"] == LinkFacts(
        "up0", (), received=17, proxy_arp=True, ipv6_disabled=True, accept_ra=2, forwarding6=True
    )
    assert (2, frozenset({"up0"})) == (stack.rp_filter, stack.default_routes6)


def test_what_is_missing_has_the_kernels_default(tmp_path):
    """A link that just went, a kernel without IPv6."""
    stack = asyncio.run(read_network_stack([link("up0", 900)], sys=tmp_path, proc=tmp_path))

    assert LinkFacts("up0") == stack.links["up0"]
    assert (0, frozenset()) == (stack.rp_filter, stack.default_routes6)


def test_a_live_link():
    """Addresses of both families, a default route, and a counter that grows with what comes in."""

    async def look():
        async with open_host_kernel() as kernel:
            return await read_network_stack(await kernel.links())

    def work() -> None:
        ip("address add 10.9.0.1/24 dev near")
        ip("address add 2001:db8:9::1/64 dev near nodad")
        ip("-6 route add default via 2001:db8:9::2 dev near")
        before = asyncio.run(look())
        asked(Question("near", HELD4))
        after = asyncio.run(look())

        near = before.links["near"]
        assert {ip_interface("10.9.0.1/24"), ip_interface("2001:db8:9::1/64")} <= set(near.addresses)
        assert (False, False) == (near.wireless, near.ipv6_disabled)
        assert frozenset({"near"}) == before.default_routes6
        assert after.links["near"].received > near.received

    on_a_segment(work)
