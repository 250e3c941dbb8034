"""Where the daemon keeps its state and listens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ipvl.startup import default_paths


@dataclass(frozen=True, slots=True)
class Configuration:
    """The daemon's settings; every one has a flag of `ipvl serve`."""

    state_folder: Path = Path(default_paths.STATE_FOLDER)
    docker_socket: Path = Path(default_paths.DOCKER_SOCKET)
    control_socket: Path = Path(default_paths.CONTROL_SOCKET)
    engine_socket: Path = Path(default_paths.ENGINE_SOCKET)
    log_level: str = "info"

    @property
    def state_file(self) -> Path:
        """The SQLite file with the records."""
        return self.state_folder / "state.db"

    @property
    def run_folder(self) -> Path:
        """Where the control socket is, and what lasts until the host is switched off."""
        return self.control_socket.parent

    @property
    def root_filesystems(self) -> Path:
        """The folder of root filesystems that are known by name."""
        return self.state_folder / "rootfs"

    @property
    def lock_file(self) -> Path:
        """What the one daemon that may use the state holds locked."""
        return self.state_folder / "lock"
