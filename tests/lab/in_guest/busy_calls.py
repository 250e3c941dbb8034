"""Make and remove a network and a namespace's endpoint, for ever. Runs in the guest, over ipvl's control socket."""

import http.client
import itertools
import json
import socket
import subprocess


class Connection(http.client.HTTPConnection):
    """HTTP over ipvl's unix socket."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/run/ipvl/control.sock")


def call(name, body):
    connection = Connection("ipvl")
    connection.request("POST", f"/calls/{name}", json.dumps(body))
    response = connection.getresponse()
    answer = response.read()
    if response.status != 200:
        raise SystemExit(f"{name}: {answer.decode()}")


subprocess.run(["ip", "netns", "add", "busy"], check=True)
for number in itertools.count(1):
    call("network.create", {"name": "busy", "subnets": ["192.168.30.0/24"], "options": {"parent": "eth0.30"}})
    call("attach", {"attachment": {"network": "busy"}, "namespace": "/run/netns/busy", "name": "busy"})
    call("detach", {"network": "busy", "namespace": "/run/netns/busy"})
    call("network.remove", {"network": "busy"})
    print(f"round {number}", flush=True)
