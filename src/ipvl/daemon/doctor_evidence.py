"""How `ipvl doctor` comes by its evidence: look, ask, look again, change nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from ipaddress import IPv6Address
from typing import TypeVar

from ipvl.clock.host_clocks import HostClocks
from ipvl.clock.steady_clock import SteadyClock, begin, look_at_clock
from ipvl.diagnosis.all_checks import Diagnosis, diagnose
from ipvl.diagnosis.evidence import Evidence, Scope, scope_of
from ipvl.diagnosis.questions import MOST_ADDRESSES, address_questions, dhcp_questions, questions
from ipvl.diagnosis.record_checks import is_unused_dummy
from ipvl.diagnosis.wording import member
from ipvl.errors import IpvlError, Kind
from ipvl.kernel.host_kernel import HostKernel, open_host_kernel
from ipvl.kernel.network_stack import read_network_stack
from ipvl.kernel.wire.address_probes import ask_neighbours
from ipvl.kernel.wire.dhcp_probe import probe_dhcp_servers
from ipvl.model.host_facts import Answers, NetworkStack, Question
from ipvl.model.links import Link
from ipvl.options.parent_selectors import parse_parent_selector
from ipvl.planning.host import Host
from ipvl.planning.parents.parent_selection import find_parent_name
from ipvl.records.records import Records
from ipvl.startup.configuration import Configuration
from ipvl.store.state_file import open_store_read_only

MAY_PASS = frozenset({"leftovers", "records"})
"""Checks that compare records and host, which change one after the other: what they find is looked for once more."""

_Found = TypeVar("_Found")


async def examine(configuration: Configuration, network: str | None = None, parent: str | None = None) -> Diagnosis:
    """Return what is wrong with this host, as far as this user can find out.

    The state file is read rather than the daemon asked: it holds the same records (each change is there before it is
    true), with or without a daemon.

    Args:
        configuration: where the state is, and where Docker answers.
        network: the name of the one network to look at or the beginning of its id, or None.
        parent: the name of the one parent to look at, or a description as in `-o parent=`, or None.

    Raises:
        IpvlError: there is no such network, the parent's name cannot be one, it is described and no link or several are
            meant, or the links cannot be read.
    """
    unchecked: list[str] = []
    async with open_host_kernel() as kernel:
        links = await kernel.links()
        earlier = Host(links, kernel.kernel_release, frozenset())
        records, clock = _records(configuration, unchecked)
        if parent is not None:
            selector = parse_parent_selector(parent)
            seen = earlier if selector is None else replace(earlier, routing=await kernel.host_routing())
            parent = find_parent_name(parent, selector, records, seen)
        scope = scope_of(records, earlier, network, parent)
        asked = dhcp_questions(scope, earlier)
        (answers, kinds, servers) = await asyncio.gather(
            _ask(scope, records, earlier, await read_network_stack(links), unchecked),
            _allowed(kernel.link_kinds, "what kinds of links the kernel can make", unchecked),
            _allowed(lambda: probe_dhcp_servers(asked), "DHCP servers", unchecked),
        )
        moved = await _allowed(lambda: _moved(kernel, records), "ports inside containers", unchecked)
        dockers = await _docker_has(configuration, scope, records, earlier, unchecked)
        host = Host(await kernel.links(), kernel.kernel_release, kinds or frozenset(), moved or ())
        evidence = Evidence(
            scope=scope,
            records=records,
            earlier=earlier,
            host=host,
            stack=await read_network_stack(host.links),
            answers=answers,
            inode_of=kernel.namespace_inode,
            now=clock.now(),
            knows_kinds=kinds is not None,
            knows_namespaces=moved is not None,
            dhcp_servers=servers or {},
            routes=(await kernel.host_routing()).routes,
            docker_networks=None if dockers is None else dockers[0],
            docker_pools=None if dockers is None else dockers[1],
        )
        diagnosis = diagnose(evidence, unchecked)
        if not any(finding.check in MAY_PASS for finding in diagnosis.findings):
            return diagnosis
        records, clock = _records(configuration, [])
        evidence = replace(
            evidence,
            scope=scope_of(records, host, network, parent),
            records=records,
            earlier=host,
            host=replace(
                host, links=await kernel.links(), moved=() if moved is None else await _moved(kernel, records)
            ),
            now=clock.now(),
        )
    return diagnose(evidence, unchecked)


async def _moved(kernel: HostKernel, records: Records) -> tuple[Link, ...]:
    """Return the ports in other namespaces, those that only a record tells of among them."""
    return await kernel.ports_in_other_namespaces(
        endpoint.sandbox for endpoint in records.endpoints() if endpoint.sandbox
    )


def _records(configuration: Configuration, unchecked: list[str]) -> tuple[Records, SteadyClock]:
    clocks = HostClocks()
    try:
        with closing(open_store_read_only(configuration.state_file)) as store:
            return Records(store.load()), look_at_clock(clocks, store)
    except IpvlError as error:
        # Without a state file there is no network, and nothing is left unchecked.
        if error.kind is not Kind.MISSING:
            unchecked.append(f"networks and containers, because {error.what}; {error.way_out}")
        return Records(), SteadyClock(clocks, (begin(clocks, (), 0.0),))


async def _allowed(look: Callable[[], Awaitable[_Found]], what: str, unchecked: list[str]) -> _Found | None:
    try:
        return await look()
    except IpvlError as error:
        unchecked.append(f"{what}, because {error.what}; {error.way_out}")
    except PermissionError as error:
        unchecked.append(f"{what}, because {error.filename} may not be read; run it as root")
    return None


async def _ask(scope: Scope, records: Records, host: Host, stack: NetworkStack, unchecked: list[str]) -> Answers:
    wanted = questions(scope, records, host, stack)
    to_be_silent: set[Question] = set()
    for network in scope.networks:
        addresses = address_questions(network, records)
        to_be_silent.update(addresses)
        more = len(addresses) - MOST_ADDRESSES
        if more > 0 and any(question.link == network.parent for question in wanted):
            unchecked.append(
                f"whether others have the addresses of {more} more {member(network)}s of network {network.label}"
            )
    senders = {
        name: one.ip
        for name, facts in stack.links.items()
        for one in facts.addresses
        if isinstance(one.ip, IPv6Address) and one.ip.is_link_local
    }
    if not wanted:
        return {}
    gateways_alone = to_be_silent.isdisjoint(wanted)
    found = await _allowed(
        lambda: ask_neighbours(wanted, senders, one_answer_each=gateways_alone),
        "gateways and duplicate addresses",
        unchecked,
    )
    return found or {}


async def _docker_has(
    configuration: Configuration, scope: Scope, records: Records, host: Host, unchecked: list[str]
) -> tuple[frozenset[str], frozenset[str]] | None:
    """Return the ids of Docker's networks and of the pools they use, where something may be without its owner."""
    dummies = [link.name for link in host.links if is_unused_dummy(link, host)] if scope.whole else []
    if not (dummies or any(network.is_dockers for network in scope.networks) or any(records.pools())):
        return None
    import h11
    import msgspec

    from ipvl.doors.docker.engine_api.follow import ask_for_lists
    from ipvl.doors.docker.engine_api.pools_in_use import pools_in_use

    try:
        lists = await ask_for_lists(configuration.engine_socket)
    except (TimeoutError, OSError, h11.ProtocolError, msgspec.DecodeError):
        lists = None
    if lists is None:
        if dummies:
            unchecked.append(f"whether Docker still needs {', '.join(dummies)}, because Docker does not answer")
        return None
    return frozenset(one.id for one in lists.networks), frozenset(pools_in_use(lists.networks, records))
