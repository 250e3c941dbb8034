"""How the kernel that is a program is started: in namespaces of its own, with its disks, its console and one line."""

from __future__ import annotations

import os

from .image.builder import Image
from .image.user_mode import UserModeKernel

# Its own processes, so that nothing outlives it, and a root that has the C library it needs. $1 is the folder of the
# kernel, $2 that of the image, the rest are the kernel's words; this is the guest's folder. Memory is a file in /tmp,
# in large pages where the host's kernel has them for files, which saves a sixth of the time.
POWER_ON = """
root=$1/root
mount --rbind /dev "$root/dev" && mount -t proc proc "$root/proc" || exit
mount -t tmpfs -o size=100%,huge=always tmpfs "$root/tmp" || mount -t tmpfs -o size=100% tmpfs "$root/tmp" || exit
mount --bind . "$root/guest" && mount --bind "$2" "$root/image" && mount --bind "$1" "$root/kernel" || exit
shift 2
export HOME=/tmp
exec chroot "$root" /linux "$@"
"""
# Not locked: other guests read the same image, payload and modules.
DISKS = (
    "ubd0c=/guest/disk.cow,/image/root.ext4",
    "ubd1rc=/guest/payload.tar",
    "ubd2rc=/kernel/modules.ext4",
    "initrd=/kernel/initramfs.cpio",
)


def command(
    kernel: UserModeKernel, image: Image, memory_mib: int, *, line: int, append: str, processor: int
) -> list[str]:
    """Return the command that powers a guest on, to be run in the guest's folder.

    Args:
        kernel: what to boot.
        image: what has the root disk; the guest's own, `disk.cow`, keeps what differs.
        memory_mib: the guest's memory.
        line: the file descriptor that the guest's first serial line is joined to.
        append: more words for the kernel.
        processor: the one CPU of the host's that all of it runs on. Kernel and processes take turns, at each system
            call: on one CPU that is a switch, on two it is waking the other up, and everything takes twice as long.
    """
    # Who is not root is root of a user namespace.
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return [
        *("taskset", "--cpu-list", str(processor)),
        *("unshare", *user, "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"),
        *("sh", "-c", POWER_ON, "sh", str(kernel.folder), str(image.folder)),
        *("seccomp=on", "umid=guest", "uml_dir=/tmp/", f"mem={memory_mib}M", "quiet", "panic=-1", *DISKS),
        *("con=null", "con0=null,fd:1", "ssl=null", f"ssl0=fd:{line}", *append.split()),
    ]
