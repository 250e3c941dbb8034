"""The commands that are to cost about what Python's own start costs: tables, and plain `attach` and `detach`.

A daemon that runs is asked in text and answers in what is printed. So this imports next to nothing (`socket` alone
would take as long as all of it) and is in no package but `ipvl`: for each, Python lists a folder. What is out of the
ordinary is left to the long way before anything was asked.
"""

import _socket
import sys

from ipvl.startup.default_paths import CONTROL_SOCKET
from ipvl.startup.http_answer import status_and_body

TABLES = {
    ("network", "ls"): "networks",
    ("network", "list"): "networks",
    ("ps",): "sandboxes",
    ("status",): "status",
}
"""Commands without a flag, and the table that each prints."""
FLAGS = {
    "attach": {
        "--net": "network",
        "--network": "network",
        "--netns": "namespace",
        "--pid": "process",
        "--name": "name",
        "--ip": "ip",
        "--ip6": "ip6",
        "--interface": "interface",
    },
    "detach": {"--net": "network", "--network": "network", "--netns": "namespace", "--pid": "process"},
}
"""Each command's flags that have a value, and what it is; a command with any other goes the long way."""
OF_ATTACHMENT = ("network", "ip", "ip6", "interface")
UNKNOWN = b"ipvl serves no '/brief/"
"""What a daemon of an older version says: nothing was done."""
ANSWER_SECONDS = 30.0
CHUNK_BYTES = 1 << 16


def run_quick_command(words: list[str], control_socket: str = CONTROL_SOCKET) -> str | None:
    """Do what a command asks and return what it prints; None when nothing was done, and the long way is to do it.

    Raises:
        SystemExit: it was refused, or the daemon broke off; that has been said on standard error.
    """
    if words[:1] in (["attach"], ["detach"]):
        given = _given(words[1:], FLAGS[words[0]])
        return None if given is None else _ask_brief(words[0], _body(words[0], given), control_socket)
    table = TABLES.get(tuple(words))
    if table is None:
        return None
    status, content = _ask(control_socket, f"GET /tables/{table}") or (0, b"")
    return content.decode() if status == 200 else None


def _ask_brief(command: str, body: str, control_socket: str) -> str | None:
    answer = _ask(control_socket, f"POST /brief/{command}", body)
    if answer is None:
        return None
    status, content = answer
    if status == 404 and UNKNOWN in content:
        return None
    if status != 200:
        _refuse(control_socket, status, content)
    printed, end, notices = content.decode().partition("\n")
    sys.stderr.write(notices)
    return printed + end


def _ask(control_socket: str, request: str, body: str = "") -> tuple[int, bytes] | None:
    """Return status and body of the daemon's answer, (0, b"") where it broke off; None when nobody listens."""
    head = f"{request} HTTP/1.1\r\nhost: ipvl\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.settimeout(ANSWER_SECONDS)
        try:
            connection.connect(control_socket)
        except OSError:
            return None
        return _exchange(connection, (head + body).encode())
    finally:
        connection.close()


def _exchange(connection: _socket.socket, question: bytes) -> tuple[int, bytes]:
    answer = b""
    try:
        connection.sendall(question)
        while chunk := connection.recv(CHUNK_BYTES):
            answer += chunk
            # The daemon's end of the connection is not waited for.
            if whole := status_and_body(answer):
                return whole
    except OSError:
        pass
    return 0, b""


def _given(words: list[str], flags: dict[str, str]) -> dict[str, str] | None:
    """Return the flags' values; None for what only the parser can tell apart, or refuse."""
    given: dict[str, str] = {}
    words = [part for word in words for part in (word.split("=", 1) if word.startswith("--") else (word,))]
    if len(words) % 2:
        return None
    for flag, value in zip(words[::2], words[1::2], strict=True):
        name = flags.get(flag)
        plain = value.isascii() and value.isprintable() and not value.startswith("-") and not set(value) & set('"\\')
        if name is None or name in given or not value or not plain:
            return None
        given[name] = value
    process = given.pop("process", None)
    if process is not None:
        if "namespace" in given or not process.isdigit():
            return None
        given["namespace"] = f"/proc/{process}/ns/net"
    elif "/" not in given.get("namespace", "/"):
        given["namespace"] = f"/run/netns/{given['namespace']}"
    return given if {"network", "namespace"} <= given.keys() else None


def _body(command: str, given: dict[str, str]) -> str:
    if command == "detach":
        return _object(given)
    attachment = {name: given.pop(name) for name in OF_ATTACHMENT if name in given}
    return f'{{"attachment":{_object(attachment)},{_object(given)[1:]}'


def _object(values: dict[str, str]) -> str:
    """Return JSON of values in which nothing has to be escaped."""
    return "{" + ",".join(f'"{name}":"{value}"' for name, value in values.items()) + "}"


def _refuse(control_socket: str, status: int, content: bytes) -> None:
    from ipvl.doors.cli.control_client import broken_off, refusal
    from ipvl.doors.cli.exit_statuses import print_refusal

    sys.exit(print_refusal(refusal(content) if status else broken_off(control_socket)))
