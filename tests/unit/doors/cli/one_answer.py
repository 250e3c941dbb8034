"""A daemon that has one thing to say."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager


@contextmanager
def daemon(path, answer: bytes):
    """Answer one request at the path with these bytes; yield what was asked, to be read after the block."""
    asked: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(1)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                asked.append(connection.recv(65536))
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield asked
        thread.join()


def http(code: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d Whatever\r\nContent-Length: %d\r\n\r\n%s" % (code, len(body), body)
