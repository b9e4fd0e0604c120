"""Under which address this machine listens, and is reached by others. Nothing is looked up and nothing is sent."""

from __future__ import annotations

import ipaddress
import socket

ANY = ("0.0.0.0", "::", "")  # every address of this machine
FAR = ("192.0.2.1", 9)  # of a range that is kept for documents: nobody has it


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on ``host``.

    >>> is_loopback("localhost"), is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def address_for_others(host: str) -> str:
    """How others write the address of what listens on ``host``, an IPv6 one in brackets.

    Of "every address" it is the one by which this machine reaches its network, or its name where it has none.

    >>> address_for_others("10.0.0.7"), address_for_others("fe80::1")
    ('10.0.0.7', '[fe80::1]')
    """
    if host in ANY:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(FAR)  # chooses a way; a datagram socket sends nothing by that
                host = str(probe.getsockname()[0])
            except OSError:
                host = socket.gethostname()
    return f"[{host}]" if ":" in host else host
