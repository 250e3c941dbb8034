#!/bin/busybox sh
# shellcheck shell=dash
# underlay.sh {up|down|check|router-forwarding on|router-forwarding off}
# The physical network that the specification draws, around the Docker host, which is the root namespace:
#
#   root: eth0 192.168.1.250 ─┐
#   root: eth1 (no address)  ─┤                       ┌─ router: eth0 192.168.1.1, eth0.N the gateways ── wan ── remote
#                             ├─ switch: br0 (802.1q) ┤
#                             │                       └─ host2: eth0 192.168.1.251, eth0.N
#
# Every port of the switch is a trunk: VLAN 1 untagged, 2 to 200 tagged. Nothing here has to settle: no duplicate address
# detection, no spanning tree, no multicast snooping, fixed MAC addresses. One batch a namespace, because an exec is slow.
set -eu

# Not the applet that busybox would take for "ip".
IP=/sbin/ip
BRIDGE=/sbin/bridge

# in_namespace NAME COMMAND: a shell command there, for what only /proc/sys can do.
in_namespace() { nsenter --net="/run/netns/$1" sh -c "$2"; }

# The interface's own setting counts only together with the one for all.
IPV6=/proc/sys/net/ipv6/conf

up() {
    if [ -e /run/netns/switch ]; then
        echo "underlay.sh: it is up already" >&2
        exit 1
    fi
    for namespace in switch router host2 remote; do
        $IP netns add $namespace
        in_namespace $namespace "echo 0 >$IPV6/all/accept_dad; echo 0 >$IPV6/default/accept_dad"
    done
    make_switch
    make_router
    make_host2
    make_remote
    make_docker_host
}

make_switch() {
    $IP -batch - <<EOF
link add eth0 address 00:50:56:39:45:2e mtu 1500 type veth peer name to-eth0 netns switch
link add eth1 address 00:50:56:39:45:2d mtu 1500 type veth peer name to-eth1 netns switch
EOF
    $IP -n switch -batch - <<EOF
link set lo up
link add br0 type bridge vlan_filtering 1 stp_state 0 forward_delay 0 mcast_snooping 0
link set br0 up
link add to-router type veth peer name eth0 address 00:50:56:39:45:01 netns router
link add to-host2 type veth peer name eth0 address 00:50:56:39:45:2f netns host2
link set to-eth0 master br0 up
link set to-eth1 master br0 up
link set to-router master br0 up
link set to-host2 master br0 up
EOF
    $BRIDGE -n switch -batch - <<EOF
vlan add dev to-eth0 vid 2-200
vlan add dev to-eth1 vid 2-200
vlan add dev to-router vid 2-200
vlan add dev to-host2 vid 2-200
EOF
}

# vlan ID ADDRESS...: the batch lines for one tagged sub-interface of eth0.
vlan() {
    id=$1
    shift
    echo "link add link eth0 name eth0.$id type vlan id $id"
    echo "link set eth0.$id up"
    for address in "$@"; do
        case $address in
        *:*) echo "address add $address dev eth0.$id nodad" ;;
        *) echo "address add $address brd + dev eth0.$id" ;;
        esac
    done
}

make_router() {
    {
        cat <<EOF
link set lo up
link set eth0 up
address add 192.168.1.1/24 brd + dev eth0
address add 2001:db8:1::1/64 dev eth0 nodad
link add wan address 00:50:56:39:46:01 type veth peer name eth0 address 00:50:56:39:46:0a netns remote
link set wan up
address add 203.0.113.1/24 brd + dev wan
address add 2001:db8:ffff::1/64 dev wan nodad
EOF
        vlan 10 172.16.80.1/24
        vlan 20 192.168.20.1/24 172.16.50.1/22
        vlan 30 192.168.30.1/24 10.1.100.1/16
        vlan 40 192.168.40.1/24
        vlan 114 192.168.114.254/24 192.168.116.254/24
        vlan 118
        vlan 139 2001:db8:abc2::22/64
        vlan 140 192.168.140.1/24 192.168.142.1/24 2001:db8:abc9::22/64
    } | $IP -n router -batch -
    router_forwarding 1
}

make_host2() {
    {
        cat <<EOF
link set lo up
link set eth0 up
address add 192.168.1.251/24 brd + dev eth0
address add 2001:db8:1::251/64 dev eth0 nodad
route add default via 192.168.1.1
route add default via 2001:db8:1::1
EOF
        vlan 20 192.168.20.251/24
        vlan 30 192.168.30.251/24
        vlan 139 2001:db8:abc2::251/64
        vlan 140 192.168.140.251/24
    } | $IP -n host2 -batch -
}

make_remote() {
    $IP -n remote -batch - <<EOF
link set lo up
link set eth0 up
address add 203.0.113.10/24 brd + dev eth0
address add 2001:db8:ffff::10/64 dev eth0 nodad
route add default via 203.0.113.1
route add default via 2001:db8:ffff::1
EOF
}

make_docker_host() {
    # For these two links only: what containers and ipvl make later keeps the kernel's default.
    for link in all eth0 eth1; do echo 0 >$IPV6/$link/accept_dad; done
    # Both are on one segment, and Linux answers ARP for any of its addresses on any link: eth1 would answer for eth0 now
    # and then, and what then comes in there for a routed container is forwarded, since eth1 carries none of it.
    echo 1 >/proc/sys/net/ipv4/conf/eth1/arp_ignore
    $IP -batch - <<EOF
link set eth0 up
link set eth1 up
address add 192.168.1.250/24 brd + dev eth0
address add 2001:db8:1::250/64 dev eth0 nodad
route add default via 192.168.1.1 dev eth0
route add default via 2001:db8:1::1 dev eth0
EOF
}

down() {
    # The links first, at once: a namespace takes its own down with it some time later.
    for link in eth0 eth1; do
        [ ! -e /sys/class/net/$link ] || $IP link delete $link
    done
    for namespace in switch router host2 remote; do
        [ ! -e /run/netns/$namespace ] || $IP netns delete $namespace
    done
}

router_forwarding() {
    in_namespace router \
        "echo $1 >/proc/sys/net/ipv4/conf/all/forwarding; echo $1 >$IPV6/all/forwarding"
}

check() {
    result=0
    for address in 192.168.1.1 192.168.1.251 203.0.113.10 172.16.80.1 \
        2001:db8:1::1 2001:db8:1::251 2001:db8:ffff::10 2001:db8:abc2::251; do
        /bin/ping -c 1 -W 2 $address >/dev/null || { echo "underlay.sh: no answer from $address" >&2; result=1; }
    done
    return $result
}

case "$*" in
up) up ;;
down) down ;;
check) check ;;
"router-forwarding on") router_forwarding 1 ;;
"router-forwarding off") router_forwarding 0 ;;
*)
    echo "usage: underlay.sh {up|down|check|router-forwarding on|router-forwarding off}" >&2
    exit 2
    ;;
esac
