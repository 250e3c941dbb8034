"""Carry out the steps that planning decided on: make, name, move and remove links, and what belongs to them."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, assert_never

from pyroute2 import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkError

from ipvl.errors import IpvlError, kernel_refused, missing
from ipvl.kernel import host_exposure, host_ports, port_snapshots, sandbox_ports
from ipvl.kernel.host_links import existing_link, find_link
from ipvl.kernel.kernel_refusals import refuse
from ipvl.kernel.netlink import link_messages
from ipvl.kernel.netlink.netlink_socket import NetlinkSocket
from ipvl.kernel.ports_in_namespaces import remove_left_port
from ipvl.model.host_port_steps import AddHostRoutes, MakeHostPort, RemoveHostPort, RemoveHostRoutes
from ipvl.model.links import HALF_MADE_PREFIX, MADE_BY_IPVL, Link
from ipvl.model.networks import VlanProtocol
from ipvl.model.steps import (
    BringUp,
    KeepHostOff,
    MakeDummy,
    MakePort,
    MakeVlan,
    PlacePort,
    RemoveHalfMade,
    RemoveLeftPort,
    RemoveParent,
    RemovePort,
    RemoveSandboxPort,
    RestoreRoutes,
    RouteByParent,
    RoutePort,
    SetMtu,
    Step,
)

ETHER_TYPES = {VlanProtocol.DOT1Q: 0x8100, VlanProtocol.DOT1AD: 0x88A8}  # include/uapi/linux/if_ether.h


class StepRunner:
    """Carries out steps in the host's namespace, and in sandboxes that the host may enter.

    Args:
        socket: pyroute2's, for whatever is rarely asked.
        netlink: for what every container's start consists of.
        dumping: held while something is listed over pyroute2's socket.
    """

    def __init__(self, socket: AsyncIPRoute, netlink: NetlinkSocket, dumping: asyncio.Lock) -> None:
        self._socket = socket
        self._netlink = netlink
        self._dumping = dumping

    async def apply(self, step: Step) -> None:
        """Carry out one step.

        Raises:
            IpvlError: the kernel refused; its own explanation is in the sentence.
        """
        try:
            match step:
                case MakeDummy():
                    attributes = {} if step.mtu is None else {"mtu": step.mtu}
                    await self._make_parent(step.name, kind="dummy", **attributes)
                case MakeVlan():
                    base = existing_link(self._netlink, step.base)
                    tag = {"vlan_id": step.vlan_id, "vlan_protocol": ETHER_TYPES[step.protocol]}
                    await self._make_parent(step.name, kind="vlan", link=base.index, **tag)
                case MakePort():
                    await self._make_port(step)
                case RemoveParent() | RemoveHostPort():
                    link = find_link(self._netlink, step.name)
                    if link is not None and link.made_by_ipvl:
                        self._remove(link)
                case RemoveHalfMade() | RemovePort():
                    link = find_link(self._netlink, step.name)
                    if link is not None:
                        self._remove(link)
                case PlacePort() | RoutePort() | RestoreRoutes() | RemoveSandboxPort() | RemoveLeftPort():
                    await self._apply_inside(step)
                case _:
                    await self._apply_for_host(step)
        except (NetlinkError, OSError) as error:
            refuse(error, step.describe())

    async def _apply_inside(
        self, step: PlacePort | RoutePort | RestoreRoutes | RemoveSandboxPort | RemoveLeftPort
    ) -> None:
        match step:
            case PlacePort():
                port = existing_link(self._netlink, step.name)
                await sandbox_ports.place_port(self._netlink, port.index, step)
            case RoutePort():
                sandbox_ports.route_port(step)
            case RestoreRoutes():
                port_snapshots.restore_routes(step)
            case RemoveSandboxPort():
                sandbox_ports.remove_sandbox_port(step)
            case RemoveLeftPort():
                await remove_left_port(self._socket, self._netlink, step)

    async def _apply_for_host(
        self, step: KeepHostOff | RouteByParent | MakeHostPort | AddHostRoutes | RemoveHostRoutes | SetMtu | BringUp
    ) -> None:
        match step:
            case KeepHostOff() | RouteByParent() | BringUp():
                await self._change_parent(step)
            case MakeHostPort():
                half_made = HALF_MADE_PREFIX + os.urandom(5).hex()
                make = partial(self._make_port, MakePort(half_made, step.parent, step.mode, step.flag, step.mtu))
                await self._finish(
                    half_made,
                    step.name,
                    make,
                    partial(host_ports.keep_port_to_itself, half_made, ipv6=step.ipv6),
                )
            case AddHostRoutes():
                async with self._dumping:
                    await host_ports.add_host_routes(self._socket, existing_link(self._netlink, step.name).index, step)
            case SetMtu(namespace=None):
                await self._socket.link("set", index=existing_link(self._netlink, step.interface).index, mtu=step.mtu)
            case SetMtu():
                sandbox_ports.set_mtu(step, step.namespace or "")
            case RemoveHostRoutes():
                link = find_link(self._netlink, step.name)
                if link is not None:
                    await host_ports.remove_host_routes(self._socket, link.index, step)
            case _:
                assert_never(step)

    async def _change_parent(self, step: KeepHostOff | RouteByParent | BringUp) -> None:
        match step:
            case KeepHostOff():
                host_exposure.keep_host_off(step.name)
            case RouteByParent():
                host_exposure.let_host_route(existing_link(self._netlink, step.name).name)
            case BringUp():
                link = find_link(self._netlink, step.name)
                if link is not None and link.made_by_ipvl:
                    self._bring_up(link)

    async def _make_parent(self, name: str, **attributes: Any) -> None:
        half_made = HALF_MADE_PREFIX + os.urandom(5).hex()
        make = partial(self._socket.link, "add", ifname=half_made, **attributes)
        await self._finish(half_made, name, make, partial(host_exposure.keep_host_off, half_made))

    async def _finish(
        self,
        half_made: str,
        name: str,
        make: Callable[[], Awaitable[object]],
        prepare: Callable[[], None],
    ) -> None:
        # Until the mark is on it the link has another name, and mark, name and state change in one message: a link
        # with the final name that ipvl made is always marked, wherever ipvl was stopped.
        try:
            # Within, since it may be done although its answer is lost.
            await make()
            prepare()
            link = existing_link(self._netlink, half_made)
            final = {"index": link.index, "ifname": name, "ifalias": MADE_BY_IPVL}
            try:
                await self._socket.link("set", **final, state="up")
            except NetlinkError as error:
                if error.code != errno.ENETDOWN:
                    raise
                # On a base that is down no VLAN comes up (vlan_dev_open); the kernel brings it up with its base.
                await self._socket.link("set", **final)
        except (NetlinkError, OSError, IpvlError):
            # What was refused is the news; what is left under such a name goes at the next repair.
            with suppress(IpvlError):
                await self.apply(RemoveHalfMade(half_made))
            raise

    async def _make_port(self, step: MakePort) -> None:
        parent = find_link(self._netlink, step.parent)
        if parent is None:
            raise missing(
                f"parent {step.parent} does not exist on this host",
                "make it again, as it was when the network was created, and start the container once more",
            )
        try:
            self._netlink.do(link_messages.add_port(step, parent.index))
        except NetlinkError as error:
            if error.code == errno.EBUSY:
                raise kernel_refused(
                    f"parent {step.parent} takes no ipvlan port: another driver receives its frames",
                    "that is macvlan, a bridge, a bond or a team: take it off, or use another parent",
                ) from error
            raise

    def _bring_up(self, link: Link) -> None:
        try:
            self._netlink.do(link_messages.set_link_up(link.index, up=True))
        except NetlinkError as error:
            if error.code != errno.ENETDOWN:
                raise

    def _remove(self, link: Link) -> None:
        try:
            self._netlink.do(link_messages.delete_link(link.index))
        except NetlinkError as error:
            if error.code != errno.ENODEV:
                raise
