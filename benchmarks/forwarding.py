"""What passes between two containers, by the way they are connected: ipvl's ports, such by hand, and what others use.

ipvl is no part of any of these paths once a port is made, so its ports are to be as fast as those made by hand.
"""

from __future__ import annotations

import json

from benchmarks.measuring import PROGRAMS, ROUNDS, Measured, Table
from lab.guest import Guest

MODES = ("l2", "l3", "l3s")
FLAGS = ("bridge", "private", "vepa")
"""With the last two, containers on one parent do not reach each other, so a machine outside is the other end."""
FIRST_VLAN = 60
HOST = "the host itself"
NOISE = 0.9
"""A port of ipvl's that reaches this much of a hand-made one's rate is as fast: rounds differ by more."""


def measure(guest: Guest) -> list[Table]:
    """Measure all paths in a guest in which ipvl runs."""
    paths = {HOST: {"client": "", "server": "", "address": "127.0.0.1"}}
    vlan = FIRST_VLAN
    for mode in MODES:
        paths[f"by hand {mode}"] = by_hand(guest, vlan, f"ipvlan mode {mode} bridge")
        paths[f"ipvl {mode}"] = by_ipvl(guest, vlan + 1, mode)
        vlan += 2
    paths["macvlan"] = by_hand(guest, vlan, "macvlan mode bridge")
    paths["bridge"] = bridge(guest, vlan + 1)
    paths["bridge and NAT"] = bridges_with_nat(guest, vlan + 2)
    found = measured(guest, paths)
    return [
        _table(found, "one stream", "TCP, one stream", "megabits per second", 1e-6, more_is_better=True),
        _table(found, "four streams", "TCP, four streams", "megabits per second", 1e-6, more_is_better=True),
        _table(found, "round trips", "Small packets there and back", "each second", 1, more_is_better=True),
        _table(found, "median", "Their time, in the middle", "milliseconds", 1, more_is_better=False),
        _table(found, "99th percentile", "Their time, 99 of 100", "milliseconds", 1, more_is_better=False),
    ]


def measure_flags(guest: Guest) -> list[Table]:
    """Measure what a flag costs, to a machine outside, in a guest in which ipvl runs."""
    found = measured(
        guest, {f"ipvl l2, flag {flag}": outside(guest, number, flag) for number, flag in enumerate(FLAGS)}
    )
    return [
        _flags(found, "one stream", "TCP, one stream", "megabits per second", 1e-6),
        _flags(found, "round trips", "Small packets there and back", "each second", 1),
    ]


def measured(guest: Guest, paths: dict[str, dict[str, str]]) -> dict[str, dict[str, list[float]]]:
    """Measure paths in turns; return each round, by measure and path."""
    question = json.dumps({"rounds": ROUNDS, "paths": paths})
    answer = guest.run(f"python3 -sE {PROGRAMS}/paths.py", input=question, timeout=900).stdout
    found: dict[str, dict[str, list[float]]] = json.loads(answer)
    return found


def _flags(found: dict[str, dict[str, list[float]]], key: str, title: str, unit: str, scale: float) -> Table:
    return Table(title, unit, _rows(found[key], scale), more_is_better=True)


def _rows(found: dict[str, list[float]], scale: float) -> list[Measured]:
    return [Measured(name, tuple(scale * one for one in rounds)) for name, rounds in found.items()]


def _table(
    found: dict[str, dict[str, list[float]]], key: str, title: str, unit: str, scale: float, *, more_is_better: bool
) -> Table:
    rows = _rows(found[key], scale)
    by_name = {row.name: row for row in rows}
    pairs = ", ".join(
        f"{mode} {_beside(by_name[f'ipvl {mode}'], by_name[f'by hand {mode}'], more_is_better=more_is_better)}"
        for mode in MODES
    )
    return Table(
        title,
        unit,
        rows,
        base="by hand l2",
        more_is_better=more_is_better,
        note=f"ipvl's ports beside those by hand of the same mode: {pairs}.",
    )


def _beside(own: Measured, other: Measured, *, more_is_better: bool) -> str:
    ratio = own.ratio(other)
    alike = ratio >= NOISE if more_is_better else ratio <= 1 / NOISE
    return f"{ratio:.2f} ({'alike' if alike else '**slower**'})"


