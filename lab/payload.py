"""What changes between two boots of one image: the lab's guest side, the built ipvl and its packaging, as one tar."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path

from .cache import CHECKOUT, cache_folder, fingerprint, locked, tree_parts
from .errors import SetupFailed
from .hosttools import pip_command
from .image.python import compile_tree

GUEST_SIDE = Path(__file__).with_name("guest_side")
SOURCES = ("src", "pyproject.toml", "README.md", "LICENSE")
KEPT_PAYLOADS = 20


def payload_for(python: Path) -> Path:
    """Return the payload of this checkout for guests whose interpreter is kept in `python`, built if need be.

    Raises:
        SetupFailed: ipvl's wheel does not build; the text has pip's complaint.
    """
    parts = list(tree_parts(GUEST_SIDE))
    for name in (*SOURCES, "packaging"):
        path = CHECKOUT / name
        if path.is_dir():
            parts += [(f"{name}/{part}", content) for part, content in tree_parts(path)]
        elif path.exists():
            parts.append((name, path.read_bytes()))
    folder = cache_folder() / "payloads"
    # The image's name stands for its interpreter.
    target = folder / f"{python.parent.name}-{fingerprint(parts)}.tar"
    with locked(folder / "lock"):
        if target.exists():
            target.touch()
            return target
        with tempfile.TemporaryDirectory(prefix="ipvl-lab-") as scratch:
            tree = Path(scratch) / "tree"
            _gather(tree, python)
            partial = target.with_suffix(".partial")
            with tarfile.open(partial, "w") as archive:
                archive.add(tree, arcname=".", filter=_owned_by_root)
            partial.rename(target)
        newest_first = sorted(folder.glob("*.tar"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in newest_first[KEPT_PAYLOADS:]:
            old.unlink()
    return target


def _gather(tree: Path, python: Path) -> None:
    without_compiled = shutil.ignore_patterns("__pycache__")
    shutil.copytree(GUEST_SIDE, tree / "lab", ignore=without_compiled)
    (tree / "ipvl/lib").mkdir(parents=True)
    if (CHECKOUT / "src/ipvl").is_dir():
        _unpack_wheel(tree / "ipvl/lib")
    if (CHECKOUT / "packaging").is_dir():
        shutil.copytree(CHECKOUT / "packaging", tree / "packaging", ignore=without_compiled)
    for folder in ("lab", "ipvl/lib"):
        compile_tree(python, tree / folder, f"/work/{folder}")


def _unpack_wheel(target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="ipvl-lab-") as scratch:
        command = [*pip_command(), "wheel", "--quiet", "--no-deps", "--disable-pip-version-check", "-w", scratch, "."]
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
        wheels = list(Path(scratch).glob("*.whl"))
        if done.returncode != 0 or len(wheels) != 1:
            raise SetupFailed(f"ipvl's wheel does not build:\n{done.stderr.strip() or done.stdout.strip()}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            wheel.extractall(target)


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry
