"""The daemon's answers as they come over the socket: one to a connection, with its length."""


def status_and_body(answer: bytes) -> tuple[int, bytes] | None:
    """Return the HTTP status and the body of a whole answer; None where it broke off or is none."""
    head, blank, body = answer.partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    words = first.split(None, 2)
    lengths = [value.strip() for name, _, value in (field.partition(b":") for field in fields) if _is_length(name)]
    if not blank or lengths != [b"%d" % len(body)] or len(words) < 2 or not words[1].isdigit():
        return None
    return int(words[1]), body


def _is_length(name: bytes) -> bool:
    return name.lower() == b"content-length"
