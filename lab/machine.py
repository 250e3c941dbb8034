"""The guest's computer: one process, QEMU or a kernel in user mode, with its disk, its console and its ports."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from . import user_mode
from .channel import SERIAL_WINDOW, Channel
from .errors import BootFailed
from .guest_side.agent import PORT_PREFIX
from .hosttools import SEARCH_PATH
from .image.builder import Image
from .image.user_mode import UserModeKernel

# Port 0 is its owner's; the others are for those who attach to a guest somebody else has booted.
PORTS = 8
CONSOLE_LINES = 30
# Without ERMS and FSRM kernel and C library copy eight bytes with an instruction instead of by `rep movsb`, which
# emulation does byte by byte: copying takes a sixth of the time, `docker run` nine tenths.
CPU = "max,la57=off,erms=off,fsrm=off"
KERNEL_LINE = (
    "console=ttyS0 quiet panic=-1 "
    # Docker's containers want profiles that the guest does not load.
    "apparmor=0 "
    # Protection that costs time and guards nothing here; and programs at fixed addresses are translated only once.
    "audit=0 mitigations=off nokaslr norandmaps init_on_alloc=0 randomize_kstack_offset=off "
    # Namespaces come and go quicker if nobody waits for a quiet moment on all CPUs.
    "rcupdate.rcu_expedited=1 "
    # QEMU's clock is steady and its ciphers work; the kernel need not find out.
    "tsc=reliable no_timer_check cryptomgr.notests"
)


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a guest is made of. With `user_mode` its kernel runs as a program of this machine's, without emulation.

    That one has a single CPU, which is this `processor` of the machine's, or any.
    """

    image: Image
    payload: Path
    cpus: int
    memory_mib: int
    append: str = ""
    user_mode: UserModeKernel | None = None
    processor: int | None = None

    @property
    def disk(self) -> str:
        """The name of the file that keeps what the guest has written."""
        return "disk.qcow2" if self.user_mode is None else "disk.cow"


class Machine:
    """One power-on: from the process's start to its end. `folder` keeps disk and sockets; a disk there is used."""

    def __init__(self, hardware: Hardware, folder: Path, console: Path, *, survives_host: bool = False) -> None:
        """Power on. Unless `survives_host`, the machine ends with this process, however that ends.

        Raises:
            BootFailed: the process or its disk cannot be had.
        """
        self._name = "QEMU" if hardware.user_mode is None else "the user-mode kernel"
        self._folder = folder
        self._console = console
        self._console_start = console.stat().st_size if console.exists() else 0
        self._line: socket.socket | None = None
        try:
            if hardware.user_mode is None:
                self._process = _start_emulator(hardware, folder, console)
            else:
                self._process, self._line = _start_program(hardware, hardware.user_mode, folder, console)
        except OSError as error:
            raise BootFailed(f"{self._name} does not start ({error}): python3 -m lab setup installs it") from error
        (folder / "machine.pid").write_text(f"{self._process.pid}\n")
        self._leash = None if survives_host else _leash(self._process.pid, folder)

    @property
    def pid(self) -> int:
        """The process id of the machine."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def channel(self) -> Channel:
        """Return a channel to the agent, on the line that belongs to who has powered on.

        Raises:
            OSError: there is no line.
        """
        if self._line is None:
            return Channel(connect(self._folder, 0), self.obituary)
        return Channel(self._line, self.obituary, window=SERIAL_WINDOW)

    def wait(self, timeout: float) -> bool:
        """Wait for it to end; returns whether it did."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)
        if not self.running:
            self._release()
        return not self.running

    def kill(self) -> None:
        """End it at once, as a power cut does; nothing happens if it has ended."""
        # In user mode the process waits for the first one of a namespace, and that for all that end with it.
        inner = _child_of(self._process.pid) if self._line is not None and self.running else None
        if inner is None:
            self._process.kill()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(inner, signal.SIGKILL)
        self._process.wait()
        self._release()

    def obituary(self) -> str:
        """Return how it fares, with its own complaints and the last lines of the guest's console."""
        code = self._process.poll()
        state = f"{self._name} runs" if code is None else f"{self._name} ended with status {code}"
        log = self._folder / "qemu.log"
        complaints = log.read_text(errors="replace").strip() if log.exists() else ""
        return "\n".join(
            filter(None, (state, complaints, "--- console", console_tail(self._console, self._console_start)))
        )

    def _release(self) -> None:
        if self._leash is not None:
            # First the watcher, then its pipe: the other way round it would kill whoever has QEMU's number next.
            self._leash.kill()
            self._leash.wait()
            if self._leash.stdin is not None:
                self._leash.stdin.close()
            self._leash = None


