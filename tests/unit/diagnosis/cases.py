"""Evidence with plain defaults: eth0 with an address, eth1 without, both fine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address, ip_interface
from typing import Any

from ipvl.diagnosis.all_checks import CHECKS
from ipvl.diagnosis.evidence import Evidence, scope_of
from ipvl.diagnosis.questions import questions
from ipvl.model.host_facts import LinkFacts, NetworkStack, Question
from ipvl.model.links import Link
from ipvl.records.changes import Record
from ipvl.records.records import Records
from tests.unit.builders import NOW, host, link

ETH0, ETH1 = link("eth0", 2), link("eth1", 3)


def facts(name: str, *addresses: str, **fields: Any) -> LinkFacts:
    return LinkFacts(name, tuple(map(ip_interface, addresses)), **fields)


ETH0_FACTS = facts("eth0", "192.168.1.250/24", "2001:db8:1::250/64", "fe80::1/64", received=100)


def question(parent: str, address: str, sender: str = "") -> Question:
    return Question(parent, ip_address(address), ip_address(sender) if sender else None)


def evidence(
    *records: Record,
    links: Iterable[Link] = (ETH0, ETH1),
    stack: Iterable[LinkFacts] = (ETH0_FACTS,),
    answers: dict[Question, tuple[str, ...]] | None = None,
    sandboxes: Iterable[str] = (),
    network: str | None = None,
    parent: str | None = None,
    rp_filter: int = 0,
    default_routes6: Iterable[str] = ("eth0",),
    **fields: Any,
) -> Evidence:
    """Return what was found out. `release`, `kinds` and `moved` go to the host, `earlier` is the same unless given."""
    of_host = {key: fields.pop(key) for key in ("release", "kinds", "moved") if key in fields}
    now = host(*links, **of_host)
    held = Records(records)
    there = frozenset(sandboxes)
    return Evidence(
        scope=scope_of(held, now, network, parent),
        records=held,
        stack=NetworkStack({one.name: one for one in stack}, rp_filter, frozenset(default_routes6)),
        answers=answers or {},
        inode_of=dict.fromkeys(there, 4026532000).get,
        **{"earlier": now, "host": now, "now": NOW, **fields},
    )


def found(check: str, what: Evidence) -> list[str]:
    """Return what one check says, as the command prints it."""
    from ipvl.doors.cli.commands.doctor import line

    findings = list(CHECKS[check](what))
    assert all(finding.check == check for finding in findings)
    return list(map(line, findings))


def without(what: Evidence, *names: str) -> Evidence:
    """Return the same evidence where these links were not yet there at the first look."""
    earlier = replace(what.host, links=tuple(one for one in what.host.links if one.name not in names))
    return replace(what, earlier=earlier)


def asked(*records: Record, links=(ETH0, ETH1), stack=(ETH0_FACTS,)):
    """Return what would be asked."""
    held, seen = Records(records), host(*links)
    return questions(scope_of(held, seen, None, None), held, seen, NetworkStack({one.name: one for one in stack}))
