"""The socket that a server listens on, and its certificate: what can be wrong with them is found before anything runs.

Knows nothing of what is served.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field

from stream.errors import BadRequest

PEER_TIMEOUT_MS = 30_000
"""Sent bytes unacknowledged, or a closed window, for this long: the kernel gives the connection up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingOptions:
    host: str = field(
        default="127.0.0.1", metadata={"help": "address to listen on; other than loopback needs API keys"}
    )
    port: int = field(default=8765, metadata={"help": "port to listen on; 0 takes a free one"})
    tls_cert: str | None = field(default=None, metadata={"help": "certificate chain (PEM) to serve https and wss with"})
    tls_key: str | None = field(default=None, metadata={"help": "the certificate's private key (PEM)"})
    drain_s: float = field(default=10.0, metadata={"help": "seconds that clients get to leave at SIGTERM"})


def listen(options: ServingOptions) -> socket.socket:
    """The listening socket; raises BadRequest saying what is wrong with the address or the certificate."""
    _check_certificate(options)
    if not 0 <= options.port < 1 << 16:  # getaddrinfo takes it modulo 65,536
        raise BadRequest(f"there is no port {options.port}", hint="0 takes a free one")
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, number)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, PEER_TIMEOUT_MS)
        listener.bind(address)
        listener.listen(1024)
    except OSError as error:
        raise BadRequest(
            f"can't listen on {options.host}:{options.port}: {error.strerror}", hint="choose another --host or --port"
        ) from None
    return listener


def address(options: ServingOptions, listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"{'https' if options.tls_cert else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def _check_certificate(options: ServingOptions) -> None:
    """Load it once before anything is started: uvicorn would fail late, name no file and ask for a passphrase."""
    if options.tls_cert is None:
        if options.tls_key is not None:
            raise BadRequest("--tls-key alone serves no TLS", hint="name the certificate with --tls-cert")
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(options.tls_cert, options.tls_key, password="")
    except OSError as error:
        files = " and ".join(filter(None, (options.tls_cert, options.tls_key)))
        raise BadRequest(
            f"can't serve TLS with {files}: {error.strerror}", hint="both are PEM files, and the key has no passphrase"
        ) from None
