"""The specification's walkthrough, live: `python -m lab.demo` boots a guest and narrates what it runs there.

Every command's outcome is checked, so the demonstration fails when ipvl does.
"""

from __future__ import annotations

import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .errors import LabError
from .guest import Guest

WIDTH = 100


@dataclass(frozen=True)
class Say:
    """A line of narration; a chapter when it has a number."""

    text: str
    chapter: bool = False


@dataclass(frozen=True)
class Run:
    """A command and what it must do: succeed, or fail and print `refusal`; commands of one step run at once."""

    commands: tuple[str, ...]
    refusal: str = ""

    @classmethod
    def one(cls, command: str, *, refusal: str = "") -> Run:
        """Return the step of a single command."""
        return cls((command,), refusal)


def chapter(text: str) -> Say:
    """Return the line that opens a chapter."""
    return Say(text, chapter=True)


def runs(*commands: str) -> Run:
    """Return the step that runs these commands at once."""
    return Run(commands)


WALKTHROUGH: tuple[Say | Run, ...] = (
    chapter("The host"),
    Say("The guest is a Docker host on a physical network: eth0 is an 802.1q trunk to a switch with a router on it."),
    Run.one("ip -br addr show eth0"),
    chapter("L2 mode: containers on the host's own segment"),
    Run.one(
        "docker network create -d ipvl --subnet=192.168.1.0/24 --gateway=192.168.1.1 -o ipvlan_mode=l2 -o parent=eth0"
        " db_net"
    ),
    runs(
        "docker run --net=db_net --name=ipv1 -itd alpine /bin/sh",
        "docker run --net=db_net --name=ipv2 -itd alpine /bin/sh",
    ),
    Run.one("docker exec ipv2 ip route"),
    Run.one("docker exec ipv2 ping -c 2 ipv1"),
    Say("No port mapping: the remote host behind the router reaches the container at its own address."),
    Run.one(
        "ip netns exec remote ping -c 2 $(docker inspect -f '{{.NetworkSettings.Networks.db_net.IPAddress}}' ipv1)"
    ),
    Say("The host itself does not: ipvlan keeps a parent and its ports apart."),
    Run.one("docker exec ipv1 ping -c 1 -W 1 192.168.1.250", refusal="100% packet loss"),
    chapter("802.1q: VLAN 20 and VLAN 30"),
    runs(
        "docker network create -d ipvl --subnet=192.168.20.0/24 --gateway=192.168.20.1 -o parent=eth0.20 ipvlan20",
        "docker network create -d ipvl --subnet=192.168.30.0/24 --gateway=192.168.30.1 -o parent=eth0.30 ipvlan30",
    ),
    Say("The sub-interfaces were not there before; ipvl made them and will remove them with their networks."),
    Run.one("ip -d link show eth0.20"),
    runs(
        "docker run --net=ipvlan20 --ip=192.168.20.10 --name=ivlan_test1 -itd alpine /bin/sh",
        "docker run --net=ipvlan30 --ip=192.168.30.10 --name=ivlan_test3 -itd alpine /bin/sh",
    ),
    Say("From VLAN 20 to VLAN 30 the way leads through the external router."),
    Run.one("docker exec ivlan_test1 traceroute -n -w 2 -q 1 192.168.30.10"),
    chapter("When it cannot work, one sentence says why"),
    Run.one(
        "docker network create -d ipvl --subnet=10.9.0.0/16 -o parent=eth0 -o ipvlan_mode=l3 no",
        refusal="parent eth0 already carries network db_net in mode l2",
    ),
    Run.one(
        "docker network create -d ipvl --subnet=10.9.0.0/16 -o parent=eth7.20 no", refusal="links that do: eth0, eth1"
    ),
    Run.one("docker network create -d ipvl --subnet=10.9.0.0/16 -o parnet=eth0 no", refusal="did you mean parent?"),
    chapter("An isolated network: no parent, no way out"),
    Run.one("docker network create -d ipvl --subnet=192.168.10.0/24 isolated1"),
    Run.one("docker run --net=isolated1 --name=cid1 -itd alpine /bin/sh"),
    Run.one("docker exec cid1 ip route"),
    chapter("L3 mode: two networks, one parent, routed by it, no broadcast"),
    runs(
        "docker network create -d ipvl --subnet=192.168.110.0/24 -o parent=eth1 -o ipvlan_mode=l3 ipnet110",
        "docker network create -d ipvl --subnet=10.1.214.0/24 -o parent=eth1 -o ipvlan_mode=l3 ipnet214",
    ),
    runs(
        "docker run --net=ipnet110 --ip=192.168.110.10 --name=routed1 -itd alpine /bin/sh",
        "docker run --net=ipnet214 --ip=10.1.214.10 --name=routed2 -itd alpine /bin/sh",
    ),
    Run.one("docker exec routed1 ip route"),
    Run.one("docker exec routed1 ping -c 2 10.1.214.10"),
    chapter("Dual stack on VLAN 140"),
    Run.one(
        "docker network create -d ipvl --ipv6 --subnet=192.168.140.0/24 --subnet=192.168.142.0/24"
        " --gateway=192.168.140.1 --gateway=192.168.142.1"
        " --subnet=2001:db8:abc9::/64 --gateway=2001:db8:abc9::22 -o parent=eth0.140 ipvlan140"
    ),
    Run.one("docker run --net=ipvlan140 --ip6=2001:db8:abc9::51 --name=dual -itd alpine /bin/sh"),
    Run.one("docker exec dual ip -6 route"),
    Run.one("docker exec dual ping -c 2 2001:db8:ffff::10"),
    chapter("ipvl is killed and started again: nobody notices"),
    Run.one("/work/lab/services.sh ipvl kill && /work/lab/services.sh ipvl start"),
    Run.one("docker exec ivlan_test1 ping -c 2 192.168.30.10"),
    chapter("What was built"),
    Run.one("ipvl status"),
    Run.one("ipvl topology"),
)


