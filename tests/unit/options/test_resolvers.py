"""--dns, --dns-search, --dns-option and --add-host: what is taken and what is refused."""

from __future__ import annotations

import pytest

from ipvl.errors import Kind
from ipvl.options.resolvers import parse_extra_host, parse_nameserver, parse_resolver_option, parse_search_domain
from tests.unit.refusals import refusal

ADDRESS = "write it like --dns 192.168.1.53 or --dns 2001:db8::53"
DOMAIN = "write it like --dns-search corp.example, once for each; --dns-search . means none"
HOST = "write it like --add-host db:192.168.1.9, db=2001:db8::9 or db:[2001:db8::9]"


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        (parse_nameserver, "1.1.1.1", "1.1.1.1"),
        (parse_nameserver, "127.0.0.1", "127.0.0.1"),
        (parse_nameserver, "2001:DB8:0::53", "2001:db8::53"),
        (parse_nameserver, "[2001:db8::53]", "2001:db8::53"),
        (parse_nameserver, "fe80::1%eth0", "fe80::1%eth0"),
        (parse_search_domain, "corp.example", "corp.example"),
        (parse_search_domain, "corp.example.", "corp.example."),
        (parse_search_domain, "_tcp.corp", "_tcp.corp"),
        (parse_search_domain, ".", "."),
        (parse_resolver_option, "ndots:1", "ndots:1"),
        (parse_resolver_option, "use-vc", "use-vc"),
        (parse_extra_host, "db:192.168.1.9", ("db", "192.168.1.9")),
        (parse_extra_host, "db=192.168.1.9", ("db", "192.168.1.9")),
        (parse_extra_host, "db.corp.example:2001:db8::9", ("db.corp.example", "2001:db8::9")),
        (parse_extra_host, "db=2001:db8::9", ("db", "2001:db8::9")),
        (parse_extra_host, "db:[2001:db8::9]", ("db", "2001:db8::9")),
        (parse_extra_host, "db:[192.168.1.9]", ("db", "192.168.1.9")),
        (parse_extra_host, "host.docker.internal:host-gateway", ("host.docker.internal", "host-gateway")),
        (parse_extra_host, "host.docker.internal=host-gateway", ("host.docker.internal", "host-gateway")),
    ],
)
def test_what_docker_takes_is_taken(read, text, expected):
    """Addresses in brackets or not, in the form in which they are usually written."""
    assert expected == read(text)


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        (parse_nameserver, "", f"--dns '' is not an IP address; {ADDRESS}"),
        (parse_nameserver, "dns.example", f"--dns dns.example is not an IP address; {ADDRESS}"),
        (parse_nameserver, "1.1.1", f"--dns 1.1.1 is not an IP address; {ADDRESS}"),
        (parse_nameserver, "1.1.1.1:53", f"--dns 1.1.1.1:53 is not an IP address; {ADDRESS}"),
        (parse_nameserver, "1.1.1.1,9.9.9.9", f"--dns 1.1.1.1,9.9.9.9 is not an IP address; {ADDRESS}"),
        (parse_nameserver, "[::1", f"--dns [::1 is not an IP address; {ADDRESS}"),
        (parse_nameserver, "fe80::1%a\nb", f"--dns 'fe80::1%a\\nb' is not an IP address; {ADDRESS}"),
        (parse_nameserver, "224.0.0.251", "--dns 224.0.0.251 is no address of a resolver; give the address of one"),
        (parse_nameserver, "::", "--dns :: is no address of a resolver; give the address of one"),
        (
            parse_nameserver,
            "fe80::1",
            "--dns fe80::1 is link-local, so it needs the sandbox's interface; write it like --dns fe80::1%eth0",
        ),
        (parse_search_domain, "", f"--dns-search '' is not a domain; {DOMAIN}"),
        (parse_search_domain, "a b", f"--dns-search 'a b' is not a domain; {DOMAIN}"),
        (parse_search_domain, "a.example,b.example", f"--dns-search a.example,b.example is not a domain; {DOMAIN}"),
        (parse_search_domain, "-a.example", f"--dns-search -a.example is not a domain; {DOMAIN}"),
        (parse_search_domain, "a..example", f"--dns-search a..example is not a domain; {DOMAIN}"),
        (parse_search_domain, "a.example\n", f"--dns-search 'a.example\\n' is not a domain; {DOMAIN}"),
        (
            parse_resolver_option,
            "ndots:1 rotate",
            "--dns-option 'ndots:1 rotate' is not NAME or NAME:VALUE; write it like --dns-option ndots:1",
        ),
        (parse_resolver_option, "", "--dns-option '' is not NAME or NAME:VALUE; write it like --dns-option ndots:1"),
        (parse_resolver_option, "ndots:x", "--dns-option ndots:x needs a number; write it like --dns-option ndots:1"),
        (parse_resolver_option, "timeout", "--dns-option timeout needs a number; write it like --dns-option timeout:1"),
        (parse_extra_host, "db", f"--add-host db is not NAME:ADDRESS; {HOST}"),
        (parse_extra_host, ":192.168.1.9", f"--add-host :192.168.1.9 is not NAME:ADDRESS; {HOST}"),
        (parse_extra_host, "db:", f"--add-host db: is not NAME:ADDRESS; {HOST}"),
        (parse_extra_host, "db:db2", f"--add-host db db2 is not an IP address; {HOST}"),
        (parse_extra_host, "a:b=192.168.1.9", f"--add-host a:b=192.168.1.9: a:b is not a host name; {HOST}"),
        (parse_extra_host, "d b:192.168.1.9", f"--add-host 'd b:192.168.1.9': 'd b' is not a host name; {HOST}"),
        (parse_extra_host, "db\n1.1.1.1 x:9.9.9.9", f"--add-host {'db' + chr(10) + '1.1.1.1 x:9.9.9.9'!r}: "
         f"{'db' + chr(10) + '1.1.1.1 x'!r} is not a host name; {HOST}"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(read, text, expected):
    """With the flag, the value and how it is written; nothing gets into a file that would be another line there."""
    assert expected == refusal(Kind.INVALID, read, text)
