"""The guest's root file system, from packages to disk."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path

from lab.errors import SetupFailed
from lab.hosttools import pip_command

from .apt_sources import as_list_line, sources_for, sources_of_machine
from .commands import Commands
from .kernel import unpack_kernel
from .recipe import CONTAINER_APPLETS, DISK_BYTES, KEPT, LEFT_OUT, LINKS, PACKAGES, PACKAGES_OF_SUITE

DEPENDENCIES = Path("opt/ipvl/deps")
# What a checkout without a lock file gets, so that a guest can run a first sketch.
UNLOCKED_DEPENDENCIES = ("pyroute2==0.9.7", "msgspec", "h11", "httptools")


def unpack_packages(suite: str, root: Path, commands: Commands) -> None:
    """Install the packages of `suite` into the new folder `root`."""
    packages = (*PACKAGES, *PACKAGES_OF_SUITE[suite])
    commands.feed(
        sources_of(suite),
        *("env", "INITRD=No"),  # The packages would build an initramfs of 30 MB; the lab makes its own.
        *("mmdebstrap", "--variant=minbase", "--mode=root", f"--include={','.join(packages)}"),
        *apt_options(),
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
        *(f"--dpkgopt=path-include={pattern}" for pattern in KEPT),
        *(suite, root, "-"),
    )


def sources_of(suite: str) -> str:
    """Return the lines of a `sources.list` for `suite`, from where this machine gets its packages."""
    sources = sources_for(suite, sources_of_machine(), _codename())
    return "".join(f"{as_list_line(source)}\n" for source in sources)


def apt_options() -> tuple[str, ...]:
    """Return what mmdebstrap's apt is told for every suite."""
    # A machine whose clock or mirror stands still sees an expired index.
    return ('--aptopt=Acquire::Languages "none"', '--aptopt=Acquire::Check-Valid-Until "false"')


def install_python_dependencies(root: Path, lock: Path, commands: Commands) -> str:
    """Install what ipvl needs for the guest's Python, compile all of it and return that Python's version, as "3.11"."""
    version = commands.output(
        "chroot", root, "python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"
    ).strip()
    target = root / DEPENDENCIES
    wanted: tuple[str, ...] = UNLOCKED_DEPENDENCIES
    if lock.exists():
        wanted = ("--require-hashes", "--no-deps", "--requirement", str(lock))
    commands.run(
        *(*pip_command(), "install", "--quiet", "--target", str(target)),
        *("--python-version", version, "--implementation", "cp", "--only-binary=:all:"),
        *("--no-compile", "--root-user-action=ignore", "--disable-pip-version-check"),
        *wanted,
    )
    # An interpreter under emulation takes seconds to compile what it imports.
    commands.run("chroot", root, "python3", "-m", "compileall", "-q", "-j0", "/usr/lib/python3", f"/{DEPENDENCIES}")
    commands.run("chroot", root, "python3", "-m", "compileall", "-q", "-j0", f"/usr/lib/python{version}")
    return version


def take_kernel(root: Path, target: Path, commands: Commands) -> str:
    """Write the kernel in `root` to `target`, prepare its modules and return its version."""
    versions = sorted(path.name for path in (root / "lib/modules").iterdir())
    if len(versions) != 1:
        raise SetupFailed(f"expected one kernel in the image, found {len(versions)}: {', '.join(versions)}")
    version = versions[0]
    unpack_kernel(root / f"boot/vmlinuz-{version}", target, commands)
    # Unpacked once here instead of at every boot there.
    compressed = [str(path) for path in (root / "lib/modules" / version).rglob("*.ko.xz")]
    if compressed:
        commands.feed("\0".join(compressed), "xargs", "-0", "-P0", "-n50", "xz", "--decompress")
    commands.run("depmod", "-b", root, version)
    return version


def version_of_package(root: Path, package: str, commands: Commands) -> str:
    """Return the upstream version of an installed package."""
    full = commands.output("dpkg-query", f"--admindir={root}/var/lib/dpkg", "--show", "-f=${Version}", package)
    return full.rsplit("-", 1)[0].split("+")[0].rpartition(":")[2]


def finish(root: Path) -> None:
    """Put the lab's own files into `root` and take out what no guest needs."""
    for folder in ("boot", "var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(root / folder, ignore_errors=True)
        (root / folder).mkdir()
    for link in ("vmlinuz", "vmlinuz.old", "initrd.img", "initrd.img.old"):
        (root / link).unlink(missing_ok=True)
    for link, destination in LINKS.items():
        path = root / link.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(destination)
    (root / "work").mkdir()
    (root / "etc/hostname").write_text("lab\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost lab\n::1 localhost lab\n")
    (root / "etc/resolv.conf").write_text("")
    (root / "opt/lab").mkdir(parents=True)
    write_container_image((root / "bin/busybox").read_bytes(), root / "opt/lab/alpine.tar")


def write_container_image(busybox: bytes, target: Path) -> None:
    """Write to `target` the file system of the container image "alpine": busybox and a link for each applet."""
    with tarfile.open(target, "w") as archive:
        for folder, mode in (("bin", 0o755), ("etc", 0o755), ("root", 0o700), ("tmp", 0o1777), ("usr", 0o755)):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            archive.addfile(entry)
        for name, content, mode in (
            ("bin/busybox", busybox, 0o755),
            ("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n", 0o644),
            ("etc/group", b"root:x:0:\n", 0o644),
        ):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
        for applet in CONTAINER_APPLETS:
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(entry)


def make_disk(root: Path, disk: Path, commands: Commands) -> None:
    """Write the files in `root` to the new ext4 file system `disk`."""
    with disk.open("wb") as file:
        file.truncate(DISK_BYTES)
    # With a journal, because guests lose their power; without checksums, which cost an emulated CPU time.
    commands.run("mkfs.ext4", "-q", "-m0", "-O", "^metadata_csum", "-J", "size=16", "-d", root, disk)


def _codename() -> str:
    release = Path("/etc/os-release").read_text() if Path("/etc/os-release").exists() else ""
    for line in release.splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    raise SetupFailed("/etc/os-release names no VERSION_CODENAME: images can be built on Debian only")
