"""Checks of the kernel and of the links that are, or would become, parents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ipvl.diagnosis import wording
from ipvl.diagnosis.evidence import Evidence
from ipvl.diagnosis.findings import Finding, problem, refusal, warning
from ipvl.errors import IpvlError
from ipvl.model.links import Link
from ipvl.model.networks import Parent, ParentKind
from ipvl.planning.internal_networks import INTERNAL_WAY_OUT, unused_parent_text
from ipvl.planning.parents.kernel_versions import check_kind, check_release
from ipvl.planning.parents.parent_requirements import (
    check_ethernet,
    check_master,
    check_mtu,
    check_no_macvlan,
    contradicted_name,
    dead_below,
    lowest_down,
    raise_mtu,
)
from ipvl.planning.parents.plan_parent import base_of_missing, steps_to_make
from ipvl.planning.port_mtus import wrong_mtus

EVERY_KIND = frozenset({"ipvlan", "vlan", "dummy"})


def kernel(evidence: Evidence) -> Iterator[Finding]:
    """Find a kernel that is too old for ipvlan, or for a mode or flag in use."""
    try:
        check_release(evidence.host.release)
    except IpvlError as error:
        yield refusal("kernel", "kernel", error)
        return
    for network in evidence.networks:
        try:
            check_release(evidence.host.release, network.mode, network.flag)
        except IpvlError as error:
            yield refusal("kernel", "kernel", error)


def module(evidence: Evidence) -> Iterator[Finding]:
    """Find kinds of links that the kernel cannot make and that are needed here; ipvlan always is."""
    if not evidence.knows_kinds:
        return
    kinds = {parent.kind for parent in evidence.scope.parents}
    for kind, needed in (
        ("ipvlan", True),
        ("vlan", ParentKind.VLAN in kinds),
        ("dummy", ParentKind.DUMMY in kinds),
    ):
        if needed:
            try:
                check_kind(kind, evidence.host)
            except IpvlError as error:
                yield refusal("module", "kernel", error)


def parent(evidence: Evidence) -> Iterator[Finding]:
    """Find parents that are missing and cannot be made, that are no Ethernet links, or whose names mislead.

    And those that a network was to have, and does not use.
    """
    for network in evidence.networks:
        if network.unused_parent:
            yield warning(
                "parent", network.label, f"network {network.label}: {unused_parent_text(network)}", INTERNAL_WAY_OUT
            )
    for one, link in _parents(evidence):
        try:
            if link is None:
                # A missing kind is the check of modules' finding.
                steps_to_make(evidence.with_bases(one), replace(evidence.host, kinds=EVERY_KIND))
                continue
            check_ethernet(link)
        except IpvlError as error:
            yield refusal("parent", one.name, error)
            continue
        belied = contradicted_name(link, evidence.host)
        if belied is not None:
            yield warning("parent", one.name, belied, "rename it, or see that this is the VLAN that is meant")


def carrier(evidence: Evidence) -> Iterator[Finding]:
    """Find parents that are down or have no carrier; for one that ipvl would make, the link it would be made on."""
    for one, link in _parents(evidence):
        found = link or base_of_missing(evidence.with_bases(one), evidence.host)
        if found is None:
            continue
        subject = f"parent {one.name}" if link else f"parent {one.name} would be made on link {found.name}, which"
        base = evidence.host.below(found)
        if not found.up:
            way_out = f"bring it up with `ip link set {found.name} up`"
            lowest = None if base is None else lowest_down(base, evidence.host)
            if lowest is not None:
                way_out = f"{lowest.name} below it is down: bring that up with `ip link set {lowest.name} up`"
            yield problem("carrier", one.name, f"{subject} is down, so its containers reach nobody", way_out)
        elif not found.carrier:
            name = found.name if base is None else base.name
            way_out = f"look at the cable and the switch port of {name}"
            dead = dead_below(found, evidence.host)
            if dead is not None:
                way_out = f"{dead.name} below it is down: bring that up with `ip link set {dead.name} up`"
            elif evidence.stack.link(name).wireless:
                way_out = f"connect {name} to an access point"
            yield problem("carrier", one.name, f"{subject} has no carrier, so its containers reach nobody", way_out)


def wireless(evidence: Evidence) -> Iterator[Finding]:
    """Find wireless parents: containers share the link's MAC address, but an access point may allow it one address."""
    for one, link in _parents(evidence):
        lowest = evidence.with_bases(one)[0]
        names = {one.name: None, lowest.base or one.name: None}
        below = None if link is None else evidence.host.below(link)
        while below is not None:
            names[below.name] = None
            below = evidence.host.below(below)
        for name in names:
            if evidence.stack.link(name).wireless:
                what = "wireless" if name == one.name else f"on wireless link {name}"
                yield warning(
                    "wireless",
                    one.name,
                    f"parent {one.name} is {what}, where access points drop VLAN tags and may drop the containers'"
                    " addresses",
                    "use a wired link, or see that the access point allows more than one address a station",
                )


