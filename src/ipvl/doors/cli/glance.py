"""The tables that operators look at all day, as the daemon has them ready.

`ipvl network ls` and its like are to cost about what Python's own start costs. So this imports next to nothing:
`socket` alone would take as long as all of it.
"""

import _socket

from ipvl.daemon.places import CONTROL_SOCKET
from ipvl.doors.cli.answers import status_and_body

TABLES = {
    ("network", "ls"): "networks",
    ("network", "list"): "networks",
    ("ps",): "sandboxes",
    ("status",): "status",
}
"""Commands without a flag, and the table that each prints."""
ANSWER_WITHIN = 30.0
CHUNK = 1 << 16


def glance(words: list[str], control_socket: str = CONTROL_SOCKET) -> str | None:
    """Return what a command prints; None where the long way has to find out, whatever the reason is.

    Raises:
        SystemExit: it was refused, and has said why.
    """
    if words[:1] in (["attach"], ["detach"]):
        from ipvl.doors.cli.brief import brief

        return brief(words, control_socket)
    table = TABLES.get(tuple(words))
    if table is None:
        return None
    answer = b""
    try:
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            connection.settimeout(ANSWER_WITHIN)
            connection.connect(control_socket)
            connection.sendall(f"GET /tables/{table} HTTP/1.1\r\nhost: ipvl\r\nconnection: close\r\n\r\n".encode())
            while chunk := connection.recv(CHUNK):
                answer += chunk
        finally:
            connection.close()
    except OSError:
        return None
    status, body = status_and_body(answer) or (0, b"")
    return body.decode() if status == 200 else None
