"""Requests from what a client sends, piece by piece, within limits."""

from __future__ import annotations

from collections import deque

import httptools

from ipvl.http.messages import Request

LARGEST_HEAD_BYTES = 16 << 10
"""Bytes of a request line and its headers."""
LARGEST_BODY_BYTES = 1 << 20
"""Bytes; Docker's own bodies and the command's are a few kilobytes."""
NO_REQUEST = "this is not an HTTP request, or its head is too large"


class BadRequestError(Exception):
    """What was sent is no request, or is larger than any. `status` is HTTP's, the text says what is wrong."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class RequestReader:
    """Puts requests together from a client's bytes.

    `whole` are those that have come, in their order. `awaits_permission` is set while a client waits for
    `100 Continue` before it sends a body. Methods that begin with `on_` are httptools' to call.
    """

    def __init__(self) -> None:
        self.whole: deque[Request] = deque()
        self.awaits_permission = False
        self._parser = httptools.HttpRequestParser(self)
        self._problem: BadRequestError | None = None
        self._fed = 0
        self.on_message_begin()

    def feed(self, data: bytes) -> None:
        """Take in what has come.

        Raises:
            BadRequestError: it is no request. The client cannot be understood from here on.
        """
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._problem = self._problem or BadRequestError(400, NO_REQUEST)
            raise self._problem from error
        if not self._has_head:
            self._fed += len(data)
            if self._fed > LARGEST_HEAD_BYTES:
                self._problem = self._problem or BadRequestError(400, NO_REQUEST)
        if self._problem is not None:
            raise self._problem

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._target, self._body = bytearray(), bytearray()
        self._head_size = self._fed = 0
        self._has_head = self._has_host = self._expects = False

    def on_url(self, url: bytes) -> None:
        """Take in the target, or a part of it."""
        self._target += url
        self._measure(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take in a header."""
        self._measure(len(name) + len(value))
        match name.lower():
            case b"host":
                self._has_host = True
            case b"expect":
                self._expects = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        """Take in the end of the head."""
        self._has_head = True
        version = self._parser.get_http_version()
        # RFC 9112, 3.2: a request of HTTP/1.1 without a host is answered with 400.
        if version not in {"1.0", "1.1"} or (version == "1.1" and not self._has_host):
            self._problem = BadRequestError(400, NO_REQUEST)
        self.awaits_permission = self._expects and version == "1.1"

    def on_body(self, body: bytes) -> None:
        """Take in a part of the body."""
        self.awaits_permission = False
        if len(self._body) + len(body) > LARGEST_BODY_BYTES:
            path = self._split_target()[0].removeprefix("/")[:80]
            self._problem = self._problem or BadRequestError(
                413, f"{path}: the body is larger than {LARGEST_BODY_BYTES} bytes"
            )
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """Take in the end of the request."""
        self.awaits_permission = False
        if self._problem is not None:
            return
        path, query = self._split_target()
        self.whole.append(
            Request(
                method=self._parser.get_method().decode("ascii"),
                path=path,
                query=query,
                body=bytes(self._body),
                keep_alive=self._parser.should_keep_alive(),
                http_1_0=self._parser.get_http_version() == "1.0",
            )
        )

    def _split_target(self) -> tuple[str, str]:
        path, _, query = self._target.decode("latin-1").partition("?")
        return path, query

    def _measure(self, size: int) -> None:
        self._head_size += size
        if self._head_size > LARGEST_HEAD_BYTES:
            self._problem = self._problem or BadRequestError(400, NO_REQUEST)
