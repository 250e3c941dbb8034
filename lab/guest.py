"""A guest: a computer of its own with a kernel that has ipvlan, driven from the host."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from .background import Background
from .errors import BootFailed, CommandFailed, CommandTimeout, GuestLost, LabError
from .image.builder import built_image
from .image.user_mode import built_kernel
from .machine import Hardware, Machine
from .payload import payload_for
from .results import Result
from .transfer import pull, push

BOOT_SECONDS = 120
SHUTDOWN_SECONDS = 60
# How long the agent may take to report the end of what it has killed.
KILL_SECONDS = 5
TERMINAL_SIZE = (24, 80)


class Guest:
    """A booted guest. Its methods may be called from several threads at once.

    Close it, or use it as a context manager: that ends its machine and removes the disk. It ends with this process in
    any case. `console_log` is its console's log, `boot_seconds` how long the last boot took, `channel` its present line
    to the agent.
    """

    def __init__(self, hardware: Hardware, folder: Path, log: Path | None, *, owns_folder: bool) -> None:
        """Power on; `Guest.boot` is the way to get one."""
        self._hardware = hardware
        self._folder = folder
        self._owns_folder = owns_folder
        self.console_log = log or folder / "console.log"
        self._power_on()

    @classmethod
    def boot(
        cls,
        suite: str = "bookworm",
        *,
        cpus: int = 2,
        memory_mib: int = 3072,
        workdir: Path | None = None,
        log: Path | None = None,
        append: str = "",
        user_mode: bool = False,
        processor: int | None = None,
    ) -> Self:
        """Boot a guest of `suite` on a fresh disk and return it once its agent answers.

        Disk and sockets are in a new folder in `workdir`, or in the system's folder for such; `log` gets the console;
        `append` goes to the end of the kernel line. With `user_mode` the kernel is a program on this machine: not the
        suite's own, with one CPU, and several times quicker than emulation where Python runs; `processor` is
        the number of the machine's CPU that it is to run on, any if there is none.

        Raises:
            NotSetUp: there is no image of the suite yet.
            SetupFailed: ipvl's wheel does not build.
            BootFailed: the guest did not get that far; the text ends with its last console lines.
        """
        image = built_image(suite)
        payload = payload_for(image.python)
        folder = Path(tempfile.mkdtemp(prefix="ipvl-guest-", dir=workdir))
        # A copy of its own, so that a reboot finds it however long the guest has lived.
        own_payload = folder / "payload.tar"
        try:
            os.link(payload, own_payload)
        except OSError:
            shutil.copyfile(payload, own_payload)
        try:
            kernel = built_kernel() if user_mode else None
            hardware = Hardware(image, own_payload, cpus, memory_mib, append, kernel, processor)
            return cls(hardware, folder, log, owns_folder=True)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the guest."""
        self.close()

    @property
    def suite(self) -> str:
        """The Debian suite of the guest."""
        return self._hardware.image.suite

    @property
    def uptime(self) -> float:
        """Seconds since the guest's kernel started."""
        return float(self.run("cat /proc/uptime").stdout.split()[0])

    @property
    def boot_id(self) -> str:
        """The kernel's id of this boot, which another boot never has."""
        return self.channel.boot_id

    def run(
        self,
        command: str,
        *,
        timeout: float = 60,
        check: bool = True,
        tty: bool = False,
        input: str = "",  # noqa: A002 - the word of subprocess.run
    ) -> Result:
        """Run `command` with bash as root in /work and return what came of it.

        With `tty` it has a terminal of 24 rows and 80 columns; its output is then one stream, in `stdout`. `input` is
        all of its standard input. What the command leaves running behind it loses its output streams when it ends.

        Raises:
            CommandFailed: `check` is set and the status is not 0.
            CommandTimeout: it did not end within `timeout` seconds; its process group has been killed.
            CommandRefused: the guest could not start it.
            GuestLost: the guest ended meanwhile.
        """
        has_input = tty or bool(input)
        background = self.channel.start(command, stdin=has_input, terminal=TERMINAL_SIZE if tty else None)
        if input:
            background.feed(input.encode())
        if has_input and not tty:
            background.end_input()
        try:
            result = background.wait(timeout)
        except CommandTimeout:
            background.kill(signal.SIGKILL)
            with contextlib.suppress(CommandTimeout):
                background.wait(KILL_SECONDS)
            raise CommandTimeout(command, timeout, background.output()) from None
        if check and result.status != 0:
            raise CommandFailed(result)
        return result

    def start(self, command: str) -> Background:
        """Start `command` as `run` does, and return without waiting for its end.

        Raises:
            GuestLost: the guest has ended.
        """
        return self.channel.start(command)

    def push(self, local: Path, remote: str) -> None:
        """Copy a file or folder to `remote` in the guest, in place of what is there; raises as `run` does."""
        push(self.channel, local, remote)

    def pull(self, remote: str, local: Path) -> None:
        """Copy a file or folder from the guest to `local`, in place of what is there; raises as `run` does."""
        pull(self.channel, remote, local)

    def reboot(self) -> None:
        """Shut down in order and boot again on the same disk; returns when the agent answers.

        Raises:
            BootFailed: the guest did not shut down, or did not come back.
        """
        self._shut_down()
        self._power_on()

    def power_cut(self) -> None:
        """End the guest at once, as if the power failed, and boot it again on the same disk.

        Raises:
            BootFailed: the guest did not come back.
        """
        self._machine.kill()
        self.channel.close()
        self._power_on()

    def close(self) -> None:
        """Switch the guest off and remove its disk. May be repeated."""
        self._machine.kill()
        self.channel.close()
        if self._owns_folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _power_on(self) -> None:
        began = time.monotonic()
        self._machine = Machine(self._hardware, self._folder, self.console_log)
        try:
            self.channel = self._machine.channel()
        except OSError as error:
            self._machine.kill()
            raise BootFailed(f"the machine offers no line ({error}): {self._machine.obituary()}") from error
        try:
            self.channel.greet(BOOT_SECONDS, lambda: self._machine.running)
        except LabError:
            self._machine.kill()
            self.channel.close()
            raise
        self.boot_seconds = time.monotonic() - began

    def _shut_down(self) -> None:
        # Off, and on again from outside: a kernel in user mode would start anew in its process. Under systemd the word
        # is systemd's, else it would go past the init that runs.
        command = "if [ -d /run/systemd/system ]; then systemctl poweroff; else busybox poweroff; fi"
        with contextlib.suppress(GuestLost):
            self.start(command)
        if not self._machine.wait(SHUTDOWN_SECONDS):
            explanation = self._machine.obituary()
            self.close()
            raise BootFailed(f"the guest did not shut down within {SHUTDOWN_SECONDS} s: {explanation}")
        self.channel.close()
