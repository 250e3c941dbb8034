"""Tests of the sockets and messages of rtnetlink."""
