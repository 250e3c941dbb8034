"""How long a container takes to get its network: inside ipvl, under Docker, without Docker, and beside CNI."""

from __future__ import annotations

import json

from benchmarks.measuring import PROGRAMS, ROUNDS, Measured, Table, alternate
from lab.guest import Guest

CNI_CONFIGURATION = {
    "cniVersion": "0.4.0",
    "name": "bench",
    "type": "ipvlan",
    "master": "eth0.50",
    "mode": "l2",
    "ipam": {
        "type": "host-local",
        "subnet": "192.168.50.0/24",
        "gateway": "192.168.50.1",
        "routes": [{"dst": "0.0.0.0/0"}],
    },
}
CNI_FILE = "/tmp/bench.conf"
AS_FAST = 1.05
"""The ratio up to which one thing is as fast as another: rounds differ by more."""
IPVL = "/work/ipvl/lib:/opt/ipvl/deps"
NETWORK = "--subnet=192.168.{0}.0/24 --gateway=192.168.{0}.1 -o parent=eth0.{0}"


def measure(guest: Guest) -> list[Table]:
    """Measure all of it in a guest in which ipvl and Docker run."""
    prepare(guest)
    return [*inside(guest), *under_docker(guest), without_docker(guest), beside_cni(guest)]


def prepare(guest: Guest) -> None:
    """Make a network of each kind, each on a VLAN of its own."""
    for driver, vlan in (("ipvl", 20), ("ipvlan", 30)):
        guest.run(f"docker network create -d {driver} {NETWORK.format(vlan)} {driver}")
    guest.run(f"ipvl network create {NETWORK.format(40)} own")
    guest.run("ipvl rootfs add alpine /opt/lab/alpine.tar", timeout=120)
    guest.run("docker run --net=none --name=bench -d alpine sleep 100000", timeout=120)
    guest.run("docker network disconnect none bench", timeout=60)
    guest.run("ip netns add blue && ip netns add green")
    guest.run("ip link add link eth0 name eth0.50 type vlan id 50 && ip link set eth0.50 up")
    guest.run(f"cat > {CNI_FILE}", input=json.dumps(CNI_CONFIGURATION))


def inside(guest: Guest) -> list[Table]:
    """Measure what ipvl does for an endpoint beside the netlink requests alone."""
    command = f"mkdir -p /var/lib/bench && PYTHONPATH={IPVL} python3 -s {PROGRAMS}/engine.py /var/lib/bench"
    found = json.loads(guest.run(f"{command} {5 * ROUNDS}", timeout=300).stdout)
    titles = {"make": "Inside ipvl: create an endpoint and join", "remove": "Inside ipvl: leave and delete"}
    return [
        Table(
            titles[what],
            "milliseconds",
            [
                Measured("bare pyroute2", tuple(1000 * one for one in times["netlink"])),
                Measured("ipvl", tuple(1000 * one for one in times["ipvl"])),
            ],
            targets={"ipvl": 2.0} if what == "make" else {},
            note="Both make or remove the same link; ipvl's time holds two commits that are on the disk, records of"
            " addresses, events and the log.",
        )
        for what, times in found.items()
    ]


def under_docker(guest: Guest) -> list[Table]:
    """Measure Docker's commands with each driver."""
    run = alternate(
        guest,
        {
            "built-in ipvlan": "docker run --rm --net=ipvlan alpine true",
            "ipvl": "docker run --rm --net=ipvl alpine true",
            "none": "docker run --rm --net=none alpine true",
        },
        2 * ROUNDS,
    )
    connect = alternate(
        guest,
        {
            name: f"docker network connect {network} bench && docker network disconnect {network} bench"
            for name, network in (("built-in ipvlan", "ipvlan"), ("ipvl", "ipvl"))
        },
        2 * ROUNDS,
    )
    return [
        Table("docker run --rm", "seconds", run, targets={"ipvl": AS_FAST}),
        Table("docker network connect and disconnect", "seconds", connect, targets={"ipvl": AS_FAST}),
    ]


def without_docker(guest: Guest) -> Table:
    """Measure the same program on a network of ipvl's, with Docker and without."""
    rows = alternate(
        guest,
        {
            "docker run --rm": "docker run --rm --net=ipvl alpine true",
            "ipvl run --rm": "ipvl run --rm --net=own alpine true",
        },
    )
    return Table("A program in a sandbox, from start to end", "seconds", rows, targets={"ipvl run --rm": 0.25})


def beside_cni(guest: Guest) -> Table:
    """Measure a namespace that somebody else made: `ipvl attach` and the CNI reference plugins."""
    cni = "CNI_CONTAINERID=bench CNI_NETNS=/run/netns/green CNI_IFNAME=eth0 CNI_PATH=/usr/lib/cni"
    add, delete = (f"{cni} CNI_COMMAND={what} /usr/lib/cni/ipvlan <{CNI_FILE}" for what in ("ADD", "DEL"))
    rows = alternate(
        guest,
        {
            "CNI ipvlan and host-local": f"{add} && {delete}",
            "ipvl attach and detach": "ipvl attach --net own --netns blue && ipvl detach --net own --netns blue",
        },
        2 * ROUNDS,
    )
    return Table(
        "A namespace that is there already, put on a network and taken off",
        "seconds",
        rows,
        targets={"ipvl attach and detach": 1.0},
    )
