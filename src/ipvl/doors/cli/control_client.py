"""Ask the daemon over its control socket.

One question is a connection of its own, asked with `socket` alone: most commands ask one, and importing http.client
costs more than all of that. What JSON becomes is msgspec's business, imported where an answer has content.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from ipvl.embedded.sandbox_messages import PLAIN_CALLS
from ipvl.errors import IpvlError, Kind, unavailable
from ipvl.startup.http_answer import status_and_body
from ipvl.startup.plain_json import plain_json

ANSWER_SECONDS = 30.0
CHUNK_BYTES = 1 << 16
OK = 200

_Answer = TypeVar("_Answer")


class NoDaemonError(Exception):
    """Nobody listens at the control socket."""


def ask(control_socket: Path, path: str, into: type[_Answer]) -> _Answer:
    """Return the daemon's answer to GET `path`.

    Raises:
        NoDaemonError: no daemon runs.
        IpvlError: the daemon refused, or this user may not ask it.
    """
    return _decoded(control_socket, _exchange(control_socket, "GET", path), into)


def call(control_socket: Path, name: str, request: object) -> object:
    """Return the daemon's answer to a call of `call_messages.ANSWERS`, or the texts, if any, of a plain one.

    Raises:
        NoDaemonError: no daemon runs.
        IpvlError: the daemon refused, or this user may not ask it.
    """
    answer = _exchange(control_socket, "POST", f"/calls/{name}", plain_json(request))
    if name in PLAIN_CALLS:
        return json.loads(answer or b"null")
    from ipvl.embedded.call_messages import ANSWERS

    return _decoded(control_socket, answer, ANSWERS[name])


def _exchange(control_socket: Path, method: str, path: str, body: bytes = b"") -> bytes:
    question = (
        f"{method} {path} HTTP/1.1\r\nhost: ipvl\r\nconnection: close\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    answer = bytearray()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(str(control_socket))
            connection.sendall(question.encode() + body)
            while chunk := connection.recv(CHUNK_BYTES):
                answer += chunk
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NoDaemonError from error
    except PermissionError as error:
        raise unavailable(f"control socket {control_socket} may not be used by this user", "run it as root") from error
    except OSError as error:
        raise unavailable(f"the daemon at {control_socket} did not answer: {error}") from error
    whole = status_and_body(bytes(answer))
    if whole is None:
        raise broken_off(control_socket)
    status, content = whole
    if status != OK:
        raise refusal(content)
    return content


def _decoded(control_socket: Path, answer: bytes, into: type[_Answer]) -> _Answer:
    import msgspec

    try:
        return msgspec.json.decode(answer, type=into)
    except msgspec.DecodeError as error:
        raise unavailable(f"the daemon at {control_socket} did not answer: {error}") from error


def broken_off(control_socket: Path | str) -> IpvlError:
    """Return the error of a daemon that did not answer to the end: what was asked may have been done."""
    return unavailable(f"the daemon at {control_socket} did not answer: it broke off", "its log may say why")


def refusal(answer: bytes) -> IpvlError:
    """Return what a daemon says that refused."""
    try:
        said = json.loads(answer)
        return IpvlError(Kind(said.get("kind", Kind.UNAVAILABLE)), str(said["what"]), str(said.get("way_out", "")))
    except (ValueError, LookupError, AttributeError):
        return unavailable(
            f"the daemon could not answer: {answer.decode(errors='replace')[:200]!r}", "its log has the details"
        )


def follow(control_socket: Path, path: str) -> Iterator[bytes]:
    """Yield the lines of the daemon's answer to GET `path` as they come, for as long as it sends any.

    Raises:
        NoDaemonError: no daemon runs.
        IpvlError: the daemon refused, this user may not ask it, or it went away in the middle.
    """
    import http.client

    connection = http.client.HTTPConnection("ipvl")
    try:
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock = stream
        stream.settimeout(ANSWER_SECONDS)
        stream.connect(str(control_socket))
        connection.request("GET", path)
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise refusal(response.read())
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
