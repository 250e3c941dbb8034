"""The files in a sandbox's /etc by which its programs find names, as they are when it starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipvl.errors import invalid, missing
from ipvl.options.resolvers import HOST_GATEWAY
from ipvl.sandbox.etc.hosts_file import LOCALHOST_LINES
from ipvl.sandbox.etc.resolv_conf import HOST_RESOLV_CONF, Resolvers, names_a_resolver, write_first_resolvers

if TYPE_CHECKING:
    from ipvl.sandbox.start_requests import SandboxRequest

GIVE_ONE = "give it one with --dns ADDRESS"


def write_etc_files(request: SandboxRequest, call: Callable[[str, Any], Any]) -> None:
    """Write a sandbox's hosts, hostname and resolv.conf; ipvl adds to the first and the last what networks tell.

    Args:
        request: whose.
        call: asks the engine.

    Raises:
        IpvlError: `host-gateway` is no address on its networks, or the host has no file that could be covered.
        OSError: the disk is full, or the like.
    """
    _check_covered(request)
    known = "".join(f"{address} {name}\n" for name, address in _extra_hosts(request, call))
    request.folders.run.mkdir(mode=0o755, parents=True, exist_ok=True)
    request.folders.name_file("hosts").write_text(LOCALHOST_LINES.decode() + known if known else "")
    request.folders.name_file("hostname").write_text(f"{request.hostname}\n")
    write_first_resolvers(request.folders.run, request.resolvers, lambda host: _within_reach(request, call, host))


def missing_resolver_notice(request: SandboxRequest) -> str:
    """Return what the user is to know of a sandbox on networks that can ask no resolver, empty for any other."""
    if not request.attachments:
        return ""
    if request.root is None and not _is_file(HOST_RESOLV_CONF):
        why = f"the host has no {HOST_RESOLV_CONF} that could be covered; make that file"
    elif not names_a_resolver(request.folders.name_file("resolv.conf")):
        why = f"the host's {HOST_RESOLV_CONF} names none that is within its reach; {GIVE_ONE}"
    else:
        return ""
    return f"ipvl: sandbox {request.name} has no resolver: {why}\n"


def _within_reach(request: SandboxRequest, call: Callable[[str, Any], Any], host: Resolvers) -> Resolvers:
    """Return what of the host's resolvers the sandbox can ask."""
    if not request.attachments or request.resolvers.nameservers or not host.nameservers:
        return host
    from ipvl.embedded.call_messages import NamedNetwork
    from ipvl.sandbox.etc.reachable_resolvers import within_reach

    networks = [call("network.inspect", NamedNetwork(attachment.network)) for attachment in request.attachments]
    return within_reach(host, networks)


def _check_covered(request: SandboxRequest) -> None:
    """Refuse flags of a program on the host's own files, of which one that is to be covered is missing."""
    wanted = {"/etc/hosts": bool(request.extra_hosts), str(HOST_RESOLV_CONF): request.resolvers != Resolvers()}
    for path, is_wanted in wanted.items():
        if request.root is None and is_wanted and not _is_file(Path(path)):
            what = f"the host's {path} is a directory" if Path(path).is_dir() else f"the host has no {path}"
            raise missing(
                f"{what}, so a program on the host's own files cannot be given another",
                "make that file, an empty one will do, or run it on a root filesystem",
            )


def _is_file(path: Path) -> bool:
    """Tell whether something is there that another file can be put over."""
    return path.exists() and not path.is_dir()


def _extra_hosts(request: SandboxRequest, call: Callable[[str, Any], Any]) -> list[tuple[str, str]]:
    """Return the names with their addresses, `host-gateway` replaced by those of the host on the sandbox's networks."""
    if not any(address == HOST_GATEWAY for _, address in request.extra_hosts):
        return list(request.extra_hosts)
    of_host = _host_addresses(request, call)
    found: list[tuple[str, str]] = []
    for name, address in request.extra_hosts:
        if address != HOST_GATEWAY:
            found.append((name, address))
        elif of_host:
            found += [(name, one) for one in of_host]
        else:
            raise invalid(
                f"--add-host {name}:{HOST_GATEWAY} needs an address of the host's on a network of the sandbox's",
                "make that network with -o host_access=true, or give an address",
            )
    return found


def _host_addresses(request: SandboxRequest, call: Callable[[str, Any], Any]) -> tuple[str, ...]:
    """Return the addresses of the host on the first network that gives it some."""
    from ipvl.embedded.call_messages import NamedNetwork

    for attachment in request.attachments:
        addresses: tuple[str, ...] = call("network.inspect", NamedNetwork(attachment.network)).host_access
        if addresses:
            return addresses
    return ()