def by_hand(guest: Guest, vlan: int, kind: str) -> dict[str, str]:
    """Make two ports with `ip link`, in two namespaces."""
    guest.run(f"ip link add link eth0 name eth0.{vlan} type vlan id {vlan} && ip link set eth0.{vlan} up")
    for number, end in enumerate(ends(guest, vlan), start=2):
        guest.run(
            f"ip link add link eth0.{vlan} name port{vlan} type {kind} && ip link set port{vlan} netns {end} name eth0"
            f" && ip -n {end} address add 10.60.{vlan}.{number}/24 dev eth0 && ip -n {end} link set eth0 up"
        )
    return path(vlan)


def by_ipvl(guest: Guest, vlan: int, mode: str) -> dict[str, str]:
    """Have ipvl make the same."""
    name = f"bench{vlan}"
    guest.run(f"ipvl network create --subnet=10.60.{vlan}.0/24 -o parent=eth0.{vlan} -o ipvlan_mode={mode} {name}")
    for number, end in enumerate(ends(guest, vlan), start=2):
        guest.run(f"ipvl attach --net {name} --netns {end} --ip 10.60.{vlan}.{number}")
    return path(vlan)


def outside(guest: Guest, number: int, flag: str) -> dict[str, str]:
    """Connect a container of ipvl's on a parent of its own, with a flag, to a machine at the parent's other end."""
    server, client, parent, subnet = f"outside{number}", f"inside{number}", f"up{number}", f"10.61.{number}"
    guest.run(
        f"ip netns add {server} && ip netns add {client}"
        f" && ip link add {parent} type veth peer name eth0 netns {server}"
        f" && ip link set {parent} up && ip -n {server} link set eth0 up"
        f" && ip -n {server} address add {subnet}.1/24 dev eth0"
    )
    options = f"-o parent={parent} -o ipvlan_flag={flag}"
    guest.run(f"ipvl network create --subnet={subnet}.0/24 --gateway={subnet}.1 {options} {flag}")
    guest.run(f"ipvl attach --net {flag} --netns {client} --ip {subnet}.2")
    return {"server": server, "client": client, "address": f"{subnet}.1"}


def bridge(guest: Guest, vlan: int) -> dict[str, str]:
    """Connect two namespaces by veth pairs and a bridge."""
    guest.run(f"ip link add br{vlan} type bridge && ip link set br{vlan} up")
    for number, end in enumerate(ends(guest, vlan), start=2):
        plug(guest, f"br{vlan}", f"v{vlan}-{number}", end, f"10.60.{vlan}.{number}/24")
    return path(vlan)


def bridges_with_nat(guest: Guest, vlan: int) -> dict[str, str]:
    """Connect two namespaces by a bridge each; what leaves the first gets the host's address, as with Docker's."""
    server, client = ends(guest, vlan)
    for number, end in ((vlan, server), (vlan + 1, client)):
        guest.run(
            f"ip link add br{number} type bridge && ip link set br{number} up"
            f" && ip address add 10.60.{number}.1/24 dev br{number}"
        )
        plug(guest, f"br{number}", f"v{number}", end, f"10.60.{number}.2/24")
        guest.run(f"ip -n {end} route add default via 10.60.{number}.1")
    guest.run(
        "sysctl -qw net.ipv4.ip_forward=1 && iptables -I FORWARD -j ACCEPT"
        f" && iptables -t nat -A POSTROUTING -s 10.60.{vlan + 1}.0/24 -o br{vlan} -j MASQUERADE"
    )
    return path(vlan)


def plug(guest: Guest, master: str, name: str, namespace: str, address: str) -> None:
    """Plug a namespace into a bridge."""
    guest.run(
        f"ip link add {name} type veth peer name eth0 netns {namespace} && ip link set {name} master {master} up"
        f" && ip -n {namespace} address add {address} dev eth0 && ip -n {namespace} link set eth0 up"
    )


def ends(guest: Guest, vlan: int) -> tuple[str, str]:
    """Make two namespaces and return their names: the server's first."""
    server, client = f"server{vlan}", f"client{vlan}"
    for end in (server, client):
        guest.run(f"ip netns add {end} && ip -n {end} link set lo up")
    return server, client


def path(vlan: int) -> dict[str, str]:
    """Return where the two ends are."""
    return {"server": f"server{vlan}", "client": f"client{vlan}", "address": f"10.60.{vlan}.2"}