def main() -> int:
    """Boot, walk through, and return the exit status."""
    colours = sys.stdout.isatty()
    began = time.monotonic()
    try:
        print("booting a guest with a kernel that has ipvlan", flush=True)
        with Guest.boot() as guest:
            print(f"  kernel {guest.run('uname -r').stdout.strip()} after {time.monotonic() - began:.0f} s", flush=True)
            guest.run("/work/lab/underlay.sh up", timeout=120)
            for service in ("ipvl", "docker"):
                guest.run(f"/work/lab/services.sh {service} start", timeout=180)
            docker = guest.run("docker version -f '{{.Server.Version}}'").stdout.strip()
            print(f"  ipvl and Docker {docker} answer after {time.monotonic() - began:.0f} s", flush=True)
            failures = walk(guest, colours=colours)
    except LabError as error:
        print(f"the demonstration ended: {error}", file=sys.stderr)
        return 1
    print(f"\n{'everything was as it should be' if not failures else f'{failures} steps went wrong'}", end="")
    print(f", {time.monotonic() - began:.0f} s with booting")
    return 1 if failures else 0


def walk(guest: Guest, *, colours: bool) -> int:
    """Run the walkthrough and return how many steps did not do what they must."""
    failures = 0
    number = 0
    for step in WALKTHROUGH:
        if isinstance(step, Run):
            failures += not _run(guest, step, colours=colours)
        elif step.chapter:
            number += 1
            print("\n" + _styled(f"{number}. {step.text}", "1", colours=colours), flush=True)
        else:
            print(textwrap.fill(step.text, WIDTH), flush=True)
    return failures


def _run(guest: Guest, step: Run, *, colours: bool) -> bool:
    with ThreadPoolExecutor(len(step.commands)) as pool:
        results = list(pool.map(lambda command: guest.run(command, timeout=120, check=False), step.commands))
    right = True
    for result in results:
        output = (result.stdout + result.stderr).strip()
        as_meant = (result.status != 0 and step.refusal in output) if step.refusal else result.status == 0
        right = right and as_meant
        print(_styled(f"# {result.command}", "36", colours=colours))
        if output:
            print(textwrap.indent(output, "    "))
        if not as_meant:
            print(_styled(f"    went wrong: status {result.status}", "31", colours=colours))
    sys.stdout.flush()
    return right


def _styled(text: str, code: str, *, colours: bool) -> str:
    return f"\033[{code}m{text}\033[0m" if colours else text


if __name__ == "__main__":
    sys.exit(main())
