"""Members know each other by name, while they come and go."""

from __future__ import annotations

from ipvl.embedded import attach_detach, sandboxes
from ipvl.embedded.call_messages import Connect, Detach, Disconnect
from ipvl.embedded.reconcile_members import reconcile_all
from ipvl.embedded.sandbox_messages import NetworkAttachment, SandboxEnded
from tests.unit.embedded.members import BLUE, RED, attach, start

HOSTS = "/etc/netns/{}/hosts"


def test_members_know_each_other_by_name_and_alias(web):
    """In every direction, while they come and go."""
    start(web, 100, "one", "web")
    start(web, 200, "two", "web", attachments=(NetworkAttachment("web", aliases=("api",)),))

    one, two = (web.hosts[f"/run/ipvl/sandboxes/{process}/hosts"] for process in (100, 200))
    assert "192.168.1.3 two api two.web\n" in one
    assert "192.168.1.2 one one.web\n" in two
    web.run(sandboxes.ended(web.engine, SandboxEnded(f"{200:064x}", 0)))
    assert "two" not in web.hosts["/run/ipvl/sandboxes/100/hosts"]


def test_an_attached_namespace_can_have_a_hosts_file(web):
    """It knows the others and they know it."""
    attach(web, name="blue", hosts="/etc/netns/blue/hosts")
    start(web, 100, "one", "web")

    assert "192.168.1.3 one one.web\n" in web.hosts["/etc/netns/blue/hosts"]
    assert "192.168.1.2 blue blue.web\n" in web.hosts["/run/ipvl/sandboxes/100/hosts"]


def test_a_file_that_its_namespace_no_longer_needs_says_nothing(web):
    """Neither itself nor those it can no longer reach."""
    attach(web, name="blue", hosts=HOSTS.format("blue"))
    attach(web, RED, name="red")
    assert "red" in web.hosts[HOSTS.format("blue")]

    web.run(attach_detach.detach(web.engine, Detach("web", BLUE)))

    assert "" == web.hosts[HOSTS.format("blue")]


def test_the_names_of_a_network_that_is_left_go_and_the_others_stay(web):
    """In the hosts file of one that is on two."""
    start(web, 100, "one", "web", "db")
    start(web, 200, "two", "db")
    attach(web, name="blue")
    file = "/run/ipvl/sandboxes/100/hosts"
    assert "192.168.1.3 blue blue.web\n" in web.hosts[file]

    web.run(attach_detach.disconnect(web.engine, Disconnect("web", "one")))
    assert "blue" not in web.hosts[file]
    assert "10.7.0.2 two two.db\n" in web.hosts[file]
    web.run(attach_detach.connect(web.engine, Connect(NetworkAttachment("web"), "one")))
    assert "192.168.1.3 blue blue.web\n" in web.hosts[file]


def test_one_whose_namespace_is_gone_is_forgotten_by_the_next_repair(web):
    """Whoever deleted it told nobody."""
    start(web, 100, "one", "web")
    attach(web, name="blue")
    web.kernel.end_sandbox(BLUE)

    web.run(reconcile_all(web.engine))

    assert "blue" not in web.hosts["/run/ipvl/sandboxes/100/hosts"]


def test_only_files_that_change_are_written(web):
    """A member of one network is no news on another."""
    start(web, 100, "one", "web")
    start(web, 200, "two", "db")
    web.hosts.clear()

    attach(web, name="blue")

    assert ["/run/ipvl/sandboxes/100/hosts"] == list(web.hosts)


def test_a_sandbox_knows_its_own_name_and_itself_once(web):
    """First its host name, as programs look it up."""
    start(web, 100, "one", "web", hostname="uno")

    assert "192.168.1.2 uno one one.web\n" == web.hosts["/run/ipvl/sandboxes/100/hosts"]
