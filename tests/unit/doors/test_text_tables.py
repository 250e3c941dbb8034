"""Status as people read it, to the letter."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from textwrap import dedent

import pytest

from ipvl.clock.host_clocks import rfc3339
from ipvl.doors.text_tables import NO_NETWORKS, status_text
from ipvl.driver.status.dhcp_lease import DhcpStatus
from ipvl.driver.status.host_status import KeptStatus, PoolLeaseStatus, PoolStatus, QuarantineStatus, Status
from ipvl.driver.status.subnet import SubnetStatus
from tests.unit.builders import NOW, OTHER_ENDPOINT_ID, OTHER_ID
from tests.unit.doors.statuses import EMPTY, ONE_OF_EACH, endpoint_status, network_status, parent_status


def text(written: str) -> str:
    return dedent(written).strip("\n")


def test_three_tables_are_shown():
    """Networks, parents, endpoints: columns aligned, no space at the ends of lines."""
    expected = text(
        """
        NETWORK   ID             MODE   FLAG     PARENT    SUBNETS           GATEWAYS       ENDPOINTS   STATE
        web       aaaaaaaaaaaa   l2     bridge   eth0.20   192.168.20.0/24   192.168.20.1   1           ready

        PARENT    KIND   MADE BY   STATE   MTU    NETWORKS
        eth0.20   vlan   ipvl      up      1500   web

        ENDPOINT   ID             NETWORK   ADDRESSES          PARENT    STATE
        shop       eeeeeeeeeeee   web       192.168.20.10/24   eth0.20   attached
        """
    )

    assert expected == status_text(ONE_OF_EACH)


def test_routes_that_most_networks_do_not_have_are_a_table():
    """Further routes, a metric, and a default route that is left to others; isolated networks never have one."""
    status = replace(
        EMPTY,
        networks=(
            network_status(routes=("10.0.0.0/8 via 192.168.20.254",), metric=200),
            network_status(name="side", default_route=False),
            network_status(name="alone", isolated=True, default_route=False),
        ),
    )
    expected = text(
        """
        ROUTE                           NETWORK   METRIC
        10.0.0.0/8 via 192.168.20.254   web       200
        default                         web       200
        no default                      side      -
        """
    )

    assert expected == status_text(status).split("\n\n")[1]


def test_what_is_not_there_is_a_hyphen():
    """No name yet, no subnet, no gateway, no MTU: every cell has something in it."""
    status = Status(
        (
            network_status(name=None, subnets=(), endpoints=0),
            network_status(
                id=OTHER_ID,
                name="isolated-and-dual",
                parent="di-bbbbbbbbbbbb",
                mode="l3s",
                flag="private",
                subnets=(SubnetStatus("10.1.0.0/16", None), SubnetStatus("2001:db8::/64", None)),
                endpoints=12,
            ),
        ),
        (
            parent_status(made=False, state="missing", mtu=None, networks=()),
            parent_status(name="di-bbbbbbbbbbbb", kind="dummy", networks=("isolated-and-dual",)),
        ),
        (
            endpoint_status(name=None),
            endpoint_status(id=OTHER_ENDPOINT_ID, addresses=("10.1.0.2/16", "2001:db8::a/64")),
        ),
        (),
    )
    lines = [
        "NETWORK             ID             MODE   FLAG      PARENT            SUBNETS                     GATEWAYS"
        "   ENDPOINTS   STATE",
        "-                   aaaaaaaaaaaa   l2     bridge    eth0.20           -                           -       "
        "   0           ready",
        "isolated-and-dual   bbbbbbbbbbbb   l3s    private   di-bbbbbbbbbbbb   10.1.0.0/16,2001:db8::/64   -       "
        "   12          ready",
        "",
        "PARENT            KIND    MADE BY   STATE     MTU    NETWORKS",
        "eth0.20           vlan    others    missing   -      -",
        "di-bbbbbbbbbbbb   dummy   ipvl      up        1500   isolated-and-dual",
        "",
        "ENDPOINT   ID             NETWORK   ADDRESSES                    PARENT    STATE",
        "-          eeeeeeeeeeee   web       192.168.20.10/24             eth0.20   attached",
        "shop       ffffffffffff   web       10.1.0.2/16,2001:db8::a/64   eth0.20   attached",
    ]

    assert lines == status_text(status).splitlines()


def test_networks_without_endpoints_have_two_tables():
    """An empty table is left out."""
    assert "ENDPOINT   " not in status_text(replace(ONE_OF_EACH, endpoints=()))


def test_a_network_in_trouble_says_so_and_why():
    """The table has the word, the lines below the reasons."""
    troubled = network_status(name=None, trouble=("parent eth0 is down", "parent eth0 is VLAN 3 of eth1"))

    shown = status_text(replace(ONE_OF_EACH, networks=(troubled, network_status(id=OTHER_ID)))).splitlines()

    assert ["trouble", "ready"] == [line.split()[-1] for line in shown[1:3]]
    assert [
        "",
        "network aaaaaaaaaaaa: parent eth0 is down",
        "network aaaaaaaaaaaa: parent eth0 is VLAN 3 of eth1",
    ] == shown[-3:]


def test_warnings_come_last():
    """What concerns no network stands by itself."""
    warning = (
        "link eth1.99 was made by ipvl, but no network that ipvl knows uses it: remove it with `ip link del eth1.99`"
    )

    assert ["", warning] == status_text(replace(ONE_OF_EACH, warnings=(warning,))).splitlines()[-2:]


def test_pools_and_leases_have_tables_of_their_own():
    """What Docker takes addresses from, with networks on it or before; and who has each address."""
    leases = (
        PoolLeaseStatus("192.168.20.1", "gateway", None, 2),
        PoolLeaseStatus("192.168.20.9", "reserved", None, 1),
        PoolLeaseStatus("192.168.20.10", "endpoint", "shop", 1),
    )
    pools = (
        PoolStatus("p", "192.168.20.0/24", None, None, 2, leases),
        PoolStatus("q", "2001:db8::/64", "2001:db8::8:0/112", "eth1", 1, ()),
    )
    expected = text(
        """
        POOL              RANGE               PARENT   NETWORKS   LEASES
        192.168.20.0/24   -                   any      2          3
        2001:db8::/64     2001:db8::8:0/112   eth1     1          0

        LEASE           POOL              FOR        NETWORKS
        192.168.20.1    192.168.20.0/24   gateway    2
        192.168.20.9    192.168.20.0/24   reserved   1
        192.168.20.10   192.168.20.0/24   shop       1
        """
    )

    assert expected == status_text(replace(EMPTY, pools=pools))
    assert status_text(replace(ONE_OF_EACH, pools=pools)) == f"{status_text(ONE_OF_EACH)}\n\n{expected}"


def test_addresses_of_others_have_a_table_of_their_own():
    """Whose they are, and until when they are not chosen, in local time."""
    kept = (
        QuarantineStatus("192.168.20.7", "eth0.20", "52:54:00:12:34:56", rfc3339(NOW)),
        QuarantineStatus("2001:db8::7", "eth1", "this host itself", rfc3339(NOW + 61)),
    )
    expected = text(
        f"""
        IN USE BY OTHERS   PARENT    HOLDER              KEPT OUT UNTIL
        192.168.20.7       eth0.20   52:54:00:12:34:56   {datetime.fromtimestamp(NOW).astimezone():%H:%M:%S}
        2001:db8::7        eth1      this host itself    {datetime.fromtimestamp(NOW + 61).astimezone():%H:%M:%S}
        """
    )

    assert status_text(replace(ONE_OF_EACH, quarantines=kept)) == f"{status_text(ONE_OF_EACH)}\n\n{expected}"


def test_addresses_that_are_kept_have_a_table_of_their_own():
    """Who is stopped and asked for them."""
    expected = text(
        """
        KEPT ADDRESS   NETWORK   FOR
        192.168.20.9   web       shop
        """
    )

    kept = (KeptStatus("192.168.20.9", "web", "shop"),)
    assert status_text(replace(ONE_OF_EACH, kept=kept)) == f"{status_text(ONE_OF_EACH)}\n\n{expected}"


@pytest.fixture
def _in_utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_in_utc")
def test_leases_of_dhcp_servers_have_a_table():
    """Who granted what to whom and until when, in local time; the network has no subnet of its own."""
    lease = DhcpStatus("web", "held", "", "192.168.20.1", rfc3339(NOW), rfc3339(NOW + 60), "192.168.20.1", (), "", None)
    lan = network_status(name="lan", subnets=(), addressing="dhcp")
    shown = status_text(
        Status(
            (lan,),
            (),
            (
                endpoint_status(network="lan", lease=lease),
                endpoint_status(network="lan", name=None, lease=replace(lease, state="lost", expires=None)),
            ),
            (),
        )
    )

    assert "eth0.20   dhcp" in shown
    assert shown.endswith(
        text(
            """
            DHCP LEASE         ENDPOINT       NETWORK   SERVER         CLIENT ID   ENDS                  STATE
            192.168.20.10/24   shop           lan       192.168.20.1   web         2023-11-14T22:14:20   held
            192.168.20.10/24   eeeeeeeeeeee   lan       192.168.20.1   web         -                     lost
            """
        )
    )


def test_an_empty_host_is_told_what_to_do():
    """No tables without rows, but a first command."""
    assert NO_NETWORKS == status_text(EMPTY)


def test_an_empty_host_may_have_warnings():
    """A marked link that no record knows is worth a line."""
    assert f"{NO_NETWORKS}\nlink di-a was made by ipvl" == status_text(
        replace(EMPTY, warnings=("link di-a was made by ipvl",))
    )
