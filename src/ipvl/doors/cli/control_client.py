"""Ask the daemon over its control socket."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from ipvl.embedded.calls import CALLS
from ipvl.errors import IpvlError, Kind, unavailable

ANSWER_WITHIN = 30.0

_Answer = TypeVar("_Answer")


class NoDaemonError(Exception):
    """Nobody listens at the control socket."""


def ask(control_socket: Path, path: str, into: type[_Answer]) -> _Answer:
    """Return the daemon's answer to GET `path`.

    Raises:
        NoDaemonError: no daemon runs.
        IpvlError: the daemon refused, or this user may not ask it.
    """
    return _exchange(control_socket, "GET", path, None, into)


def call(control_socket: Path, name: str, request: object) -> object:
    """Return the daemon's answer to a call of the table in `embedded.calls`.

    Raises:
        NoDaemonError: no daemon runs.
        IpvlError: the daemon refused, or this user may not ask it.
    """
    return _exchange(control_socket, "POST", f"/calls/{name}", msgspec.json.encode(request), CALLS[name].answer)


def _exchange(control_socket: Path, method: str, path: str, body: bytes | None, into: type[_Answer]) -> _Answer:
    connection = _UnixConnection(control_socket)
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        answer = response.read()
        if response.status != http.client.OK:
            raise _refusal(answer)
        return msgspec.json.decode(answer, type=into)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NoDaemonError from error
    except PermissionError as error:
        raise unavailable(f"control socket {control_socket} may not be used by this user", "run it as root") from error
    except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
        raise unavailable(f"the daemon at {control_socket} did not answer: {error}") from error
    finally:
        connection.close()


class _Refusal(msgspec.Struct):
    """What the control door answers when it refuses."""

    what: str
    kind: Kind = Kind.UNAVAILABLE
    way_out: str = ""


def _refusal(answer: bytes) -> IpvlError:
    try:
        refusal = msgspec.json.decode(answer, type=_Refusal)
    except msgspec.DecodeError:
        return unavailable(
            f"the daemon could not answer: {answer.decode(errors='replace')[:200]!r}", "its log has the details"
        )
    return IpvlError(refusal.kind, refusal.what, refusal.way_out)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("ipvl", timeout=ANSWER_WITHIN)
        self._path = path

    def connect(self) -> None:
        """Open the unix socket instead of a TCP connection."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def follow(control_socket: Path, path: str) -> Iterator[bytes]:
    """Yield the lines of the daemon's answer to GET `path` as they come, for as long as it sends any.

    Raises:
        NoDaemonError: no daemon runs.
        IpvlError: the daemon refused, this user may not ask it, or it went away in the middle.
    """
    connection = _UnixConnection(control_socket)
    try:
        connection.request("GET", path)
        stream = connection.sock
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise _refusal(response.read())
        # The next line may be hours away.
        stream.settimeout(None)
        # Not readline, which takes a connection that broke for the end of the answer.
        pending = b""
        while chunk := response.read1():
            *lines, pending = (pending + chunk).split(b"\n")
            yield from lines
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NoDaemonError from error
    except PermissionError as error:
        raise unavailable(f"control socket {control_socket} may not be used by this user", "run it as root") from error
    except http.client.IncompleteRead as error:
        raise unavailable(f"the daemon at {control_socket} went away without a word", "its log may say why") from error
    except (OSError, http.client.HTTPException) as error:
        raise unavailable(f"the daemon at {control_socket} did not answer: {error}") from error
    finally:
        connection.close()
