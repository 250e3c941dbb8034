"""DHCP for IPv4 as pure decisions (RFC 2131): what to send when, and what an answer means. No socket and no clock."""
