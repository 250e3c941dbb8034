"""The long-lived guest of a developer: one a suite, booted by one process and used by others."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .cache import cache_folder, locked
from .channel import Channel
from .errors import CommandFailed, LabError
from .image.builder import built_image
from .machine import PORTS, Hardware, Machine, connect, console_tail, running_machine
from .payload import payload_for

BOOT_SECONDS = 120
ANSWER_SECONDS = 15
SHUTDOWN_SECONDS = 60
PUSH_SECONDS = 60


class NotUp(LabError):
    """No long-lived guest of the suite runs."""


@dataclass(frozen=True, slots=True)
class Resident:
    """The long-lived guest of one suite, running or not."""

    suite: str

    @property
    def folder(self) -> Path:
        """Where its disk, sockets and console log are."""
        return cache_folder() / "run" / self.suite

    @property
    def pid(self) -> int | None:
        """The process id of its QEMU, if it runs."""
        return running_machine(self.folder)

    def up(self, *, cpus: int = 2, memory_mib: int = 3072, append: str = "") -> float:
        """Boot it on a fresh disk; returns the seconds that took, 0 if it was up already.

        Raises:
            NotSetUp, SetupFailed, BootFailed: as `Guest.boot` does.
        """
        with locked(self.folder.with_suffix(".lock")):
            if self.pid is not None:
                return 0.0
            began = time.monotonic()
            image = built_image(self.suite)
            payload = payload_for(image.python)
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            own_payload = self.folder / "payload.tar"
            shutil.copyfile(payload, own_payload)
            (self.folder / "python").symlink_to(image.python)
            hardware = Hardware(image, own_payload, cpus, memory_mib, append)
            machine = Machine(hardware, self.folder, self.folder / "console.log", survives_host=True)
            try:
                channel = Channel(connect(self.folder, 0), machine.obituary)
                try:
                    channel.greet(BOOT_SECONDS, lambda: machine.running)
                finally:
                    channel.close()
            except (LabError, OSError):
                machine.kill()
                raise
            return time.monotonic() - began

    def down(self) -> bool:
        """Shut it down and remove its disk; returns whether it was up."""
        with locked(self.folder.with_suffix(".lock")):
            pid = self.pid
            if pid is not None:
                with suppress(LabError, OSError), self.attached() as channel:
                    channel.start("if [ -d /run/systemd/system ]; then systemctl poweroff; else busybox poweroff; fi")
                    self._wait_for_end(SHUTDOWN_SECONDS)
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                self._wait_for_end(ANSWER_SECONDS)
            shutil.rmtree(self.folder, ignore_errors=True)
            return pid is not None

    @contextmanager
    def attached(self) -> Iterator[Channel]:
        """Give a channel to the guest on a port nobody else uses.

        Raises:
            NotUp: it does not run.
            BootFailed: it runs but does not answer.
            LabError: every port is in use.
        """
        if self.pid is None:
            raise NotUp(f"no {self.suite} guest is up: python3 -m lab up --suite {self.suite}")
        with self._free_port() as number:
            channel = Channel(connect(self.folder, number), self._explain_loss)
            try:
                channel.greet(ANSWER_SECONDS, lambda: self.pid is not None)
                yield channel
            finally:
                channel.close()

    def push_ipvl(self) -> None:
        """Build the payload of the checkout as it is now and put it in place of the one in the guest.

        Raises:
            NotUp, SetupFailed, CommandFailed, CommandTimeout, GuestLost: it is not there, or not replaced.
        """
        with self.attached() as channel:
            payload = payload_for((self.folder / "python").resolve())
            background = channel.start("rm -rf ipvl packaging && tar -x", stdin=True)
            background.feed(payload.read_bytes())
            background.end_input()
            result = background.wait(PUSH_SECONDS)
            if result.status != 0:
                raise CommandFailed(result)

    @contextmanager
    def _free_port(self) -> Iterator[int]:
        # Port 0 stays free for whoever boots.
        for number in range(1, PORTS):
            descriptor = os.open(self.folder / f"port{number}.lock", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            try:
                yield number
            finally:
                os.close(descriptor)
            return
        raise LabError(f"all {PORTS - 1} ports of the {self.suite} guest are in use: end an exec or a shell first")

    def _wait_for_end(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.pid is not None and time.monotonic() < deadline:
            time.sleep(0.05)

    def _explain_loss(self) -> str:
        state = "QEMU runs" if self.pid is not None else "QEMU has ended"
        return f"{state}\n--- console\n{console_tail(self.folder / 'console.log')}"
