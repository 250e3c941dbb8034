"""The agent: runs commands in the guest for hosts that connect to its virtio-serial ports.

One thread, one epoll. Every port serves one client at a time; a client begins with a `hello` that names its session,
and a new hello on a port ends whatever the session before it had started there.

From the host: hello(session) · run(id, command, tty, rows, columns, environment, stdin) · stdin(id, data) ·
end_stdin(id) · signal(id, signal) · resize(id, rows, columns).
To the host: hello(session, boot) · received(bytes) on a serial line · started(id) · output(id, stream, data) ·
exit(id, status, seconds) · refused(id, reason).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Callable
from pathlib import Path

from .framing import Decoder, Frame, encode, pack, unpack

PORT_PREFIX = "lab.agent."
SERIAL_LINE = Path("/dev/ttyS0")
"""What a kernel in user mode has in place of ports."""
READ_SIZE = 65536
OUTBOX_LIMIT = 1 << 20
# What a command leaves running may hold its output open for ever; what a pipeline's last member wrote is there by then.
LINGER_SECONDS = 0.1
# Enough for all that fits into a pipe, and an end for a child that never stops printing.
FINAL_READS = 16
ENVIRONMENT = {
    "PATH": "/work/lab:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
}


class Loop:
    """The one epoll: file descriptors and deadlines with what to do when they are due."""

    def __init__(self) -> None:
        """Start with nothing to watch."""
        self._epoll = select.epoll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._deadlines: dict[object, tuple[float, Callable[[], None]]] = {}

    def watch(self, fd: int, events: int, handler: Callable[[int], None]) -> None:
        """Call `handler` with the events that arrive at `fd`."""
        self._epoll.register(fd, events)
        self._handlers[fd] = handler

    def forget(self, fd: int) -> None:
        """Stop watching `fd`; nothing happens if it is not watched."""
        if self._handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def call_after(self, seconds: float, key: object, handler: Callable[[], None]) -> None:
        """Call `handler` once after `seconds`, unless `cancel(key)` comes first."""
        self._deadlines[key] = (time.monotonic() + seconds, handler)

    def cancel(self, key: object) -> None:
        """Forget the deadline of `key`, if there is one."""
        self._deadlines.pop(key, None)

    def run(self) -> None:
        """Serve for ever."""
        while True:
            due = min((at for at, _ in self._deadlines.values()), default=None)
            for fd, events in self._epoll.poll(None if due is None else max(0.0, due - time.monotonic())):
                handler = self._handlers.get(fd)
                if handler is not None:
                    handler(events)
            now = time.monotonic()
            for key, (at, action) in list(self._deadlines.items()):
                if at <= now:
                    self.cancel(key)
                    action()


class Port:
    """One virtio-serial port and the session of the client that is connected to it."""

    def __init__(self, loop: Loop, device: Path) -> None:
        """Open `device` and serve it on `loop`; a client that waits from before a restart is told of the restart."""
        self._loop = loop
        self._fd = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        self._is_serial_line = os.isatty(self._fd)
        if self._is_serial_line:
            tty.setraw(self._fd, termios.TCSANOW)
        self._decoder = Decoder()
        self._outbox = bytearray()
        self._session: str | None = None
        self._jobs: dict[int, Job] = {}
        # Edge-triggered, because a port without a client reports "hung up" for as long as nobody connects.
        loop.watch(self._fd, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET, self._on_event)
        self.send({"event": "hello", "session": None})

    @property
    def congested(self) -> bool:
        """Whether the client takes its output so slowly that commands have to wait."""
        return len(self._outbox) > OUTBOX_LIMIT

    def send(self, frame: Frame) -> None:
        """Queue `frame` for the client and pass on what goes without blocking."""
        self._outbox += encode(frame)
        self._flush()

    def finished(self, job: Job) -> None:
        """Let go of a job that has ended."""
        self._jobs.pop(job.id, None)

    def _on_event(self, events: int) -> None:
        if events & select.EPOLLHUP:
            self._begin_session(None)
            return
        while True:
            try:
                data = os.read(self._fd, READ_SIZE)
            except BlockingIOError:
                break
            if not data:
                self._begin_session(None)
                return
            if self._is_serial_line:
                self.send({"event": "received", "bytes": len(data)})
            for frame in self._decoder.feed(data):
                self._on_frame(frame)
        self._flush()

    def _flush(self) -> None:
        was_congested = self.congested
        with contextlib.suppress(BlockingIOError):
            while self._outbox:
                written = os.write(self._fd, self._outbox[:READ_SIZE])
                del self._outbox[:written]
        if was_congested and not self.congested:
            for job in list(self._jobs.values()):
                job.resume()

    def _begin_session(self, session: str | None) -> None:
        self._session = session
        self._outbox.clear()
        for job in list(self._jobs.values()):
            job.abandon()
        self._jobs.clear()

    def _on_frame(self, frame: Frame) -> None:
        operation = frame.get("op")
        if operation == "hello":
            self._begin_session(frame["session"])
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
            self.send({"event": "hello", "session": self._session, "boot": boot})
        elif self._session is not None:
            try:
                self._serve(operation, frame)
            except (KeyError, TypeError, ValueError, OSError) as error:
                self.send({"event": "refused", "id": frame.get("id"), "reason": f"{type(error).__name__}: {error}"})

    def _serve(self, operation: object, frame: Frame) -> None:
        if operation == "run":
            self._jobs[frame["id"]] = Job(self._loop, self, frame)
            return
        job = self._jobs.get(frame["id"])
        if job is None:
            return  # It ended while the frame was on its way.
        if operation == "stdin":
            job.feed(unpack(frame["data"]))
        elif operation == "end_stdin":
            job.end_stdin()
        elif operation == "signal":
            job.signal(frame["signal"])
        elif operation == "resize":
            job.resize(frame["rows"], frame["columns"])
        else:
            raise ValueError(f"unknown operation {operation!r}")


class Job:
    """One command: its process, its streams and where its output goes."""

    def __init__(self, loop: Loop, port: Port, request: Frame) -> None:
        """Start what `request` describes; raises OSError if that is impossible."""
        self.id: int = request["id"]
        self._loop = loop
        self._port = port
        self._pending_stdin = bytearray()
        self._stdin_ends = False
        self._terminal: int | None = None
        self._stdin: int | None = None
        self._outputs: dict[int, str] = {}
        self._started = time.monotonic()
        environment = {**ENVIRONMENT, **request.get("environment", {})}
        if request["tty"]:
            self._process = self._spawn_on_terminal(request, environment)
        else:
            self._process = self._spawn_on_pipes(request, environment)
        for fd in self._outputs:
            os.set_blocking(fd, False)
        self._port.send({"event": "started", "id": self.id, "pid": self._process.pid})
        self.resume()
        self._pidfd = os.pidfd_open(self._process.pid)
        loop.watch(self._pidfd, select.EPOLLIN, self._on_exit)

    def _spawn_on_pipes(self, request: Frame, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            ["/bin/bash", "-c", request["command"]],
            stdin=subprocess.PIPE if request["stdin"] else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd="/work",
            env=environment,
            start_new_session=True,
        )
        # The descriptors are ours from here on, so that the Popen object going away closes nothing.
        if process.stdin is not None:
            self._stdin = os.dup(process.stdin.fileno())
            os.set_blocking(self._stdin, False)
            process.stdin.close()
        for stream, name in ((process.stdout, "stdout"), (process.stderr, "stderr")):
            if stream is not None:
                self._outputs[os.dup(stream.fileno())] = name
                stream.close()
        return process

    def _spawn_on_terminal(self, request: Frame, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        master, slave = os.openpty()
        try:
            self._terminal = master
            self.resize(request["rows"], request["columns"])
            process = subprocess.Popen(
                ["/bin/bash", "-c", request["command"]],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                cwd="/work",
                env=environment,
                start_new_session=True,
                preexec_fn=_take_controlling_terminal,  # noqa: PLW1509 - the agent has one thread
            )
        except BaseException:
            os.close(master)
            raise
        finally:
            os.close(slave)
        self._outputs[master] = "stdout"
        self._stdin = master
        return process

    def feed(self, data: bytes) -> None:
        """Write `data` to the command's standard input as it takes it."""
        self._pending_stdin += data
        self._push_stdin()

    def end_stdin(self) -> None:
        """Close standard input once all of it is written; a terminal has no such end."""
        self._stdin_ends = True
        self._push_stdin()

    def signal(self, number: int) -> None:
        """Send a signal to the command's whole process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def resize(self, rows: int, columns: int) -> None:
        """Set the size of the command's terminal, if it has one."""
        if self._terminal is not None:
            fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resume(self) -> None:
        """Go on reading the command's output."""
        for fd in self._outputs:
            self._loop.forget(fd)
            self._loop.watch(fd, select.EPOLLIN, lambda _events, fd=fd: self._read(fd))  # type: ignore[misc]

    def abandon(self) -> None:
        """Kill the command, because nobody is left to hear of its end."""
        self.signal(signal.SIGKILL)
        self._close()

    def _push_stdin(self) -> None:
        if self._stdin is None:
            return
        watched = self._stdin if self._terminal is None else None
        if watched is not None:
            self._loop.forget(watched)
        try:
            while self._pending_stdin:
                del self._pending_stdin[: os.write(self._stdin, self._pending_stdin[:READ_SIZE])]
        except BlockingIOError:
            if watched is not None:
                self._loop.watch(watched, select.EPOLLOUT, lambda _events: self._push_stdin())
            else:
                self._loop.call_after(LINGER_SECONDS, (self, "stdin"), self._push_stdin)
            return
        except BrokenPipeError:
            self._pending_stdin.clear()
            self._stdin_ends = True
        if self._stdin_ends and watched is not None:
            os.close(watched)
            self._stdin = None

    def _read(self, fd: int) -> None:
        if self._port.congested:
            for output in self._outputs:
                self._loop.forget(output)
            return
        with contextlib.suppress(BlockingIOError):
            self._pass_on(fd)
        if not self._outputs and self._process.returncode is not None:
            self._finish()

    def _pass_on(self, fd: int) -> None:
        try:
            data = os.read(fd, READ_SIZE)
        except OSError as error:
            if error.errno != errno.EIO:  # What a terminal says when its last user is gone.
                raise
            data = b""
        if data:
            self._port.send({"event": "output", "id": self.id, "stream": self._outputs[fd], "data": pack(data)})
            return
        self._loop.forget(fd)
        del self._outputs[fd]
        if fd == self._stdin:
            self._stdin = None
        os.close(fd)

    def _on_exit(self, _events: int) -> None:
        self._loop.forget(self._pidfd)
        self._seconds = time.monotonic() - self._started
        self._process.wait()
        if self._outputs:
            self._loop.call_after(LINGER_SECONDS, self, self._finish)
        else:
            self._finish()

    def _finish(self) -> None:
        for fd in list(self._outputs):
            with contextlib.suppress(BlockingIOError):
                for _ in range(FINAL_READS):
                    if fd in self._outputs:
                        self._pass_on(fd)
        code = self._process.returncode
        self._close()
        status = code if code >= 0 else 128 - code
        self._port.finished(self)
        self._port.send({"event": "exit", "id": self.id, "status": status, "seconds": round(self._seconds, 4)})

    def _close(self) -> None:
        self._loop.cancel(self)
        self._loop.cancel((self, "stdin"))
        for fd in {*self._outputs, self._pidfd, *([] if self._stdin is None else [self._stdin])}:
            self._loop.forget(fd)
            os.close(fd)
        self._outputs.clear()
        self._stdin = None


def _take_controlling_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def agent_ports() -> list[Path]:
    """Return the device files of the ports that belong to the agent."""
    names = Path("/sys/class/virtio-ports").glob("*/name")
    ports = sorted(Path("/dev") / name.parent.name for name in names if name.read_text().startswith(PORT_PREFIX))
    return ports or [line for line in (SERIAL_LINE,) if line.exists()]


def main() -> None:
    """Serve all ports until the guest ends."""
    loop = Loop()
    ports = [Port(loop, device) for device in agent_ports()]
    if not ports:
        sys.exit("agent: this machine has no line to the lab")
    loop.run()
