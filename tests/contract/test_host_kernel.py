"""What only the real kernel can show."""

from __future__ import annotations

import asyncio
import errno
import os
from contextlib import aclosing
from ipaddress import ip_network

import pytest
from pyroute2 import netns
from pyroute2.netlink import NLM_F_DUMP, NLM_F_REQUEST
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.nlsocket import NetlinkRequest
from pyroute2.netlink.rtnl import RTM_GETLINK
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

from ipvl.kernel.namespaces import other_namespaces
from ipvl.kernel.netlink.change_notifications import LinkState, link_changes
from tests.contract.benches import on_host

LINKS = 60
"""More than the kernel puts in one answer of 32 KiB (netlink_dump in net/netlink/af_netlink.c)."""


def test_a_namespace_is_told_from_what_docker_leaves_behind():
    """A mounted namespace is one; the empty file that remains without its mount is none, nor is nothing."""

    async def promise(bench):
        netns.create("alive")
        os.mknod("/run/netns/left")

        assert bench.kernel.namespace_inode("/run/netns/alive") is not None
        assert bench.kernel.namespace_inode("/proc/self/ns/net") is not None
        assert bench.kernel.namespace_inode("/run/netns/left") is None
        assert bench.kernel.namespace_inode("/run/netns/missing") is None
        assert bench.kernel.namespace_inode("") is None

    on_host(promise)


def test_namespaces_are_found_where_docker_and_ip_netns_put_them():
    """Our own, and files that are none, are left out."""

    async def promise(bench):
        assert [] == list(other_namespaces())
        netns.create("b")
        netns.create("a")
        os.mknod("/run/netns/left")

        assert ["/run/netns/a", "/run/netns/b"] == list(other_namespaces())

    on_host(promise)


def test_a_known_namespace_is_found_without_a_name():
    """Under the path it is known by, and once; one that is gone and our own are left out."""

    async def promise(bench):
        netns.create("a")
        # The same file by another path.
        known = ("/var/../run/netns/a", "/proc/self/ns/net", "/run/netns/gone")

        assert ["/var/../run/netns/a"] == list(other_namespaces(known))

    on_host(promise)


def test_the_release_is_the_kernels():
    """As `uname -r` prints it."""

    async def promise(bench):
        assert os.uname().release == bench.kernel.kernel_release

    on_host(promise)


def test_several_may_look_at_once():
    """The kernel refuses a second dump on a socket as long as the first is not read to its end, which takes a while."""

    async def promise(bench):
        await add_more_than_one_answer_holds(bench)

        every, again, prefixes, *_ = await asyncio.gather(
            bench.kernel.links(),
            bench.kernel.links(),
            bench.kernel.prefixes(),
            bench.kernel.ports_in_other_namespaces(),
        )

        assert len(every) > LINKS
        assert every == again
        assert {ip_network(f"10.9.{number}.0/24") for number in range(LINKS)} <= set(prefixes)

    on_host(promise)


def test_what_nobody_waits_for_is_not_kept():
    """The acknowledgements of a hundred questions, which come after the answers."""

    async def promise(bench):
        path = await bench.open("box")
        for _ in range(100):
            await bench.kernel.find_link("missing")
            await bench.kernel.ports_in_other_namespaces([path])

        assert bench.kernel._socket.msg_queue.root.qsize() < 10

    on_host(promise)


def test_a_look_that_was_given_up_is_in_nobodys_way():
    """As long as its answer is not read to the end the kernel refuses the next: that one waits."""

    async def promise(bench):
        await add_more_than_one_answer_holds(bench)
        given_up = NetlinkRequest(
            bench.kernel._socket, ifinfmsg(), msg_type=RTM_GETLINK, msg_flags=NLM_F_REQUEST | NLM_F_DUMP
        )
        await given_up.send()

        assert len(await bench.kernel.links()) > LINKS

    on_host(promise)


async def add_more_than_one_answer_holds(bench) -> None:
    netns.create("elsewhere")
    for number in range(LINKS):
        await bench.add(f"link{number}", "bridge")
        await bench.add_address(f"link{number}", f"10.9.{number}.1/24")


def test_a_parent_that_cannot_be_named_leaves_nothing():
    """A link is made under another name first; when the final one is taken the kernel is asked to remove it again."""

    async def promise(bench):
        await bench.add("taken", "bridge")
        before = await bench.kernel.links()

        with pytest.raises(NetlinkError):
            await bench.kernel._steps._make_parent("taken", kind="bridge")

        assert before == await bench.kernel.links()

    on_host(promise)


def test_a_parent_whose_making_was_not_answered_leaves_nothing():
    """The kernel had made it: whoever asks again at once would find its VLAN taken."""

    async def promise(bench):
        before = await bench.kernel.links()
        link = bench.kernel._socket.link

        async def lose_the_answer(action, **attributes):
            answer = await link(action, **attributes)
            if action == "add":
                raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))
            return answer

        bench.kernel._socket.link = lose_the_answer
        with pytest.raises(OSError, match="No buffer space"):
            await bench.kernel._steps._make_parent("br0", kind="bridge")
        bench.kernel._socket.link = link

        assert before == await bench.kernel.links()

    on_host(promise)


def test_a_parent_appears_under_its_name_with_its_mark():
    """Whatever its kind: made, marked, named and up."""

    async def promise(bench):
        await bench.kernel._steps._make_parent("br0", kind="bridge", mtu=1400)

        link = await bench.kernel.find_link("br0")
        assert (True, True, 1400) == (link.made_by_ipvl, link.up, link.mtu)
        assert ["lo", "br0"] == [one.name for one in await bench.kernel.links()]

    on_host(promise)


def test_changes_of_links_are_announced():
    """First "look at everything", then each link that comes, changes and goes."""

    async def promise(bench):
        async with aclosing(link_changes()) as changes:
            assert None is await anext(changes)
            await bench.add("br0", "bridge")
            index = (await bench.kernel.find_link("br0")).index
            came = await first(changes, lambda state: state.name == "br0")
            assert LinkState("br0", index, gone=False, up=False, carrier=False, mtu=1500, alias=None) == came
            await bench.change("br0", up=True)
            assert not (await first(changes, lambda state: state.up)).gone
            await bench._socket.link("del", index=index)
            assert index == (await first(changes, lambda state: state.gone)).index

    async def first(changes, wanted):
        async for state in changes:
            if wanted(state):
                return state
        raise AssertionError

    on_host(promise)
