"""Paths of network namespaces, as anybody may write them."""

from __future__ import annotations

import pytest

from ipvl.kernel.namespaces import OWN_NAMESPACE, namespace_inode


@pytest.mark.parametrize(
    "path", ["", "\0", "/proc/self/ns/net\0", "/" + "x" * 5_000, "/etc/passwd", "/proc/self/ns/mnt/x"]
)
def test_what_is_no_namespace_has_no_number(path):
    """Nor does it raise."""
    assert namespace_inode(path) is None


def test_a_namespace_has_a_number():
    """The same one, whoever asks."""
    assert namespace_inode(str(OWN_NAMESPACE)) == OWN_NAMESPACE.stat().st_ino