def macvlan(evidence: Evidence) -> Iterator[Finding]:
    """Find macvlan ports on parents, which keep ipvlan off them."""
    for one, link in _parents(evidence):
        if link is not None:
            try:
                check_no_macvlan(link, evidence.host)
            except IpvlError as error:
                yield refusal("macvlan", one.name, error)


def master(evidence: Evidence) -> Iterator[Finding]:
    """Find parents that belong to a bridge, bond or team, which takes every frame."""
    for one, link in _parents(evidence):
        if link is not None:
            try:
                check_master(link)
            except IpvlError as error:
                yield refusal("master", one.name, error)


def mode(evidence: Evidence) -> Iterator[Finding]:
    """Find parents whose ports are in another mode or flag than their networks: the newest port switches all."""
    for network in evidence.networks:
        link = evidence.link_of(network)
        if link is None:
            continue
        ports = [port for port in evidence.host.ports_of(link) if port.kind == "ipvlan"]
        wrong = next((port for port in ports if (port.mode, port.flag) != (network.mode, network.flag)), None)
        if wrong is None:
            continue
        what, ours, theirs = (
            ("mode", network.mode, wrong.mode) if wrong.mode is not network.mode else ("flag", network.flag, wrong.flag)
        )
        foreign = [port.label for port in ports if not _is_ours(port, network.parent, evidence)]
        culprit = f"port {', '.join(foreign)}, which ipvl did not make" if foreign else "a port that others made"
        yield problem(
            "mode",
            network.label,
            f"network {network.label} is in {what} {ours}, but the ports of its parent {link.name} were switched to"
            f" {what} {theirs} by {culprit}",
            f"{'remove that port, then ' if foreign else ''}{wording.another_start(network)}, which switches them back",
        )


def mtu(evidence: Evidence) -> Iterator[Finding]:
    """Find networks and ports whose MTU is above that of the link under them, or that lost it to the parent's."""
    for network in evidence.networks:
        link = evidence.link_of(network)
        held = evidence.records.parent(network.parent)
        under = link or (None if held is None else base_of_missing(evidence.with_bases(held), evidence.host))
        if under is None:
            continue
        try:
            check_mtu(network, under, evidence.host)
        except IpvlError as error:
            yield problem("mtu", network.label, f"network {network.label}: {error.what}", error.way_out)
    for one, link in _parents(evidence):
        for port in () if link is None else evidence.host.ports_of(link):
            if link is not None and port.kind == "ipvlan" and port.mtu > link.mtu:
                yield problem(
                    "mtu",
                    one.name,
                    f"port {port.label} has MTU {port.mtu}, above the {link.mtu} of its parent {link.name}",
                    f"restart its container, or raise the parent's with `{raise_mtu(link, port.mtu, evidence.host)}`",
                )

    for wrong in wrong_mtus(evidence.networks, evidence.records, evidence.host, evidence.inode_of):
        link = evidence.link_of(wrong.network)
        if link is not None and wrong.port.mtu <= link.mtu:
            yield warning(
                "mtu",
                wrong.network.label,
                f"{wrong.label}, since that of parent {link.name} changed",
                f"restart the {wording.member(wrong.network)}; with embedded.conf the daemon sets it again itself",
            )


