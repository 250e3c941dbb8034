"""The files of /etc that a sandbox sees as its own: hosts, hostname, resolv.conf."""
