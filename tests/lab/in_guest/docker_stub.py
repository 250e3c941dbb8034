"""Answer at the socket of Docker as what is no Docker, or not ready: docker_stub.py INFO NETWORKS, both as JSON."""

import contextlib
import pathlib
import socketserver
import sys
from http.server import BaseHTTPRequestHandler

ANSWERS = {"/info": sys.argv[1], "/networks": sys.argv[2], "/events": ""}


class Stub(BaseHTTPRequestHandler):
    """GET what is known."""

    def do_GET(self):
        body = ANSWERS.get(self.path.partition("?")[0], "{}").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        print(self.path, flush=True)

    def address_string(self):
        return "ipvl"


with contextlib.suppress(FileNotFoundError):
    pathlib.Path("/run/docker.sock").unlink()
with socketserver.UnixStreamServer("/run/docker.sock", Stub) as server:
    server.serve_forever()
