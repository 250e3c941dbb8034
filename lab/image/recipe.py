"""What goes into an image, as data."""

from __future__ import annotations

SUITES = ("bookworm", "sid")

PACKAGES = (
    "busybox-static",
    "containernetworking-plugins",
    "crun",
    "dnsmasq-base",
    "docker-compose",
    "docker.io",
    "iperf3",
    "iproute2",
    "iptables",
    "iputils-arping",
    "iputils-ping",
    "kmod",
    "linux-image-amd64",
    "nftables",
    "procps",
    "python3",
    "radvd",
    "socat",
    "sqlite3",
    "systemd",
    "systemd-sysv",
    "tcpdump",
    "util-linux",
)

# Since Docker 27 Debian has the command line client in a package of its own.
PACKAGES_OF_SUITE = {"bookworm": (), "sid": ("docker-cli",)}

# Together 400 MB that no guest ever opens. Where the kernel's modules are depends on the suite.
_DRIVERS_LEFT_OUT = (
    "accel", "ata", "bluetooth", "edac", "gpu", "hid", "hwmon", "i2c", "iio", "infiniband", "input", "isdn", "leds",
    "md", "media", "mfd", "mmc", "mtd", "net/can", "net/ethernet", "net/usb", "net/wireless", "net/wwan", "nvme",
    "pinctrl", "platform", "power", "regulator", "scsi", "spi", "staging", "target", "thunderbolt", "usb", "video",
    "w1", "watchdog",
)  # fmt: skip
_FILE_SYSTEMS_LEFT_OUT = (
    "afs", "bcachefs", "btrfs", "ceph", "cifs", "f2fs", "gfs2", "jfs", "nfs", "nfsd", "nilfs2", "ntfs3", "ocfs2", "smb",
    "ubifs", "udf", "xfs",
)  # fmt: skip
_PROTOCOLS_LEFT_OUT = ("bluetooth", "ceph", "rds", "sctp", "smc", "sunrpc", "tipc")
_MODULES_LEFT_OUT = (
    "sound",
    *(f"drivers/{name}" for name in _DRIVERS_LEFT_OUT),
    *(f"fs/{name}" for name in _FILE_SYSTEMS_LEFT_OUT),
    *(f"net/{name}" for name in _PROTOCOLS_LEFT_OUT),
)
LEFT_OUT = (
    *(f"/usr/share/{name}/*" for name in ("doc", "info", "locale", "man")),
    *(f"{prefix}/lib/modules/*/kernel/{name}/*" for prefix in ("", "/usr") for name in _MODULES_LEFT_OUT),
)

# Radios without hardware, for the scenario of a wireless parent; where they are depends on the kernel.
KEPT = tuple(
    f"{prefix}/lib/modules/*/kernel/drivers/net/wireless/{folder}mac80211_hwsim.ko*"
    for prefix in ("", "/usr")
    for folder in ("", "virtual/")
)

# In the order in which the initramfs needs them; their dependencies are found by modprobe.
EARLY_MODULES = ("virtio_pci", "virtio_blk", "virtio_console", "ext4")

# Sparse: what Docker may write in the life of one guest, on top of about 700 MB of system.
DISK_BYTES = 6 << 30

# A kernel that runs as a program of the host's, at the host's speed, where the packages of SUITES run under emulation.
# Those that are older have none that can do without ptrace.
USER_MODE_SUITE = "sid"
USER_MODE_PACKAGE = "user-mode-linux"
USER_MODE_PROGRAM = "usr/bin/linux.uml"
USER_MODE_MODULES = "usr/lib/uml/modules"
USER_MODE_LEFT_OUT = (
    *(f"drivers/{name}" for name in (
        "block", "char", "hid", "i2c", "input", "md", "media", "mtd", "scsi", "tty", "usb",
        *(f"net/{each}" for each in ("can", "phy", "ppp", "wireless", "wwan")),
    )),
    *(f"fs/{name}" for name in _FILE_SYSTEMS_LEFT_OUT),
    *(f"net/{name}" for name in (*_PROTOCOLS_LEFT_OUT, "batman-adv", "mac80211", "rxrpc", "tipc", "wireless")),
)  # fmt: skip

# Links in the guest's root file system whose targets come with the payload at every boot.
LINKS = {
    "/etc/inittab": "/work/lab/inittab",
    "/etc/systemd/system/lab-agent.service": "/work/lab/systemd/lab-agent.service",
    "/etc/systemd/system/multi-user.target.wants/lab-agent.service": "/work/lab/systemd/lab-agent.service",
    "/etc/systemd/system/containerd.service.d/lab.conf": "/work/lab/systemd/containerd.conf",
    "/etc/systemd/system/docker.service.d/lab.conf": "/work/lab/systemd/docker.conf",
    "/usr/local/bin/ipvl": "/work/lab/ipvl",
}

# Applets of busybox that the image named "alpine" offers.
CONTAINER_APPLETS = (
    "sh", "ash", "arp", "arping", "awk", "basename", "cat", "cp", "cut", "date", "dd", "df", "dirname", "echo", "env",
    "expr", "false", "find", "free", "grep", "head", "hostname", "httpd", "id", "ifconfig", "ip", "kill", "killall",
    "ln", "ls", "mkdir", "mount", "mv", "nc", "netstat", "nslookup", "pidof", "ping", "ping6", "printf", "ps", "pwd",
    "readlink", "rm", "rmdir", "route", "sed", "seq", "sleep", "sort", "stat", "stty", "tail", "tar", "tee", "telnet",
    "test", "time", "timeout", "top", "touch", "tr", "traceroute", "traceroute6", "true", "tty", "umount", "uname",
    "uniq", "uptime", "usleep", "vi", "watch", "wc", "wget", "which", "who", "whoami", "xargs", "yes",
)  # fmt: skip
