"""The sockets and messages of rtnetlink."""
