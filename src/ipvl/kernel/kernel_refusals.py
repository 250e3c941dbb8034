"""What a caller may be told when the kernel refuses."""

from __future__ import annotations

import errno
import os
from typing import NoReturn

from pyroute2.netlink.exceptions import NetlinkError

from ipvl.errors import kernel_refused


def refuse(error: NetlinkError | OSError, what: str) -> NoReturn:
    """Raise what a caller may be told; `what` follows "the kernel refused to".

    An OSError is the socket's own: the kernel may have done what it was asked, and its answer had no room (ENOBUFS).

    Raises:
        IpvlError: always.
    """
    number = error.errno or 0 if isinstance(error, OSError) else error.code
    sentence = os.strerror(number) if isinstance(error, OSError) else error.args[1]
    code = errno.errorcode.get(number, str(number))
    if number in {errno.EPERM, errno.EACCES}:
        raise kernel_refused(f"ipvl may not {what} ({code})", "run it as root, or with CAP_NET_ADMIN") from error
    raise kernel_refused(f"the kernel refused to {what}: {sentence} ({code})") from error
