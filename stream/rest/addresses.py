"""Which URLs of strangers may be fetched, and which addresses their names may lead to.

Pure: a URL is read here once, strictly, and what was read is what is connected to, so that no two readers can differ.
Whoever connects has every address of the name judged, and connects to one that was. Knows nothing of sockets.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urljoin

from stream.errors import BadRequest

PORTS = {"http": 80, "https": 443}
"""The only ports, and for which of them none need be said."""
LONGEST = 8192
"""Bytes of a URL: signed ones are long."""
URL = re.compile(
    r"(https?)://([a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::([0-9]{1,5}))?"
    r"((?:[/?][!$&-;=?-Z_a-z~%\[\]]*)?)(?:#[!-~]*)?",
    re.IGNORECASE | re.ASCII,
)
NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
PRINTABLE = re.compile("[!-~]+")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
"""A last label like this makes some readers take a name for an address in a strange notation."""
FORM = "an address like https://example.com/talk.mp3, in ASCII, on port 80 or 443, without user and password"

_NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",  # of the protocols themselves; one cloud has its metadata there
            "192.88.99.0/24",  # leads into IPv6
            "224.0.0.0/4",
            "168.63.129.16/32",  # the host below Azure's machines
            "2001::/23",  # of the protocols themselves, with Teredo, which holds other addresses
            "2001:db8::/32",
            "2002::/16",  # 6to4 holds other addresses
            "3fff::/20",
        ),
    )
)
_UNICAST = ipaddress.ip_network("2000::/3")
"""All of IPv6 that is given out: no mapped, translated (64:ff9b::/96) or local address is in it."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL says. `host`: a name in lower case, or an address without brackets; `path`: with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """As the header Host has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def read(url: str, allowed: Collection[str] = ()) -> Target:
    """The parts of a URL that may be fetched; raises BadRequest for any other. allowed: the only hosts, if any."""
    found = URL.fullmatch(url) if len(url) <= LONGEST else None
    if found is None:
        raise _malformed()
    scheme, host, port, path = found.groups()
    scheme, host = scheme.lower(), _host(host.lower())
    number = int(port) if port else PORTS[scheme]
    if number not in PORTS.values():
        raise _malformed()
    if allowed and host not in allowed:
        raise BadRequest(
            "the URL is on a host that this server doesn't fetch from", hint="see --fetch-allow", param="file_url"
        )
    return Target(scheme, host, number, path if path.startswith("/") else f"/{path}")


def redirected(target: Target, location: str, allowed: Collection[str] = ()) -> Target:
    """Where an answer sends on to; raises BadRequest for what `read` does, and for a way out of TLS."""
    try:
        # Joining drops line breaks and the like, silently.
        url = urljoin(target.url, location) if PRINTABLE.fullmatch(location) else ""
    except ValueError:
        raise _malformed() from None
    following = read(url, allowed)
    if target.scheme == "https" and following.scheme == "http":
        raise BadRequest("the URL leads from https to http", param="file_url")
    return following


def allowed_host(flag: str, host: str) -> str:
    """A host that an option allows, as it is compared. Raises BadRequest for what is none."""
    try:
        target = read(f"http://{f'[{host}]' if ':' in host else host}/")
        if target.path != "/":
            raise BadRequest("more than a host")
        return target.host
    except BadRequest:
        raise BadRequest(f"{flag} {host} is not a host name or address") from None


def is_public(address: str) -> bool:
    """Whether an address, as a resolver gives it, is one of the public internet, and hides no other."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if not parsed.is_global or any(parsed in each for each in _NOT_PUBLIC if each.version == parsed.version):
        return False
    return parsed.version == 4 or parsed in _UNICAST


def _host(host: str) -> str:
    try:
        if host.startswith("["):
            return str(ipaddress.IPv6Address(host[1:-1]))
        host = host.removesuffix(".")
        if NUMBER.fullmatch(host.rpartition(".")[2]):
            return str(ipaddress.IPv4Address(host))
    except ValueError:
        raise _malformed() from None
    if not NAME.fullmatch(host):
        raise _malformed()
    return host


def _malformed() -> BadRequest:
    return BadRequest(f"the URL is not {FORM}", param="file_url")
