"""Find what a user names: by its name, its id, or the beginning of its id."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from ipvl.errors import conflict, missing, quoted
from ipvl.model.endpoints import Sandbox
from ipvl.model.networks import Network
from ipvl.records.records import Records

DOOR = "embedded"


class _Named(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str | None: ...


_Thing = TypeVar("_Thing", bound=_Named)


def find_network(records: Records, word: str) -> Network:
    """Return a network of any door; an own one goes before one of the same name of another door.

    Raises:
        IpvlError: there is none, or several begin with this.
    """
    exact = [*records.networks_named(word), *filter(None, (records.network(word),))]
    for network in sorted(exact, key=lambda network: network.door != DOOR):
        return network
    return _find(records.networks(), word, "network", "list them with `ipvl network ls`")


def find_own_network(records: Records, word: str, instead: str) -> Network:
    """Return a network that was made with `ipvl network create`; `instead` is what to do with Docker's.

    Raises:
        IpvlError: there is none, several begin with this, or it is Docker's.
    """
    network = find_network(records, word)
    if network.door != DOOR:
        raise conflict(f"network {network.label} belongs to {network.door}", instead)
    return network


def find_network_of_docker(records: Records, word: str) -> Network:
    """Return a network that a Docker made.

    Raises:
        IpvlError: there is none, several begin with this, or it is ipvl's own.
    """
    theirs = [network for network in records.networks() if network.is_dockers]
    own = records.networks_named(word)
    if own and not any(word in {network.name, network.id} for network in theirs):
        raise conflict(f"network {own[0].label} is ipvl's own", f"remove it with `ipvl network rm {own[0].label}`")
    return _find(theirs, word, "network", "list them with `ipvl network ls`")


def find_sandbox(records: Records, word: str) -> Sandbox:
    """Return a sandbox.

    Raises:
        IpvlError: there is none, or several begin with this.
    """
    return _find(records.sandboxes(), word, "sandbox", "list them with `ipvl ps --all`")


def _find(things: Iterable[_Thing], word: str, what: str, way_out: str) -> _Thing:
    known = tuple(things)
    for thing in known:
        if word in {thing.name, thing.id}:
            return thing
    found = [thing for thing in known if word and thing.id.startswith(word)]
    if len(found) > 1:
        raise conflict(f"{what} id {quoted(word)} is the beginning of {len(found)} ids", "give more of it")
    if not found:
        raise missing(f"{what} {quoted(word)} does not exist", way_out)
    return found[0]
