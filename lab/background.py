"""A command that runs in the guest, seen from the host."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from .errors import CommandFailed, CommandRefused, CommandTimeout, GuestLost
from .guest_side.framing import Frame, pack, unpack
from .results import Result

FRAME_DATA = 1 << 15


class Background:
    """A command under way. Made by `Guest.start`; it goes on until it ends, is killed, or the guest is closed."""

    def __init__(
        self,
        command: str,
        number: int,
        send: Callable[[Frame], None],
        *,
        has_terminal: bool,
        on_output: Callable[[Background, str, bytes], None] | None = None,
    ) -> None:
        """Describe the command that the agent knows as `number`; `send` reaches the agent."""
        self.command = command
        self.number = number
        self._send = send
        self._has_terminal = has_terminal
        self._on_output = on_output
        self._changed = threading.Condition()
        self._streams = {"stdout": bytearray(), "stderr": bytearray()}
        self._all = bytearray()
        self._exit: tuple[int, float] | None = None
        self._broken: Exception | None = None

    @property
    def running(self) -> bool:
        """Whether the command has not ended yet, as far as the host has heard."""
        return self._exit is None and self._broken is None

    def wait(self, timeout: float = 60) -> Result:
        """Wait for the end of the command.

        Raises:
            CommandTimeout: it has not ended within `timeout` seconds; it goes on.
            CommandRefused: it could not be started.
            GuestLost: the guest or its agent ended first.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: not self.running, timeout):
                raise CommandTimeout(self.command, timeout, self._text(self._all))
            if self._exit is None:
                raise self._broken or GuestLost("no exit status")
            status, seconds = self._exit
            stdout, stderr = (self._text(self._streams[name]) for name in ("stdout", "stderr"))
            return Result(self.command, status, stdout, stderr, seconds)

    def wait_for(self, text: str, timeout: float = 30) -> str:
        """Wait until `text` appears in the output and return the output so far.

        Raises:
            CommandTimeout: it has not appeared within `timeout` seconds.
            CommandFailed: the command ended without it.
            CommandRefused: the command could not be started.
            GuestLost: the guest or its agent ended first.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while text not in (output := self._text(self._all)):
                if not self.running:
                    break
                if not self._changed.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    raise CommandTimeout(self.command, timeout, output)
            else:
                return output
        raise CommandFailed(self.wait(), f"ended without printing {text!r}")

    def output(self) -> str:
        """Return what the command has printed so far, both streams in the order of arrival."""
        with self._changed:
            return self._text(self._all)

    def kill(self, signal: int = 15) -> None:
        """Send a signal to the command's process group; nothing happens if it has ended."""
        if self.running:
            self._send({"op": "signal", "id": self.number, "signal": int(signal)})

    def feed(self, data: bytes) -> None:
        """Write `data` to the standard input of a command that was started with one."""
        for start in range(0, len(data), FRAME_DATA):
            self._send({"op": "stdin", "id": self.number, "data": pack(data[start : start + FRAME_DATA])})

    def end_input(self) -> None:
        """Close the command's standard input."""
        self._send({"op": "end_stdin", "id": self.number})

    def resize(self, rows: int, columns: int) -> None:
        """Tell the command the new size of its terminal."""
        self._send({"op": "resize", "id": self.number, "rows": rows, "columns": columns})

    def bytes_of(self, stream: str) -> bytes:
        """Return the bytes printed so far to "stdout" or "stderr"."""
        with self._changed:
            return bytes(self._streams[stream])

    def receive(self, frame: Frame) -> bool:
        """Take a frame from the agent; returns whether it was the last one. For the channel."""
        event = frame.get("event")
        if event == "output":
            data = unpack(frame["data"])
            if self._on_output is not None:
                self._on_output(self, frame["stream"], data)
                return False
            with self._changed:
                self._streams[frame["stream"]] += data
                self._all += data
                self._changed.notify_all()
            return False
        if event == "exit":
            with self._changed:
                self._exit = (frame["status"], frame["seconds"])
                self._changed.notify_all()
        elif event == "refused":
            self._break(CommandRefused(f"the guest does not start {self.command!r}: {frame['reason']}"))
        return event in {"exit", "refused"}

    def lose(self, reason: str) -> None:
        """Note that no end will ever be heard of. For the channel."""
        self._break(GuestLost(f"lost {self.command!r}: {reason}"))

    def _break(self, error: Exception) -> None:
        with self._changed:
            self._broken = error
            self._changed.notify_all()

    def _text(self, data: bytearray) -> str:
        text = data.decode(errors="replace")
        return text.replace("\r\n", "\n") if self._has_terminal else text
