"""`ipvl attach` and `ipvl detach`: networks for namespaces that somebody else made."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ipvl.doors.cli.flags import add_address_flags, add_command, add_json, network_attachment
from ipvl.doors.cli.json_text import json_text
from ipvl.doors.cli.repeated_calls import Call
from ipvl.errors import invalid

if TYPE_CHECKING:
    from ipvl.doors.cli.flags import Commands


def add_parsers(commands: Commands, shared: Sequence[argparse.ArgumentParser]) -> None:
    """Add the commands; `shared` are parsers whose flags each of them has."""
    attach = add_command(
        commands,
        "attach",
        "give any network namespace an endpoint",
        "Give a network namespace that somebody else made an endpoint: port, addresses and routes.",
        """
        ip netns add blue && ipvl attach --net db_net --netns /run/netns/blue --name blue
        ipvl attach --net db_net --pid 4711 --ip 192.168.1.30
        mkdir -p /etc/netns/blue && touch /etc/netns/blue/hosts    (`ip netns exec` shows it as /etc/hosts)
        ipvl attach --net db_net --netns blue --hosts /etc/netns/blue/hosts
        """,
        shared=shared,
    )
    _add_which(attach)
    add_address_flags(attach)
    attach.add_argument("--name", default="", help="what other members call it")
    attach.add_argument("--interface", default="", metavar="NAME", help="the port's name there (default: the next)")
    attach.add_argument(
        "--hosts", default="", metavar="FILE", help="an existing hosts file in which ipvl keeps the members' names"
    )
    add_json(attach)
    detach = add_command(
        commands,
        "detach",
        "take a network namespace off a network",
        "Remove the endpoint that `ipvl attach` gave; its address is free at once.",
        "ipvl detach --net db_net --netns blue",
        shared=shared,
    )
    _add_which(detach)


def run(arguments: argparse.Namespace, call: Call) -> int:
    """Do what was asked and return the exit status.

    Raises:
        IpvlError: it was refused.
    """
    from ipvl.embedded.call_messages import Attach, Detach

    namespace = _namespace(arguments)
    if arguments.command == "detach":
        call("detach", Detach(arguments.network, namespace))
        return 0
    requested = network_attachment(arguments, arguments.network, arguments.interface)
    hosts = str(Path(arguments.hosts).resolve()) if arguments.hosts else ""
    if hosts and not Path(hosts).is_file():
        raise invalid(f"hosts file {hosts} does not exist", "make it first, or leave --hosts out")
    member = call("attach", Attach(requested, namespace, arguments.name, hosts))
    for notice in member.notices:
        print(f"notice: {notice}", file=sys.stderr)
    if arguments.json:
        print(json_text(member))
    else:
        print(member.line)
    return 0


def _add_which(command: argparse.ArgumentParser) -> None:
    command.add_argument("--net", "--network", required=True, metavar="NETWORK", dest="network", help="the network")
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument("--netns", metavar="PATH", help="the namespace's file, or its name in /run/netns")
    which.add_argument("--pid", type=int, metavar="PID", help="a process in the namespace")


def _namespace(arguments: argparse.Namespace) -> str:
    if arguments.pid is not None:
        return f"/proc/{arguments.pid}/ns/net"
    return arguments.netns if "/" in arguments.netns else f"/run/netns/{arguments.netns}"
