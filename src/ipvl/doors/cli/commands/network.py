"""`ipvl network …`: Docker's words and flags, without Docker."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ipvl.doors.cli.flags import (
    add_address_flags,
    add_command,
    add_json,
    add_repeatable,
    network_attachment,
    parse_pairs,
)
from ipvl.doors.cli.json_text import json_text
from ipvl.doors.cli.repeated_calls import Call, for_each_name
from ipvl.errors import invalid

if TYPE_CHECKING:
    from ipvl.doors.cli.flags import Commands
    from ipvl.embedded.call_messages import Networks

DRIVERS = ("ipvlan", "ipvl")


def add_parsers(commands: Commands, shared: Sequence[argparse.ArgumentParser]) -> None:
    """Add `network` and its subcommands; `shared` are parsers whose flags each of them has."""
    network = add_command(
        commands,
        "network",
        "make, list and remove networks without Docker",
        "Make, list and remove networks without Docker, with Docker's own words.",
        """
        ipvl network create --subnet 192.168.20.0/24 --gateway 192.168.20.1 -o parent=eth0.20 web
        ipvl run --net web alpine ip route
        ipvl network rm web
        """,
    )
    actions = network.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_create(actions, shared)
    listing = add_command(
        actions,
        "ls",
        "list networks, Docker's too",
        "List the networks that ipvl carries, Docker's too.",
        """
        ipvl network ls
        ipvl network ls --json | jq -r '.networks[].name'
        """,
        aliases=["list"],
        shared=shared,
    )
    listing.add_argument("-q", "--quiet", action="store_true", help="print ids only")
    add_json(listing)
    inspect = add_command(
        actions,
        "inspect",
        "show networks and their members as JSON",
        "Show networks and their members as JSON, in a list.",
        "ipvl network inspect web | jq '.[0].members'",
        shared=shared,
    )
    inspect.add_argument("networks", nargs="+", metavar="NETWORK", help="a name, an id, or the beginning of an id")
    remove = add_command(
        actions,
        "rm",
        "remove networks",
        "Remove networks that have no members; a sub-interface or dummy that ipvl made goes with its last.",
        "ipvl network rm web db",
        aliases=["remove"],
        shared=shared,
    )
    remove.add_argument("networks", nargs="+", metavar="NETWORK", help="a name, an id, or the beginning of an id")
    forget = add_command(
        actions,
        "forget",
        "remove what a Docker made that is gone from this host",
        "Remove networks, or pools of addresses, that a Docker made which is gone. As long as that Docker is here,"
        " `docker network rm` does so. `ipvl status` and `ipvl doctor` name what the Docker that ipvl asks has not.",
        """
        ipvl network forget web
        ipvl network forget --pool '192.168.20.0/24 on eth0.20'
        """,
        shared=shared,
    )
    forget.add_argument("--pool", action="store_true", help="what is named are pools, by their ids in `ipvl status`")
    forget.add_argument("-f", "--force", action="store_true", help="also what containers use, or what Docker has")
    forget.add_argument("networks", nargs="+", metavar="NETWORK", help="a name, an id, or the beginning of an id")
    prune = add_command(
        actions,
        "prune",
        "remove every network without members",
        "Remove every network of ipvl's own that has no members; asks before, unless told not to.",
        "ipvl network prune --force",
        shared=shared,
    )
    prune.add_argument("-f", "--force", action="store_true", help="do not ask")
    connect = add_command(
        actions,
        "connect",
        "put a running sandbox on one more network",
        "Put a running sandbox on one more network. The first network keeps its default route.",
        "ipvl network connect --ip 192.168.30.9 db shop",
        shared=shared,
    )
    add_address_flags(connect)
    add_repeatable(
        connect,
        "--driver-opt",
        metavar="KEY=VALUE",
        text="com.docker.network.endpoint.ifname: what the interface is called in there",
    )
    connect.add_argument("network", metavar="NETWORK", help="a network of ipvl's own")
    connect.add_argument("sandbox", metavar="SANDBOX", help="a running sandbox")
    disconnect = add_command(
        actions,
        "disconnect",
        "take a sandbox off a network",
        "Take a running sandbox, or a namespace by the name it was attached under, off a network.",
        "ipvl network disconnect db shop",
        shared=shared,
    )
    disconnect.add_argument("network", metavar="NETWORK", help="a network of ipvl's own")
    disconnect.add_argument("sandbox", metavar="SANDBOX", help="a sandbox, or an attached namespace's name")


def run(arguments: argparse.Namespace, call: Call) -> int:
    """Do what was asked.

    Raises:
        IpvlError: it was refused.
    """
    action = {"list": "ls", "remove": "rm"}.get(arguments.action, arguments.action)
    return _ACTIONS[action](arguments, call)


def _add_create(actions: Commands, shared: Sequence[argparse.ArgumentParser]) -> None:
    from ipvl.options.driver_options import NETWORK_OPTIONS

    options = "\n".join(f"  {option.key}: {option.values} (default: {option.default})" for option in NETWORK_OPTIONS)
    create = add_command(
        actions,
        "create",
        "make a network",
        "Make a network, and its sub-interface or dummy parent when that is missing.",
        """
        ipvl network create -d ipvlan --subnet 192.168.1.0/24 --gateway 192.168.1.1 -o parent=eth0 db_net
        ipvl network create --subnet 172.16.50.0/22 --gateway 172.16.50.1 -o parent=eth0.20 --dry-run web
        ipvl network create --subnet 2001:db8:abc6::/64 -o parent=eth0 -o ipvlan_mode=l3 routed
        """,
        shared=shared,
        more=f"options (-o KEY=VALUE):\n{options}",
    )
    create.add_argument("-d", "--driver", choices=DRIVERS, default="ipvlan", help="taken as Docker takes it")
    add_repeatable(
        create,
        "--subnet",
        metavar="CIDR",
        text="a subnet, IPv4 or IPv6 (repeatable; default: the first of Docker's default pools that is free here)",
    )
    add_repeatable(create, "--gateway", metavar="ADDRESS", text="the router of a subnet (repeatable)")
    add_repeatable(create, "--ip-range", metavar="CIDR", text="choose addresses from this part (repeatable)")
    add_repeatable(
        create, "--aux-address", metavar="NAME=ADDRESS", text="an address that somebody else has (repeatable)"
    )
    add_repeatable(create, "-o", "--opt", metavar="KEY=VALUE", text="see below (repeatable)")
    add_repeatable(create, "--label", metavar="KEY=VALUE", text="a label (repeatable)")
    for flag, default, text in (
        ("--internal", False, "isolate the network on a dummy parent"),
        ("--ipv4", True, "give members IPv4"),
        ("--ipv6", False, "give members IPv6 also without an IPv6 --subnet"),
    ):
        create.add_argument(flag, action=argparse.BooleanOptionalAction, default=default, help=text)
    create.add_argument("--dry-run", action="store_true", help="print what would be done, and do nothing")
    add_json(create)
    create.add_argument("name", metavar="NETWORK", help="its name")


def _create(arguments: argparse.Namespace, call: Call) -> int:
    from ipvl.embedded.call_messages import CreateNetwork

    created = call(
        "network.create",
        CreateNetwork(
            name=arguments.name,
            subnets=tuple(arguments.subnet),
            gateways=tuple(arguments.gateway),
            ranges=tuple(arguments.ip_range),
            reserved=parse_pairs(arguments.aux_address, "--aux-address"),
            internal=arguments.internal,
            ipv4=arguments.ipv4,
            ipv6=arguments.ipv6,
            options=parse_pairs(arguments.opt, "-o"),
            labels=parse_pairs(arguments.label, "--label", bare=True),
            dry_run=arguments.dry_run,
        ),
    )
    for notice in created.notices:
        print(f"notice: {notice}", file=sys.stderr)
    if arguments.json:
        print(json_text(created))
    elif arguments.dry_run:
        print("\n".join(created.plan))
    else:
        print(created.id)
    return 0


def _list(arguments: argparse.Namespace, call: Call) -> int:
    from ipvl.doors.text_tables import networks_text
    from ipvl.embedded.call_messages import AnyNetwork

    found: Networks = call("network.list", AnyNetwork())
    if arguments.json:
        print(json_text(found))
    elif arguments.quiet:
        print("\n".join(network.id[:12] for network in found.networks), end="\n" if found.networks else "")
    else:
        print(networks_text(found))
    return 0


def _inspect(arguments: argparse.Namespace, call: Call) -> int:
    from ipvl.embedded.call_messages import NamedNetwork

    print(json_text([call("network.inspect", NamedNetwork(name)) for name in arguments.networks]))
    return 0


def _remove(arguments: argparse.Namespace, call: Call) -> int:
    from ipvl.embedded.call_messages import NamedNetwork

    return for_each_name(arguments.networks, lambda name: call("network.remove", NamedNetwork(name)).names[0])


def _forget(arguments: argparse.Namespace, call: Call) -> int:
    from ipvl.embedded.call_messages import Forget

    def forget(name: str) -> str:
        return str(call("network.forget", Forget(name, arguments.pool, arguments.force)).names[0])

    return for_each_name(arguments.networks, forget)


def _prune(arguments: argparse.Namespace, call: Call) -> int:
    from ipvl.embedded.call_messages import AnyNetwork

    if not arguments.force:
        print("Every network of ipvl's own without members will be removed. Continue? [y/N] ", end="", flush=True)
        answer = sys.stdin.readline()
        if not answer:
            raise invalid("prune asks before it removes, and nobody answered", "say --force")
        if answer.strip().lower() not in {"y", "yes"}:
            return 1
    for name in call("network.prune", AnyNetwork(own=True)).names:
        print(name)
    return 0


def _connect(arguments: argparse.Namespace, call: Call) -> int:
    from ipvl.embedded.call_messages import Connect
    from ipvl.options.endpoint import IFNAME

    options = parse_pairs(arguments.driver_opt, "--driver-opt")
    interface = options.pop(IFNAME, "")
    for unknown in options:
        raise invalid(f"unknown option {unknown}", f"the known one: {IFNAME}")
    member = call(
        "network.connect", Connect(network_attachment(arguments, arguments.network, interface), arguments.sandbox)
    )
    for notice in member.notices:
        print(f"notice: {notice}", file=sys.stderr)
    return 0


def _disconnect(arguments: argparse.Namespace, call: Call) -> int:
    from ipvl.embedded.call_messages import Disconnect

    call("network.disconnect", Disconnect(arguments.network, arguments.sandbox))
    return 0


_ACTIONS: dict[str, Callable[[argparse.Namespace, Call], int]] = {
    "create": _create,
    "ls": _list,
    "inspect": _inspect,
    "rm": _remove,
    "prune": _prune,
    "forget": _forget,
    "connect": _connect,
    "disconnect": _disconnect,
}
