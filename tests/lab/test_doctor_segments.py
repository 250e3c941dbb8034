"""`ipvl doctor`: faults on the segment, in the host's settings, and between what ipvl remembers and what there is."""

from __future__ import annotations

import pytest

from tests.lab.docker_host import DockerHost, eventually
from tests.lab.doctor import NET, RUN, Fault, Report, assert_found, doctor, wait_until_named, well

ROUTER6 = """interface eth0 { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvDefaultLifetime 1800; };"""
ON_ETH1 = (
    f"{NET} --ipv6 --subnet=192.168.1.0/24 --gateway=192.168.1.1 --ip-range=192.168.1.96/28"
    " --subnet=2001:db8:1::/64 --gateway=2001:db8:1::77 -o parent=eth1 twins"
)
L3 = f"{NET} -o ipvlan_mode=l3"
ON_VLAN_20 = f"{NET} --subnet=192.168.20.0/24 --gateway=192.168.20.1 -o parent=eth0.20 net1"


def veth(name: str, address: str = "") -> str:
    """Return what makes a link of this name, with or without an address, and another at its end, both up."""
    given = f" && ip addr add {address} dev {name}" if address else ""
    return f"ip link add {name} type veth peer name {name}p && ip link set {name} up && ip link set {name}p up{given}"


SEGMENTS = {
    "another subnet in L2": Fault(
        networks=(f"{NET} --subnet=192.168.77.0/24 -o parent=eth0 stranger",),
        says=(
            "problem: subnet 192.168.77.0/24 of network stranger is not that of parent eth0 (192.168.1.0/24), and"
            " nobody answers for its gateway 192.168.77.1; in mode l2 give it the parent's subnet, or the router of"
            " eth0 an address in this one",
        ),
    ),
    "the parent's subnet in L3": Fault(
        before=veth("up1", "10.71.1.1/24"),
        networks=(f"{L3} --subnet=10.71.1.0/25 -o parent=up1 inside",),
        repair="ip link del up1",
        says=(
            "problem: subnet 10.71.1.0/25 of network inside overlaps 10.71.1.0/24, the subnet of parent up1, where in"
            " mode l3 nobody answers ARP for its containers; give the network a subnet of its own, and the router a"
            " route to it by this host's address",
        ),
    ),
    "a VLAN that the switch filters": Fault(
        before="bridge -n switch vlan del dev to-eth0 vid 20 && ping -c 1 192.168.1.1",
        networks=(ON_VLAN_20,),
        repair="bridge -n switch vlan add dev to-eth0 vid 20",
        says=(
            "problem: no frame of VLAN 20 has ever come in on parent eth0.20, while eth0 receives others;"
            " have the switch port of eth0 carry VLAN 20, tagged",
        ),
    ),
    "a silent gateway": Fault(
        before=veth("up2"),
        networks=(f"{NET} --subnet=10.71.2.0/24 --gateway=10.71.2.77 -o parent=up2 silent",),
        repair="ip link del up2",
        says=(
            "problem: gateway 10.71.2.77 of network silent does not answer ARP on up2; see that the router is up and"
            " on the segment of up2, or give its address as --gateway",
            "warning: this host answers for its other addresses on parent up2, which has none, so that whoever is on"
            " that segment reaches it (rp_filter=0, arp_ignore=0); if the link is for containers alone: `sysctl"
            " net.ipv4.conf.up2.rp_filter=1 net.ipv4.conf.up2.arp_ignore=8 net.ipv6.conf.up2.disable_ipv6=1`",
        ),
    ),
    "the host as gateway": Fault(
        before=veth("up3", "10.71.3.1/24"),
        networks=(f"{NET} --subnet=10.71.3.0/24 --gateway=10.71.3.1 -o parent=up3 own",),
        repair="ip link del up3",
        says=(
            "problem: gateway 10.71.3.1 of network own is this host's own address on up3, which ipvlan keeps out"
            " of its containers' reach; give the network the address of a router, and -o host_access=true"
            " if they are to reach this host",
        ),
    ),
    "duplicates and a silent IPv6 gateway": Fault(
        networks=(ON_ETH1,),
        container=f"{RUN} --net=twins --ip=192.168.1.251 --ip6=2001:db8:1::251 --name=twin alpine /bin/sh",
        says=(
            *(
                f"problem: address {address} of container twin in network twins is taken by the machine with MAC"
                " address 00:50:56:39:45:2f on eth1 as well; give one of the two another address, and keep such"
                " addresses out with --ip-range or --aux-address"
                for address in ("192.168.1.251", "2001:db8:1::251")
            ),
            "problem: gateway 2001:db8:1::77 of network twins does not answer neighbour solicitations on eth1; see that"
            " the router is up and on the segment of eth1, or give its address as --gateway",
        ),
    ),
}  # fmt: skip

