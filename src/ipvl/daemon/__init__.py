"""Wiring: configuration, sockets, signals and logs. Nothing else imports this room but the command line."""
