"""Where the files of a sandbox are on the host."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Folders:
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
    def wish(self) -> Path:
        """What the user wanted to run, to be started again."""
        return self.layer / "wish.json"

    def remove(self, *, layer: bool = True) -> None:
        """Remove what lasts until the host is switched off and, unless told not to, the rest; what is gone is done."""
        # Not before it is needed: with it come the compressors, a tenth of what a sandbox's start imports.
        import shutil

        shutil.rmtree(self.run, ignore_errors=True)
        if layer:
            shutil.rmtree(self.layer, ignore_errors=True)
