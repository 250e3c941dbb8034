"""The host's end of one port: sends requests to the guest's agent and hands its answers to whoever waits."""

from __future__ import annotations

import contextlib
import itertools
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator

from .background import Background
from .errors import BootFailed, GuestLost
from .guest_side.framing import Decoder, Frame, encode

POLL_SECONDS = 0.2
SERIAL_WINDOW = 2048
"""Bytes that a serial line of a kernel in user mode takes at once: with 4096 on the way it stalls for good."""


class Channel:
    """A session with the agent. Safe to use from several threads."""

    def __init__(
        self, connection: socket.socket, explain_loss: Callable[[], str], *, window: int | None = None
    ) -> None:
        """Take over `connection`; `explain_loss` says what became of the guest when the connection ends.

        With a `window` no more than so many bytes are sent before the agent has said that it received them.
        """
        self._window = window
        self._on_the_way = 0
        self._moved = threading.Condition()
        self._socket = connection
        self._explain_loss = explain_loss
        self._session = secrets.token_hex(8)
        self._boot_id: str | None = None
        self._lost: str | None = None
        self._numbers = itertools.count(1)
        self._commands: dict[int, Background] = {}
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._greeted = threading.Event()
        self._reader = threading.Thread(target=self._read, name="lab-channel", daemon=True)
        self._reader.start()

    @property
    def boot_id(self) -> str:
        """The kernel's id of the guest's present boot; known after `greet`."""
        return self._boot_id or ""

    def greet(self, timeout: float, still_running: Callable[[], bool]) -> None:
        """Wait until the agent answers.

        Raises:
            BootFailed: it did not within `timeout` seconds, or the guest ended first.
        """
        deadline = time.monotonic() + timeout
        self._say_hello()
        while not self._greeted.wait(POLL_SECONDS):
            if not still_running() or self._lost is not None:
                raise BootFailed(f"the guest ended before its agent answered: {self._explain_loss()}")
            if time.monotonic() > deadline:
                raise BootFailed(f"the guest's agent did not answer within {timeout:g} s: {self._explain_loss()}")

    def _say_hello(self) -> None:
        # The empty line ends whatever a client before this one left half said.
        self._send_bytes(b"\n" + encode({"op": "hello", "session": self._session}))

    def start(
        self,
        command: str,
        *,
        stdin: bool = False,
        terminal: tuple[int, int] | None = None,
        environment: dict[str, str] | None = None,
        on_output: Callable[[Background, str, bytes], None] | None = None,
    ) -> Background:
        """Start `command` in the guest; on a terminal of `terminal` rows and columns, if given.

        `on_output` gets the command, the name of the stream and the bytes as they arrive, on the channel's own thread;
        the returned object then keeps none of them.

        Raises:
            GuestLost: the connection has ended.
        """
        with self._lock:
            if self._lost is not None:
                raise GuestLost(self._lost)
            number = next(self._numbers)
            background = Background(command, number, self.send, has_terminal=terminal is not None, on_output=on_output)
            self._commands[number] = background
        rows, columns = terminal or (0, 0)
        request: Frame = {"op": "run", "id": number, "command": command, "stdin": stdin}
        request |= {"tty": terminal is not None, "rows": rows, "columns": columns, "environment": environment or {}}
        self.send(request)
        return background

    def send(self, frame: Frame) -> None:
        """Send one frame; raises GuestLost if the connection has ended."""
        self._send_bytes(encode(frame))

    def close(self) -> None:
        """End the session. What it has started in the guest is killed there."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._socket.close()

    def _send_bytes(self, data: bytes) -> None:
        try:
            with self._sending:
                for piece in self._pieces(data):
                    self._socket.sendall(piece)
        except OSError as error:
            raise GuestLost(f"cannot reach the guest ({error}): {self._explain_loss()}") from error

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        """Cut data into what may be sent, each piece when there is room for it."""
        if self._window is None or not self._greeted.is_set():
            yield data
            return
        half = self._window // 2
        for start in range(0, len(data), half):
            piece = data[start : start + half]
            with self._moved:
                self._moved.wait_for(lambda: self._on_the_way <= half or self._lost is not None)
                self._on_the_way += len(piece)
            yield piece

    def _read(self) -> None:
        decoder = Decoder()
        reason = "the connection to the guest ended"
        try:
            while data := self._socket.recv(1 << 18):
                for frame in decoder.feed(data):
                    self._dispatch(frame)
        except OSError as error:
            reason = f"{reason} ({error})"
        finally:
            self._fail_all(f"{reason}: {self._explain_loss()}")

    def _dispatch(self, frame: Frame) -> None:
        if frame.get("event") == "hello":
            if frame.get("session") == self._session:
                self._boot_id = frame["boot"]
                self._greeted.set()
            elif self._greeted.is_set():
                self._fail_all("the agent in the guest died and started anew")
            else:
                # A serial line loses what is said before the agent has opened it.
                self._say_hello()
            return
        if frame.get("event") == "received":
            with self._moved:
                # What was received of the greeting was not counted when it was sent.
                self._on_the_way = max(0, self._on_the_way - frame["bytes"])
                self._moved.notify_all()
            return
        number = frame.get("id")
        command = self._commands.get(number) if isinstance(number, int) else None
        if command is not None and command.receive(frame):
            del self._commands[command.number]

    def _fail_all(self, reason: str) -> None:
        with self._lock:
            self._lost = reason
            commands = list(self._commands.values())
            self._commands.clear()
        with self._moved:
            self._moved.notify_all()
        for command in commands:
            command.lose(reason)
