"""What a kernel must be able to do."""

from __future__ import annotations

import pytest

from ipvl.errors import Kind
from ipvl.model.networks import Flag, Mode
from ipvl.planning.parents.kernel_versions import check_kernel, check_kind, kernel_version
from tests.unit.builders import host, network
from tests.unit.refusals import refusal


@pytest.mark.parametrize(
    ("release", "version"),
    [
        ("6.1.0-56-amd64", (6, 1)),
        ("4.2.0", (4, 2)),
        ("4.19", (4, 19)),
        ("5.15.167.4-microsoft-standard-WSL2", (5, 15)),
        ("6.12-rc3", (6, 12)),
        ("10.0.0", (10, 0)),
        ("", (0, 0)),
        ("unknown", (0, 0)),
    ],
)
def test_a_kernels_version_is_read_from_its_release(release, version):
    """Major and minor are numbers: 4.19 is newer than 4.2."""
    assert version == kernel_version(release)


@pytest.mark.parametrize(
    ("release", "mode", "flag"),
    [
        ("4.2.0", Mode.L2, Flag.BRIDGE),
        ("4.2.0", Mode.L3, Flag.BRIDGE),
        ("4.9.0", Mode.L3S, Flag.BRIDGE),
        ("4.15.0", Mode.L3S, Flag.PRIVATE),
        ("4.19.0", Mode.L2, Flag.VEPA),
        ("10.0.0", Mode.L3S, Flag.VEPA),
    ],
)
def test_a_kernel_that_is_new_enough_is_accepted(release, mode, flag):
    """The oldest kernel with a feature has it."""
    check_kernel(network(mode=mode, flag=flag), host(release=release))


@pytest.mark.parametrize(
    ("release", "mode", "flag", "expected"),
    [
        ("4.1.52", Mode.L2, Flag.BRIDGE, "kernel 4.1.52 is too old for ipvlan; it needs 4.2 or later"),
        ("3.19.0", Mode.L3S, Flag.VEPA, "kernel 3.19.0 is too old for ipvlan; it needs 4.2 or later"),
        ("x", Mode.L2, Flag.BRIDGE, "kernel x is too old for ipvlan; it needs 4.2 or later"),
        ("4.8.17", Mode.L3S, Flag.BRIDGE, "kernel 4.8.17 is too old for ipvlan mode l3s; it needs 4.9 or later"),
        ("4.14.9", Mode.L2, Flag.PRIVATE, "kernel 4.14.9 is too old for ipvlan flag private; it needs 4.15 or later"),
        ("4.14.9", Mode.L3S, Flag.VEPA, "kernel 4.14.9 is too old for ipvlan flag vepa; it needs 4.15 or later"),
    ],
)
def test_kernel_versions(release, mode, flag, expected):
    """A kernel that is too old is refused: the sentence names it, the feature and the first kernel that has it."""
    assert expected == refusal(Kind.KERNEL, check_kernel, network(mode=mode, flag=flag), host(release=release))


@pytest.mark.parametrize(("kind", "module"), [("ipvlan", "ipvlan"), ("dummy", "dummy"), ("vlan", "8021q")])
def test_a_kernel_without_a_kind_of_link_is_refused(kind, module):
    """The sentence names the module to load, which for VLANs is called otherwise."""
    expected = (
        f"kernel 6.1.0-56-amd64 has no {kind} links; "
        f"load the module with `modprobe {module}`, or use a kernel that has it"
    )

    assert expected == refusal(Kind.KERNEL, check_kind, kind, host(kinds=frozenset()))
    check_kind(kind, host(kinds=frozenset({kind})))


def test_a_kernel_without_ipvlan_is_refused():
    """Every network needs ipvlan."""
    expected = (
        "kernel 6.1.0-56-amd64 has no ipvlan links; load the module with `modprobe ipvlan`, or use a kernel that has it"
    )

    assert expected == refusal(Kind.KERNEL, check_kernel, network(), host(kinds=frozenset({"vlan", "dummy"})))
