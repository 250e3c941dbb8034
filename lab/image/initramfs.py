"""The initramfs: busybox, the modules that reach the disk, and one script."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from .commands import Commands
from .recipe import EARLY_MODULES

INIT = Path(__file__).with_name("initramfs-init.sh")


def build(root: Path, kernel_version: str, target: Path, commands: Commands) -> None:
    """Write to `target` the initramfs for the guest whose files are in `root`."""
    pack(root / "bin/busybox", _modules(root, kernel_version, commands), target, commands)


def pack(busybox: Path, modules: Iterable[Path], target: Path, commands: Commands) -> None:
    """Write to `target` an initramfs that loads `modules` in their order."""
    tree = target.with_suffix(".tree")
    for folder in ("bin", "dev", "modules", "proc", "root"):
        (tree / folder).mkdir(parents=True)
    shutil.copy2(busybox, tree / "bin/busybox")
    (tree / "bin/sh").symlink_to("busybox")
    shutil.copyfile(INIT, tree / "init")
    (tree / "init").chmod(0o755)
    order = []
    for path in modules:
        order.append(path.name)
        shutil.copyfile(path, tree / "modules" / path.name)
    (tree / "modules/order").write_text("".join(f"{name}\n" for name in order))
    names = sorted(str(path.relative_to(tree)) for path in tree.rglob("*"))
    # Not compressed: the guest's emulated CPU unpacks slower than QEMU copies.
    commands.feed("\n".join(names), "cpio", "-o", "-H", "newc", "--quiet", "--reproducible", "-O", target, cwd=tree)
    shutil.rmtree(tree)


def _modules(root: Path, kernel_version: str, commands: Commands) -> list[Path]:
    """Return the files of the early modules and what they need, each after what it needs."""
    found: dict[Path, None] = {}
    for module in EARLY_MODULES:
        plan = commands.output("modprobe", "-d", root, "-S", kernel_version, "--show-depends", module)
        for line in plan.splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "insmod":
                found[Path(rest.split()[0])] = None
    return list(found)
