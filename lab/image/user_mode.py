"""Builds what a guest in user mode boots: Debian's kernel that is a program, its modules, and its initramfs."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from lab import hosttools
from lab.cache import cache_folder, fingerprint, finished_folder, locked, tree_parts
from lab.errors import NotSetUp, SetupFailed

from . import initramfs
from .commands import Commands
from .recipe import USER_MODE_LEFT_OUT, USER_MODE_MODULES, USER_MODE_PACKAGE, USER_MODE_PROGRAM, USER_MODE_SUITE
from .rootfs import apt_options, sources_of

MODULES_DISK_BYTES = 256 << 20
NAME = "user-mode"
MOUNT_POINTS = ("proc", "dev", "tmp", "guest", "image", "kernel")


@dataclass(frozen=True, slots=True)
class UserModeKernel:
    """A finished kernel: the folder that it is in."""

    folder: Path

    @property
    def root(self) -> Path:
        """What the program sees as its root: itself and the libraries of its own release."""
        return self.folder / "root"

    @property
    def initramfs(self) -> Path:
        """The initramfs that finds disk, modules and payload."""
        return self.folder / "initramfs.cpio"

    @property
    def modules(self) -> Path:
        """A disk with its modules."""
        return self.folder / "modules.ext4"


def _folder() -> Path:
    return cache_folder() / f"{NAME}-{fingerprint(tree_parts(Path(__file__).parent))}"


def built_kernel() -> UserModeKernel:
    """Return the kernel in user mode for this checkout.

    Raises:
        NotSetUp: it has not been built.
    """
    if not _folder().is_dir():
        raise NotSetUp("no user-mode kernel for this checkout: python3 -m lab setup --all")
    return UserModeKernel(_folder())


def build_kernel(busybox: Path) -> UserModeKernel:
    """Build the kernel in user mode unless it is there already, and return it. Needs root.

    Args:
        busybox: the program for its initramfs.

    Raises:
        SetupFailed: a step failed; the text names the reason and the full log.
    """
    with locked(cache_folder() / f"{NAME}.lock"):
        try:
            return built_kernel()
        except NotSetUp:
            pass
        log = cache_folder() / f"{NAME}.setup.log"
        with Commands(log) as commands, finished_folder(_folder()) as partial:
            try:
                _build(partial, busybox, commands)
            except (OSError, SetupFailed) as error:
                raise SetupFailed(f"{NAME}: {error} (all output: {log})") from error
    return built_kernel()


def _build(folder: Path, busybox: Path, commands: Commands) -> None:
    hosttools.install_missing_tools()
    root, unpacked = folder / "root", folder / "unpacked"
    commands.feed(
        sources_of(USER_MODE_SUITE),
        *("mmdebstrap", "--variant=extract", "--mode=root", f"--include={USER_MODE_PACKAGE}", *apt_options()),
        *(USER_MODE_SUITE, unpacked, "-"),
    )
    kernel = UserModeKernel(folder)
    (version,) = (path.name for path in (unpacked / USER_MODE_MODULES).iterdir())
    modules = folder / "modules"
    shutil.move(unpacked / USER_MODE_MODULES, modules)
    for name in USER_MODE_LEFT_OUT:
        shutil.rmtree(modules / version / "kernel" / name, ignore_errors=True)
    tree = folder / "tree"
    tree.mkdir()
    (tree / "lib").mkdir()
    shutil.move(modules, tree / "lib/modules")
    commands.run("depmod", "-b", tree, version)
    with kernel.modules.open("wb") as file:
        file.truncate(MODULES_DISK_BYTES)
    commands.run("mkfs.ext4", "-q", "-m0", "-O", "^has_journal", "-d", tree / "lib/modules", kernel.modules)
    _take_program(unpacked, root)
    initramfs.pack(busybox, (), kernel.initramfs, commands)
    shutil.rmtree(unpacked)
    shutil.rmtree(tree)


def _take_program(unpacked: Path, root: Path) -> None:
    """Put the program and the libraries it needs where it looks for them, and folders to mount on beside it."""
    for name in MOUNT_POINTS:
        (root / name).mkdir(parents=True)
    shutil.copy2(unpacked / USER_MODE_PROGRAM, root / "linux")
    libraries = [path for name in ("libc.so.6", "libgcc_s.so.1") for path in sorted(unpacked.rglob(name))[:1]]
    loader = sorted(unpacked.rglob("ld-linux-x86-64.so.2"))[:1]
    for target, sources in ((root / "lib/x86_64-linux-gnu", libraries), (root / "lib64", loader)):
        target.mkdir(parents=True)
        for source in sources:
            shutil.copy2(source, target / source.name)
