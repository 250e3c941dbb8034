"""Remove every container and every network that Docker did not make itself. Runs in the guest, over Docker's API."""

import http.client
import json
import socket


class Connection(http.client.HTTPConnection):
    """HTTP over Docker's unix socket; one Docker CLI start costs a second in the guest, this costs none."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/run/docker.sock")


def call(method, path):
    connection = Connection("docker")
    connection.request(method, path)
    response = connection.getresponse()
    body = response.read()
    if response.status >= 400 and response.status != 404:
        raise SystemExit(f"{method} {path}: {response.status} {body.decode()}")
    return json.loads(body) if body and response.status < 400 else None


for container in call("GET", "/containers/json?all=1") or []:
    call("DELETE", f"/containers/{container['Id']}?force=1&v=1")
for network in call("GET", "/networks") or []:
    if network["Name"] not in {"bridge", "host", "none", "docker_gwbridge"}:
        call("DELETE", f"/networks/{network['Id']}")
