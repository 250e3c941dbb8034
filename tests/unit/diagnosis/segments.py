"""Networks, a VLAN and gateways that checks of a segment start from."""

from __future__ import annotations

from tests.unit.builders import link, network, vlan_parent
from tests.unit.diagnosis.cases import question

MAC = "00:50:56:39:45:2f"
OWN = network(name="web", subnets=("192.168.1.0/24",))
OTHER = network(name="web", subnets=("192.168.77.0/24",))
GATEWAY = question("eth0", "192.168.1.1", "192.168.1.250")
OTHERS_GATEWAY = question("eth0", "192.168.77.1")
VLAN = link("eth0.20", 4, kind="vlan", lower=2, vlan_id=20)
VLAN_GATEWAY = question("eth0.20", "192.168.20.1")
ON_VLAN = (vlan_parent("eth0.20", "eth0", 20), network(parent="eth0.20", name="web"))