def sysctls(evidence: Evidence) -> Iterator[Finding]:
    """Find sysctls that break L3.

    L3 sends with the host's routes and receives past its IPv4 forwarding and rp_filter, whatever those are set to
    (ipvlan_process_outbound and ipvlan_handle_mode_l3 in drivers/net/ipvlan/ipvlan_core.c). So what can break it is
    IPv6 off on the parent, forwarding that made the host drop the default route its router announced, and a strict
    rp_filter inside a sandbox with two ways in, which new sandboxes have from the host.
    """
    for network in evidence.routed:
        facts = evidence.stack.link(network.parent)
        routes6 = any(subnet.pool.version == 6 for subnet in network.subnets)
        if routes6 and evidence.link_of(network) is not None and facts.ipv6_disabled:
            yield problem(
                "sysctls",
                network.label,
                f"IPv6 is off on parent {network.parent} (disable_ipv6=1), and in mode {network.mode} network"
                f" {network.label} sends its IPv6 by the host's own routes there",
                f"`sysctl net.ipv6.conf.{sysctl_name(network.parent)}.disable_ipv6=0`",
            )
        elif (
            routes6
            and facts.forwarding6
            and facts.accept_ra == 1
            and not evidence.stack.default_routes6
            and any(one.version == 6 and not one.ip.is_link_local for one in facts.addresses)
        ):
            yield warning(
                "sysctls",
                network.label,
                f"the host has no IPv6 default route for network {network.label} in mode {network.mode} to leave by,"
                f" and with forwarding=1 parent {network.parent} takes none from routers (accept_ra=1)",
                f"`sysctl net.ipv6.conf.{sysctl_name(network.parent)}.accept_ra=2`, or add the route by hand",
            )
        who = wording.member(network)
        if evidence.stack.rp_filter == 1:
            for endpoint in evidence.records.endpoints_of(network.id):
                ways = {port.name for port in evidence.host.moved if port_is_in_sandbox(port, endpoint.sandbox)}
                if len(ways) > 1:
                    yield warning(
                        "sysctls",
                        network.label,
                        f"{who} {endpoint.label} of network {network.label} has {len(ways)} interfaces, and with"
                        f" rp_filter=1 drops what comes in by one of them and would be answered by another",
                        f"set net.ipv4.conf.all.rp_filter and .default.rp_filter to 2 (loose) and restart the {who}",
                    )


def sysctl_name(link: str) -> str:
    """Return a link's name as `sysctl` wants it: a dot in it is written as a slash (sysctl.d(5))."""
    return link.replace(".", "/")


def port_is_in_sandbox(port: Link, sandbox: str | None) -> bool:
    """Tell whether a port was moved to this sandbox; /var/run and /run are one folder."""
    return sandbox is not None and port.namespace is not None and _without_var(port.namespace) == _without_var(sandbox)


def _without_var(path: str) -> str:
    return path.removeprefix("/var")


def _parents(evidence: Evidence) -> Iterator[tuple[Parent, Link | None]]:
    for one in evidence.scope.parents:
        yield one, evidence.link_of(one)


def _is_ours(port: Link, parent_name: str, evidence: Evidence) -> bool:
    endpoints = [
        endpoint
        for network in evidence.records.networks_on(parent_name)
        for endpoint in evidence.records.endpoints_of(network.id)
    ]
    return any(
        port.name == endpoint.port if port.namespace is None else port_is_in_sandbox(port, endpoint.sandbox)
        for endpoint in endpoints
    )
