"""Builds the image of one suite, step by step, into the cache."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from lab import hosttools
from lab.cache import CHECKOUT, cache_folder, fingerprint, finished_folder, locked, tree_parts
from lab.errors import NotSetUp, SetupFailed

from . import initramfs, python, rootfs
from .commands import Commands
from .recipe import SUITES

LOCK_FILE = CHECKOUT / "requirements.lock"


@dataclass(frozen=True, slots=True)
class Image:
    """A finished image: the folder and what is known about its content."""

    folder: Path
    suite: str
    kernel_version: str
    python_version: str
    docker_version: str

    @property
    def kernel(self) -> Path:
        """The kernel to boot."""
        return self.folder / "vmlinux"

    @property
    def initramfs(self) -> Path:
        """The initramfs that finds disk and payload."""
        return self.folder / "initramfs.cpio"

    @property
    def python(self) -> Path:
        """A copy of the guest's interpreter, to compile with."""
        return self.folder / "python"

    @property
    def busybox(self) -> Path:
        """A busybox that needs no libraries, for other initramfs."""
        return self.folder / "busybox"

    @property
    def disk(self) -> Path:
        """The root file system, never written to."""
        return self.folder / "root.ext4"


def image_folder(suite: str) -> Path:
    """Return where the image of `suite` for this checkout belongs, built or not."""
    parts = [("suite", suite.encode()), *tree_parts(Path(__file__).parent)]
    if LOCK_FILE.exists():
        parts.append((LOCK_FILE.name, LOCK_FILE.read_bytes()))
    return cache_folder() / f"{suite}-{fingerprint(parts)}"


def built_image(suite: str) -> Image:
    """Return the image of `suite` for this checkout.

    Raises:
        NotSetUp: it has not been built.
    """
    folder = image_folder(suite)
    try:
        facts = json.loads((folder / "image.json").read_text())
    except FileNotFoundError:
        raise NotSetUp(f"no {suite} image for this checkout: python3 -m lab setup --suite {suite}") from None
    return Image(folder=folder, **facts)


def build_image(suite: str) -> Image:
    """Build the image of `suite` unless it is there already, and return it. Needs root.

    Raises:
        SetupFailed: a step failed; the text names the step, the reason and the full log.
    """
    if suite not in SUITES:
        raise SetupFailed(f"unknown suite {suite!r}: choose one of {', '.join(SUITES)}")
    folder = image_folder(suite)
    with locked(folder.parent / f"{suite}.lock"):
        try:
            return built_image(suite)
        except NotSetUp:
            pass
        log = folder.parent / f"{suite}.setup.log"
        with Commands(log) as commands, finished_folder(folder) as partial:
            try:
                _build(suite, partial, commands)
            except (OSError, SetupFailed) as error:
                raise SetupFailed(f"{suite}: {error} (all output: {log})") from error
    return built_image(suite)


def _build(suite: str, folder: Path, commands: Commands) -> None:
    began = time.monotonic()
    root = folder / "root"
    with _step(suite, "tools of the host"):
        hosttools.install_missing_tools()
    with _step(suite, "packages"):
        rootfs.unpack_packages(suite, root, commands)
    with _step(suite, "Python dependencies of ipvl"):
        python_version = rootfs.install_python_dependencies(root, LOCK_FILE, commands)
        python.keep_python(root, python_version, folder / "python", commands)
    with _step(suite, "kernel and initramfs"):
        kernel_version = rootfs.take_kernel(root, folder / "vmlinux", commands)
        initramfs.build(root, kernel_version, folder / "initramfs.cpio", commands)
    with _step(suite, "disk"):
        docker_version = rootfs.version_of_package(root, "docker.io", commands)
        shutil.copy2(root / "bin/busybox", folder / "busybox")
        rootfs.finish(root)
        rootfs.make_disk(root, folder / "root.ext4", commands)
    shutil.rmtree(root)
    image = Image(folder, suite, kernel_version, python_version, docker_version)
    facts = {name: value for name, value in asdict(image).items() if name != "folder"}
    (folder / "image.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(
        f"{suite}: ready after {time.monotonic() - began:.0f} s, "
        f"{_allocated(folder) >> 20} MiB in {folder.with_suffix('')}, kernel {kernel_version}, Docker {docker_version}",
        flush=True,
    )


@contextmanager
def _step(suite: str, name: str) -> Iterator[None]:
    began = time.monotonic()
    print(f"{suite}: {name} …", end="", flush=True)
    try:
        yield
    except BaseException:
        print(" failed", flush=True)
        raise
    print(f" {time.monotonic() - began:.1f} s", flush=True)


def _allocated(folder: Path) -> int:
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))
