"""Where the files of a sandbox are on the host."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ipvl.startup.configuration import Configuration


@dataclass(frozen=True, slots=True)
class SandboxFolders:
    """Where a sandbox's files are on the host: `layer` lasts with the sandbox, `run` until the host is switched off."""

    layer: Path
    run: Path

    @property
    def log(self) -> Path:
        """What a detached sandbox's program wrote."""
        return self.layer / "output.log"

    def name_file(self, name: str) -> Path:
        """Return the path of a file that the sandbox sees in its /etc."""
        return self.run / name

    @property
    def request_file(self) -> Path:
        """What the user wanted to run, to be started again."""
        return self.layer / "wish.json"

    def remove(self, *, layer: bool = True) -> None:
        """Remove what lasts until the host is switched off and, unless told not to, the rest; what is gone is done."""
        remove_tree(self.run)
        if layer:
            remove_tree(self.layer)


def sandbox_folders(configuration: Configuration, identity: str) -> SandboxFolders:
    """Return where the files of the sandbox with this id are."""
    return SandboxFolders(
        configuration.state_folder / "sandboxes" / identity, configuration.run_folder / "sandboxes" / identity
    )


def remove_tree(folder: Path) -> None:
    """Remove a folder and what is in it, following no link; what cannot be removed stays, and what is gone is done.

    As shutil.rmtree, whose import costs a tenth of what a sandbox's start does.
    """
    with suppress(OSError):
        for _, folders, files, here in os.fwalk(folder, topdown=False):
            for name in (*files, *folders):
                _remove(name, here)
        folder.rmdir()


def _remove(name: str, folder: int) -> None:
    """Remove a file, a link or an empty folder; what cannot be removed stays."""
    try:
        os.unlink(name, dir_fd=folder)
    except OSError:
        with suppress(OSError):
            os.rmdir(name, dir_fd=folder)
