"""The server's own secret, in a file that only its user may read, so that what it signed is known after a restart.

Knows nothing of what it is used for.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
import threading
from contextlib import suppress
from pathlib import Path

from stream.errors import BackendUnavailable

FORM = re.compile(rb"[0-9a-f]{64}\n")


class Secret:
    """Made at first use, once: servers that begin together end up with the same. Any thread may use it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._bytes: bytes | None = None
        self._loading = threading.Lock()

    def digest(self, purpose: str, *parts: str) -> str:
        """HMAC-SHA256 in hex of `parts`, none of which holds a line break; another for each purpose.

        Raises BackendUnavailable for a file that others may read or that holds no secret, and OSError.
        """
        message = "\n".join((purpose, *parts))
        return hmac.new(self.load(), message.encode(), hashlib.sha256).hexdigest()

    def load(self) -> bytes:
        """Read the file, or make it. Raises what `digest` raises."""
        with self._loading:
            if self._bytes is None:
                if not self._path.exists():
                    self._path.parent.mkdir(parents=True, exist_ok=True)
                    _make(self._path)
                self._bytes = _read(self._path)
            return self._bytes


def _make(path: Path) -> None:
    """A file that is whole from the moment it has its name; one that someone else made meanwhile stays."""
    unnamed = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        with open(os.open(unnamed, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(unnamed, path)
    finally:
        unnamed.unlink(missing_ok=True)


def _read(path: Path) -> bytes:
    # Without O_NONBLOCK a pipe in its place would hold the server up.
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077 or status.st_uid != os.geteuid():
            raise BackendUnavailable(
                f"{path} could be read by others", hint=f"chmod 600 {path}, or remove it for a new one"
            )
        content = file.read(100)
    if not FORM.fullmatch(content):
        raise BackendUnavailable(f"{path} holds no secret", hint="remove it, and a new one is made")
    return bytes.fromhex(content.decode())
