#!/bin/busybox sh
# shellcheck shell=dash
# Prepares the guest for the agent: mounts, modules, names. Run once by init before anything else; under systemd, which
# mounts for itself, by the unit of the agent. The initramfs has mounted /dev, /proc and /work.
set -u

mount_all() {
    mount -t sysfs sys /sys
    mount -t tmpfs -o mode=755 run /run
    mount -t tmpfs -o mode=1777 tmp /tmp
    mkdir -p /dev/pts /dev/shm
    mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
    mount -t tmpfs -o mode=1777 shm /dev/shm
    mount -t cgroup2 cgroup /sys/fs/cgroup
    ln -sf /proc/self/fd /dev/fd
    hostname lab
    ip link set lo up
}

[ -d /run/systemd/system ] || mount_all

# Loaded at once: one by one, on demand, the kernel would start a modprobe for each.
/sbin/modprobe -a overlay bridge br_netfilter veth ipvlan macvlan dummy 8021q \
    nf_tables nft_chain_nat nft_compat xt_MASQUERADE xt_conntrack xt_addrtype xt_nat 2>/dev/null
echo 1 >/proc/sys/net/ipv4/ip_forward
mkdir -p /run/netns /var/log/lab
