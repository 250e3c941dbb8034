"""Tests of leases of DHCP servers."""
