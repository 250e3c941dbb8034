#!/bin/busybox sh
# shellcheck shell=dash
# First program of the guest: loads the modules the disk needs, mounts root and payload and hands over to the real init.
# busybox finds its applets through /proc, so that is mounted first and the call after it has moved away spells it out.
/bin/busybox mount -t proc proc /proc
mount -t devtmpfs dev /dev
while read -r module; do insmod "/modules/$module"; done </modules/order

root=/root init="/bin/busybox init"
read -r line </proc/cmdline
for word in $line; do
    case $word in init=*) init=${word#init=} ;; esac
done

# Disk, payload and modules: the first two letters depend on who emulates them; without the third they are on the first.
disks=/dev/vd
[ -e ${disks}a ] || disks=/dev/ubd

if ! mount -t ext4 -o rw,noatime ${disks}a $root; then
    echo "lab: the root disk does not mount"
    poweroff -f
fi
mount -t tmpfs -o mode=755 work $root/work
tar -x -f ${disks}b -C $root/work || echo "lab: the payload does not unpack"
[ ! -e ${disks}c ] || mount -t ext4 -o ro ${disks}c $root/lib/modules || echo "lab: the modules do not mount"
mount --move /dev $root/dev
mount --move /proc $root/proc
# shellcheck disable=SC2086 # The init may have arguments.
exec /bin/busybox switch_root $root $init
