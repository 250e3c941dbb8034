"""The guest's Python, kept beside the image to compile for the guest at the host's full speed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from lab.errors import SetupFailed

from .commands import Commands

LOADER = "ld.so"
NOT_NEEDED = ("test", "tests", "idlelib", "lib2to3", "ensurepip", "config-*")


def keep_python(root: Path, version: str, target: Path, commands: Commands) -> None:
    """Copy the interpreter `version` in `root`, its libraries and its modules into the new folder `target`."""
    program = f"/usr/bin/python{version}"
    (target / "shared").mkdir(parents=True)
    shutil.copyfile(root / program.lstrip("/"), target / "python3")
    (target / "python3").chmod(0o755)
    for path in _libraries(commands.output("chroot", root, "ldd", program)):
        # A name without arrow is the loader itself.
        name = LOADER if "/ld-linux" in path else f"shared/{Path(path).name}"
        shutil.copy(root / path.lstrip("/"), target / name)
    shutil.copytree(
        root / f"usr/lib/python{version}",
        target / f"lib/python{version}",
        ignore=shutil.ignore_patterns(*NOT_NEEDED),
        symlinks=True,
    )


def compile_tree(python: Path, folder: Path, place_in_guest: str) -> None:
    """Compile all modules in `folder`, which will be `place_in_guest`, with the interpreter kept in `python`.

    Raises:
        SetupFailed: one does not compile; the text says which and why.
    """
    command = [str(python / LOADER), "--library-path", str(python / "shared"), str(python / "python3")]
    # Valid whatever the files' times, which packing and unpacking may change.
    command += ["-sS", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(folder), "-p", place_in_guest, str(folder)]
    environment = {**os.environ, "PYTHONHOME": str(python), "PYTHONPATH": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetupFailed(f"{place_in_guest} does not compile for the guest:\n{(done.stdout + done.stderr).strip()}")


def _libraries(listing: str) -> list[str]:
    """Return the paths in the output of ldd."""
    words = [word for line in listing.splitlines() for word in line.split()]
    return [word for word in words if word.startswith("/")]
