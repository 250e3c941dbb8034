"""`ipvl network …`: Docker's words and flags, without Docker."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ipvl.doors.cli.json_text import json_text
from ipvl.errors import invalid
from ipvl.options.table import NETWORK_OPTIONS

if TYPE_CHECKING:
    from ipvl.embedded.messages import Networks, NetworkView

Call = Callable[[str, object], Any]

DRIVERS = ("ipvlan", "ipvl")


def add_parser(commands: argparse._SubParsersAction[Any], shared: Sequence[argparse.ArgumentParser]) -> None:
    """Add `network` and its subcommands; `shared` are parsers whose flags each of them has."""
    raw = argparse.RawDescriptionHelpFormatter
    network = commands.add_parser(
        "network",
        help="make, list and remove networks without Docker",
        description="Make, list and remove networks without Docker, with Docker's own words.",
        epilog="examples:\n"
        "  ipvl network create --subnet 192.168.20.0/24 --gateway 192.168.20.1 -o parent=eth0.20 web\n"
        "  ipvl run --net web alpine ip route\n"
        "  ipvl network rm web",
        formatter_class=raw,
    )
    actions = network.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_create(actions, shared)
    listing = actions.add_parser(
        "ls",
        aliases=["list"],
        parents=shared,
        help="list networks, Docker's too",
        description="List the networks that ipvl carries, Docker's too.",
        epilog="examples:\n  ipvl network ls\n  ipvl network ls --json | jq -r '.networks[].name'",
        formatter_class=raw,
    )
    listing.add_argument("-q", "--quiet", action="store_true", help="print ids only")
    listing.add_argument("--json", action="store_true", help="print JSON")
    inspect = actions.add_parser(
        "inspect",
        parents=shared,
        help="show networks and their members as JSON",
        description="Show networks and their members as JSON, in a list.",
        epilog="example:\n  ipvl network inspect web | jq '.[0].members'",
        formatter_class=raw,
    )
    inspect.add_argument("networks", nargs="+", metavar="NETWORK", help="a name, an id, or the beginning of an id")
    remove = actions.add_parser(
        "rm",
        aliases=["remove"],
        parents=shared,
        help="remove networks",
        description="Remove networks that have no members; a sub-interface or dummy that ipvl made goes with its last.",
        epilog="example:\n  ipvl network rm web db",
        formatter_class=raw,
    )
    remove.add_argument("networks", nargs="+", metavar="NETWORK", help="a name, an id, or the beginning of an id")
    prune = actions.add_parser(
        "prune",
        parents=shared,
        help="remove every network without members",
        description="Remove every network of ipvl's own that has no members; asks before, unless told not to.",
        epilog="example:\n  ipvl network prune --force",
        formatter_class=raw,
    )
    prune.add_argument("-f", "--force", action="store_true", help="do not ask")
    connect = actions.add_parser(
        "connect",
        parents=shared,
        help="put a running sandbox on one more network",
        description="Put a running sandbox on one more network. The first network keeps its default route.",
        epilog="example:\n  ipvl network connect --ip 192.168.30.9 db shop",
        formatter_class=raw,
    )
    add_address_flags(connect)
    connect.add_argument("network", metavar="NETWORK", help="a network of ipvl's own")
    connect.add_argument("sandbox", metavar="SANDBOX", help="a running sandbox")
    disconnect = actions.add_parser(
        "disconnect",
        parents=shared,
        help="take a sandbox off a network",
        description="Take a running sandbox, or a namespace by the name it was attached under, off a network.",
        epilog="example:\n  ipvl network disconnect db shop",
        formatter_class=raw,
    )
    disconnect.add_argument("network", metavar="NETWORK", help="a network of ipvl's own")
    disconnect.add_argument("sandbox", metavar="SANDBOX", help="a sandbox, or an attached namespace's name")


def add_address_flags(command: argparse.ArgumentParser) -> None:
    """Add what a new member of a network can ask for."""
    command.add_argument("--ip", default="", metavar="ADDRESS", help="the IPv4 address (default: the next one)")
    command.add_argument("--ip6", default="", metavar="ADDRESS", help="the IPv6 address (default: the next one)")
    command.add_argument(
        "--alias",
        "--network-alias",
        action="append",
        default=[],
        metavar="NAME",
        dest="aliases",
        help="one more name on the network (repeatable)",
    )


def run(arguments: argparse.Namespace, call: Call) -> int:
    """Do what was asked.

    Raises:
        IpvlError: it was refused.
    """
    action = {"list": "ls", "remove": "rm"}.get(arguments.action, arguments.action)
    return _ACTIONS[action](arguments, call)


def _add_create(actions: argparse._SubParsersAction[Any], shared: Sequence[argparse.ArgumentParser]) -> None:
    options = "\n".join(f"  {option.key}: {option.values} (default: {option.default})" for option in NETWORK_OPTIONS)
    create = actions.add_parser(
        "create",
        parents=shared,
        help="make a network",
        description="Make a network, and its sub-interface or dummy parent when that is missing.",
        epilog="examples:\n"
        "  ipvl network create -d ipvlan --subnet 192.168.1.0/24 --gateway 192.168.1.1 -o parent=eth0 db_net\n"
        "  ipvl network create --subnet 172.16.50.0/22 --gateway 172.16.50.1 -o parent=eth0.20 --dry-run web\n"
        "  ipvl network create --subnet 2001:db8:abc6::/64 -o parent=eth0 -o ipvlan_mode=l3 routed\n\n"
        f"options (-o KEY=VALUE):\n{options}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    create.add_argument("-d", "--driver", choices=DRIVERS, default="ipvlan", help="taken as Docker takes it")
    create.add_argument(
        "--subnet",
        action="append",
        default=[],
        metavar="CIDR",
        help="a subnet, IPv4 or IPv6 (repeatable; default: the first of Docker's default pools that is free here)",
    )
    create.add_argument(
        "--gateway", action="append", default=[], metavar="ADDRESS", help="the router of a subnet (repeatable)"
    )
    create.add_argument(
        "--ip-range", action="append", default=[], metavar="CIDR", help="choose addresses from this part (repeatable)"
    )
    create.add_argument(
        "--aux-address",
        action="append",
        default=[],
        metavar="NAME=ADDRESS",
        help="an address that somebody else has (repeatable)",
    )
    create.add_argument("-o", "--opt", action="append", default=[], metavar="KEY=VALUE", help="see below (repeatable)")
    create.add_argument("--label", action="append", default=[], metavar="KEY=VALUE", help="a label (repeatable)")
    for flag, default, text in (
        ("--internal", False, "isolate the network on a dummy parent"),
        ("--ipv4", True, "give members IPv4"),
        ("--ipv6", False, "give members IPv6 also without an IPv6 --subnet"),
    ):
        create.add_argument(flag, action=argparse.BooleanOptionalAction, default=default, help=text)
    create.add_argument("--dry-run", action="store_true", help="print what would be done, and do nothing")
    create.add_argument("--json", action="store_true", help="print JSON")
    create.add_argument("name", metavar="NETWORK", help="its name")


def _create(arguments: argparse.Namespace, call: Call) -> int:
    from ipvl.embedded.messages import CreateNetwork

    created = call(
        "network.create",
        CreateNetwork(
            name=arguments.name,
            subnets=tuple(arguments.subnet),
            gateways=tuple(arguments.gateway),
            ranges=tuple(arguments.ip_range),
            reserved=pairs(arguments.aux_address, "--aux-address"),
            internal=arguments.internal,
            ipv4=arguments.ipv4,
            ipv6=arguments.ipv6,
            options=pairs(arguments.opt, "-o"),
            labels=pairs(arguments.label, "--label", bare=True),
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
    from ipvl.doors.cli.tables import table
    from ipvl.embedded.messages import AnyNetwork

    found: Networks = call("network.list", AnyNetwork())
    if arguments.json:
        print(json_text(found))
    elif arguments.quiet:
        print("\n".join(network.id[:12] for network in found.networks), end="\n" if found.networks else "")
    else:
        print(table(("NETWORK ID", "NAME", "DOOR", "PARENT", "MODE", "SUBNETS", "MEMBERS"), map(_row, found.networks)))
    return 0


def _row(network: NetworkView) -> tuple[str, ...]:
    return (
        network.id[:12],
        network.name,
        network.door,
        network.parent,
        network.mode if network.flag == "bridge" else f"{network.mode} {network.flag}",
        ", ".join(subnet.subnet for subnet in network.subnets),
        str(len(network.members)),
    )


def _inspect(arguments: argparse.Namespace, call: Call) -> int:
    from ipvl.embedded.messages import NamedNetwork

    print(json_text([call("network.inspect", NamedNetwork(name)) for name in arguments.networks]))
    return 0


def _remove(arguments: argparse.Namespace, call: Call) -> int:
    from ipvl.embedded.messages import NamedNetwork

    return each(arguments.networks, lambda name: call("network.remove", NamedNetwork(name)).names[0])


def _prune(arguments: argparse.Namespace, call: Call) -> int:
    from ipvl.embedded.messages import AnyNetwork

    if not arguments.force:
        if not sys.stdin.isatty():
            raise invalid("prune asks before it removes, and there is nobody to ask", "say --force")
        print("Every network of ipvl's own without members will be removed. Continue? [y/N] ", end="", flush=True)
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            return 1
    for name in call("network.prune", AnyNetwork(own=True)).names:
        print(name)
    return 0


def _connect(arguments: argparse.Namespace, call: Call) -> int:
    from ipvl.embedded.messages import Attachment, Connect

    wish = Attachment(arguments.network, arguments.ip, arguments.ip6, tuple(arguments.aliases))
    call("network.connect", Connect(wish, arguments.sandbox))
    return 0


def _disconnect(arguments: argparse.Namespace, call: Call) -> int:
    from ipvl.embedded.messages import Disconnect

    call("network.disconnect", Disconnect(arguments.network, arguments.sandbox))
    return 0


def pairs(written: Sequence[str], flag: str, *, bare: bool = False) -> dict[str, str]:
    """Return KEY=VALUE texts as a map; with `bare` a text without a value has an empty one.

    Raises:
        IpvlError: a text is not of that form, or a key is given twice with different values.
    """
    found: dict[str, str] = {}
    for text in written:
        key, equals, value = text.partition("=")
        if not key or not (equals or bare):
            raise invalid(f"{flag} {text!r} is not KEY=VALUE", f"write it like {flag} key=value")
        if found.setdefault(key, value) != value:
            raise invalid(f"{flag} {key} is given twice, as {found[key]} and as {value}", "give one")
    return found


def each(names: Sequence[str], work: Callable[[str], str]) -> int:
    """Do the same for several names, print what each gives, and go on after a refusal; return the exit status."""
    from ipvl.errors import IpvlError

    failures = 0
    for name in names:
        try:
            print(work(name))
        except IpvlError as error:
            print(f"ipvl: {error}", file=sys.stderr)
            failures += 1
    return 1 if failures else 0


_ACTIONS: dict[str, Callable[[argparse.Namespace, Call], int]] = {
    "create": _create,
    "ls": _list,
    "inspect": _inspect,
    "rm": _remove,
    "prune": _prune,
    "connect": _connect,
    "disconnect": _disconnect,
}