SETTINGS = {
    "IPv6 off under L3": Fault(
        before=veth("up4", "10.71.9.1/24"),
        networks=(f"{L3} --ipv6 --subnet=10.71.4.0/24 --subnet=2001:db8:abc7::/64 -o parent=up4 old",),
        fault="sysctl -q -w net.ipv6.conf.up4.disable_ipv6=1",
        repair="ip link del up4",
        says=(
            "problem: IPv6 is off on parent up4 (disable_ipv6=1), and in mode l3 network old sends its IPv6 by the"
            " host's own routes there; `sysctl net.ipv6.conf.up4.disable_ipv6=0`",
        ),
    ),
    "a strict rp_filter in a container with two ways in": Fault(
        before="sysctl -q -w net.ipv4.conf.default.rp_filter=1 && ip route add 192.168.9.0/24 dev eth1",
        networks=(
            f"{L3} --subnet=192.168.110.0/24 -o parent=eth1 net2",
            f"{NET} --subnet=192.168.10.0/24 net3",
        ),
        container=f"{RUN} --net=net2 --name=both alpine /bin/sh",
        fault="docker network connect net3 both",
        repair="sysctl -q -w net.ipv4.conf.default.rp_filter=0; ip route del 192.168.9.0/24 dev eth1",
        says=(
            "warning: container both of network net2 has 2 interfaces, and with rp_filter=1 drops what comes in by one"
            " of them and would be answered by another; set net.ipv4.conf.all.rp_filter and .default.rp_filter to 2"
            " (loose) and restart the container",
        ),
    ),
    "a container without its port": Fault(
        networks=(f"{NET} --subnet=192.168.140.0/24 --gateway=192.168.140.1 -o parent=eth0.140 net4",),
        container=f"{RUN} --net=net4 --name=bare alpine /bin/sh",
        fault="nsenter -t $(docker inspect -f {{.State.Pid}} bare) -n ip link del eth0",
        says=(
            "problem: container bare has no port on eth0.140 any more, though ipvl gave it one in network net4;"
            " restart the container",
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("faults", [SEGMENTS, SETTINGS], ids=["segments", "settings"])
def test_faults(docker_host: DockerHost, faults: dict[str, Fault]) -> None:
    """One line for each, none for anything else, and the status of problems."""
    assert_found(docker_host, faults)


def test_what_docker_chose(docker_host: DockerHost) -> None:
    """Nobody gave a subnet, so nobody may miss its gateway; of a range, Docker takes the first address for one."""
    docker_host.docker(f"{NET} -o parent=eth0 net1")
    docker_host.docker(f"{NET} --subnet=192.168.1.0/24 --ip-range=192.168.1.96/28 -o parent=eth1 net2")
    (chosen,) = docker_host.network("net1")["IPAM"]["Config"]

    assert doctor(docker_host) == Report(
        1,
        [
            "problem: gateway 192.168.1.96 of network net2 does not answer ARP on eth1; see that the router is up and"
            " on the segment of eth1, or give its address as --gateway",
            f"warning: subnet {chosen['Subnet']} of network net1 is not that of parent eth0 (192.168.1.0/24), and"
            f" nobody answers for its gateway {chosen['Gateway'].partition('/')[0]}; in mode l2 give it the parent's"
            " subnet, or the router of eth0 an address in this one",
        ],
    )


def test_forwarding_that_lost_the_ipv6_default_route(docker_host: DockerHost) -> None:
    """A host that becomes an IPv6 router drops the default route its own router announced, and L3 goes by that."""
    router = docker_host.namespace("router")
    docker_host.run(f"printf '{ROUTER6}' >/run/radvd.conf")
    docker_host.docker(
        f"{NET} --ipv6 --subnet=192.168.110.0/24 --subnet=2001:db8:abc6::/64 -o parent=eth0 -o ipvlan_mode=l3 net1"
    )
    docker_host.run("ip -6 route del default via 2001:db8:1::1 dev eth0")
    radvd = docker_host.guest.start(f"{router.enter} radvd -n -C /run/radvd.conf -p /run/radvd.pid -m stderr")
    try:
        eventually(lambda: "proto ra" in docker_host.run("ip -6 route show default").stdout, "a route is announced")
        assert well("1 network", "1 parent") == doctor(docker_host)
        docker_host.run("sysctl -q -w net.ipv6.conf.all.forwarding=1")

        report = doctor(docker_host)
        assert report == Report(
            0,
            [
                "warning: the host has no IPv6 default route for network net1 in mode l3 to leave by, and with"
                " forwarding=1 parent eth0 takes none from routers (accept_ra=1);"
                " `sysctl net.ipv6.conf.eth0.accept_ra=2`, or add the route by hand"
            ],
        )
    finally:
        radvd.kill(15)
        radvd.wait(10)
        docker_host.run(
            "sysctl -q -w net.ipv6.conf.all.forwarding=0; ip -6 route flush proto ra;"
            " ip -6 route replace default via 2001:db8:1::1 dev eth0"
        )


@pytest.mark.parametrize("mode", ["l3", "l3s"])
def test_ipv4_forwarding_and_rp_filter_have_no_part_in_l3(docker_host: DockerHost, mode: str) -> None:
    """Forwarding off and a strict rp_filter on the host harm no container, so the doctor is silent about them."""
    settings = ("net.ipv4.ip_forward", *(f"net.ipv4.conf.{name}.rp_filter" for name in ("all", "default", "eth0")))
    before = docker_host.run(f"sysctl {' '.join(settings)}").stdout
    router, remote = map(docker_host.namespace, ("router", "remote"))
    docker_host.run("sysctl -q -w net.ipv4.ip_forward=0 " + " ".join(f"{name}=1" for name in settings[1:]))
    try:
        docker_host.docker(f"{NET} --subnet=192.168.110.0/24 -o parent=eth0 -o ipvlan_mode={mode} net1")
        container = docker_host.container(f"{RUN} --net=net1 --ip=192.168.110.10 alpine /bin/sh")
        # Docker switches forwarding on again for the networks that it makes itself.
        docker_host.run("sysctl -q -w net.ipv4.ip_forward=0")
        router.run("ip route add 192.168.110.0/24 via 192.168.1.250")
        assert remote.answers("192.168.110.10")
        assert container.answers("203.0.113.10")
        assert "1" == container.run("sysctl -n net.ipv4.conf.all.rp_filter").stdout.strip()
        assert well("1 network", "1 parent") == doctor(docker_host)
    finally:
        router.run("ip route del 192.168.110.0/24", check=False)
        docker_host.run("sysctl -q -w " + before.replace(" = ", "=").replace("\n", " "))


def test_what_others_left(docker_host: DockerHost) -> None:
    """Links that nobody needs any more, of ipvl's making and of others', each with the line that removes it."""
    docker_host.service("ipvl", "stop")
    docker_host.run(
        "ip link add stale0 type dummy && ip link set stale0 alias 'made by ipvl'"
        " && ip link add ipvl+0011223344 type dummy && ip link add di-0123456789ab type dummy"
        " && ip link add link eth1 name ipvl0123456789a type ipvlan mode l2"
        " && ip link add link eth1 name veth0123456 type ipvlan mode l2"
    )
    try:
        report = doctor(docker_host)
    finally:
        for name in ("veth0123456", "ipvl0123456789a", "di-0123456789ab", "ipvl+0011223344", "stale0"):
            docker_host.run(f"ip link del {name}")
        docker_host.service("ipvl", "start")

    assert 0 == report.status
    assert sorted(report.lines) == [
        "warning: dummy di-0123456789ab is of Docker's own driver, but Docker has no network 0123456789ab;"
        " remove it with `ip link del di-0123456789ab`",
        "warning: ipvlan port veth0123456, which ipvl did not make, is in the host's namespace, down and bare;"
        " if nobody needs it, remove it with `ip link del veth0123456`",
        "warning: link ipvl+0011223344 is a parent that ipvl never finished;"
        " remove it with `ip link del ipvl+0011223344`",
        "warning: link stale0 was made by ipvl, but no network that ipvl knows uses it;"
        " remove it with `ip link del stale0`",
        "warning: port ipvl0123456789a belongs to no container that ipvl knows;"
        " remove it with `ip link del ipvl0123456789a`",
    ]


def test_what_docker_still_needs(docker_host: DockerHost) -> None:
    """The dummy of an isolated network of Docker's own driver stays unmentioned, though no container is on it yet."""
    docker_host.run("docker network create -d ipvlan --subnet=192.168.10.0/24 theirs")
    identity = docker_host.network("theirs")["Id"]

    assert f"di-{identity[:12]}" in docker_host.links()
    assert well("0 networks", "0 parents") == doctor(docker_host)


def test_records_that_differ_from_the_host(docker_host: DockerHost) -> None:
    """While ipvl is away a sub-interface is deleted, a container ends and a network stays half removed."""
    docker_host.docker(ON_VLAN_20)
    docker_host.docker(f"{NET} --subnet=192.168.10.0/24 net2")
    docker_host.docker(f"{NET} --subnet=192.168.11.0/24 net3")
    container = docker_host.container(f"{RUN} --net=net2 --ip=192.168.10.9 --name=gone alpine /bin/sh")
    wait_until_named(docker_host, container)
    docker_host.service("ipvl", "stop")
    docker_host.run(f"ip link del eth0.20 && docker rm -f {container.id}", check=False)
    # Nobody waits two minutes here for an endpoint to count as gone, nor stops ipvl within a step.
    docker_host.run(
        "sqlite3 /var/lib/ipvl/state.db"
        " \"UPDATE endpoints SET changed = changed - 200; UPDATE networks SET phase = 'removing' WHERE name = 'net3'\""
    )
    try:
        report = doctor(docker_host)
    finally:
        docker_host.service("ipvl", "start")

    assert report == Report(
        1,
        [
            "problem: parent eth0.20 of network net1, which ipvl made, is gone;"
            " `systemctl restart ipvl` makes it again",
            "warning: container gone of network net2 is gone, but still holds 192.168.10.9;"
            " `systemctl restart ipvl` frees them",
            "warning: network net3 was not removed to the end;"
            " remove it with `docker network rm net3`, or `systemctl restart ipvl`",
        ],
    )
    assert well("2 networks", "2 parents") == doctor(docker_host), "as it said"


def test_a_host_without_docker(docker_host: DockerHost) -> None:
    """Sandboxes of ipvl's own and namespaces of others are looked into, and each way out is one that there is."""
    host = docker_host
    host.run(
        "ipvl network create --subnet=192.168.20.0/24 --gateway=192.168.20.1 -o parent=eth0.20 own"
        " && ipvl run -d --net own --ip 192.168.20.8 --name db -- sleep 600"
        " && ip netns add blue && ipvl attach --net own --netns blue --ip 192.168.20.9 --name web",
        timeout=90,
    )
    try:
        pid = host.records("SELECT process FROM sandboxes")[0]
        host.run(f"nsenter -t {pid} -n ip link del eth0 && ip -n blue link del eth0")

        what = (
            "problem: member {} has no port on eth0.20 any more, though ipvl gave it one in network own;"
            " `{}` gives it one again"
        )
        connect = "ipvl network connect --ip 192.168.20.8 own db"
        attach = "ipvl attach --net own --netns /run/netns/blue --ip 192.168.20.9 --name web"
        assert doctor(host) == Report(1, [what.format("db", connect), what.format("web", attach)])

        host.service("ipvl", "stop")
        host.run("ip link del eth0.20")
        assert doctor(host) == Report(
            1,
            [
                "problem: parent eth0.20 of network own, which ipvl made, is gone; `systemctl restart ipvl` makes it"
                " again, and so does `ipvl network ls` where no daemon runs"
            ],
        )
        host.run("ipvl network ls", timeout=90)  # ports come back with their parent
        assert well("1 network", "1 parent") == doctor(host), "as it said"
    finally:
        host.service("ipvl", "start")
        host.run(
            "ipvl rm -f db; ipvl network disconnect own web; ipvl network prune -f; ip netns del blue", check=False
        )