def console_tail(console: Path, start: int = 0) -> str:
    """Return the last lines of the log `console` since `start`; a panic's own trace after its reason is left out."""
    if not console.exists():
        return ""
    with console.open("rb") as log:
        log.seek(start)
        lines = log.read().decode(errors="replace").replace("\r", "").splitlines()
    panic = next((number for number, line in enumerate(lines) if "Kernel panic" in line), len(lines))
    return "\n".join(lines[: panic + 1][-CONSOLE_LINES:])


def connect(folder: Path, number: int, timeout: float = 5.0) -> socket.socket:
    """Connect to port `number` of the machine in `folder`; waits for QEMU to make the socket.

    Raises:
        OSError: nobody listens there within `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    # Through the open folder, because a socket's path may have 107 bytes only.
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        while True:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.connect(f"/proc/self/fd/{handle}/port{number}")
            except (FileNotFoundError, ConnectionRefusedError):
                connection.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return connection
    finally:
        os.close(handle)


def _start_emulator(hardware: Hardware, folder: Path, console: Path) -> subprocess.Popen[bytes]:
    if not (folder / hardware.disk).exists():
        _make_disk(hardware.image.disk, folder / hardware.disk)
    for number in range(PORTS):
        (folder / f"port{number}").unlink(missing_ok=True)
    with (folder / "qemu.log").open("wb") as log:
        return _start(_qemu_command(hardware, console), folder, log)


def _start_program(
    hardware: Hardware, kernel: UserModeKernel, folder: Path, console: Path
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a kernel in user mode; return it and this end of its line, which is all there is to attach to."""
    ours, theirs = socket.socketpair()
    with theirs, console.open("ab") as log:
        processor = hardware.processor
        if processor is None:
            processor = random.choice(sorted(os.sched_getaffinity(0)))
        command = user_mode.command(
            kernel,
            hardware.image,
            hardware.memory_mib,
            line=theirs.fileno(),
            append=hardware.append,
            processor=processor,
        )
        return _start(command, folder, log, theirs.fileno()), ours


def _start(command: list[str], folder: Path, log: IO[bytes], *lines: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PATH": SEARCH_PATH},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=lines,
    )


def _child_of(pid: int) -> int | None:
    """Return the process id of a process's first child, None when it has none."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return int(children[0]) if children else None


def _qemu_command(hardware: Hardware, console: Path) -> list[str]:
    image = hardware.image
    command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-machine", "q35,hpet=off", "-cpu", CPU]
    command += ["-smp", str(hardware.cpus), "-m", f"{hardware.memory_mib}M"]
    command += ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
    command += ["-kernel", str(image.kernel), "-initrd", str(image.initramfs)]
    command += ["-append", f"{KERNEL_LINE} {hardware.append}".strip()]
    command += ["-chardev", f"file,id=console,path={_escaped(console)},append=on", "-serial", "chardev:console"]
    command += ["-drive", f"file={hardware.disk},format=qcow2,if=none,id=disk,cache=unsafe"]
    command += ["-device", "virtio-blk-pci,drive=disk"]
    command += ["-drive", f"file={_escaped(hardware.payload)},format=raw,if=none,id=payload,readonly=on"]
    command += ["-device", "virtio-blk-pci,drive=payload"]
    command += ["-device", "virtio-rng-pci", "-device", f"virtio-serial-pci,max_ports={PORTS + 1}"]
    for number in range(PORTS):
        command += ["-chardev", f"socket,id=port{number},path=port{number},server=on,wait=off"]
        command += ["-device", f"virtserialport,chardev=port{number},name={PORT_PREFIX}{number}"]
    return command


def _escaped(path: Path) -> str:
    return str(path.resolve()).replace(",", ",,")


def _make_disk(base: Path, disk: Path) -> None:
    if shutil.which("qemu-img", path=SEARCH_PATH) is None:
        raise BootFailed("qemu-img not found: python3 -m lab setup installs it")
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(base.resolve()), str(disk)]
    done = subprocess.run(command, env={**os.environ, "PATH": SEARCH_PATH}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BootFailed(f"no disk for the guest: {done.stderr.strip()}")


def _leash(pid: int, folder: Path) -> subprocess.Popen[bytes]:
    """Start a process that kills `pid` and removes `folder` once this process is gone, even if that was killed."""
    return subprocess.Popen(
        ["sh", "-c", 'read -r _; kill -9 "$1"; rm -rf "$2"', "sh", str(pid), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def running_machine(folder: Path) -> int | None:
    """Return the process id of the machine that another process has left running in `folder`, if there is one."""
    try:
        pid = int((folder / "machine.pid").read_text())
        # The number alone may belong to somebody else by now.
        there = Path(f"/proc/{pid}/cwd").resolve(strict=True)
        return pid if there == folder.resolve() else None
    except (OSError, ValueError):
        return None
