"""Clients' files on local disk, each its owner's alone, and for a while only: rows in SQLite, contents beside them.

Blocks: event loops call it in threads. Knows nothing of HTTP, nor of keys beyond that they differ.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from stream.errors import BackendUnavailable, BadRequest, NotFound, StoreFull, TooLarge
from stream.secret import Secret

MB = 1_000_000
SCHEMA = 1
CREATE = """
CREATE TABLE files (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, size INTEGER NOT NULL, created INTEGER NOT NULL,
    expires INTEGER NOT NULL, filename TEXT NOT NULL, mimetype TEXT, purpose TEXT NOT NULL, visibility TEXT NOT NULL
) STRICT;
CREATE INDEX files_of_owner ON files (owner, created);
CREATE INDEX files_expiring ON files (expires);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    data_dir: str | None = field(
        default=None, metadata={"help": "folder for what clients upload (default: steno in $XDG_DATA_HOME)"}
    )
    file_retention_h: float = field(default=24.0, metadata={"help": "hours after which a file is erased"})
    max_file_mb: int = field(default=512, metadata={"help": "megabytes that one file may have"})
    max_store_mb: int = field(default=8192, metadata={"help": "megabytes that all files together may have"})


@dataclass(frozen=True, slots=True)
class StoredFile:
    """`size` in bytes; `created` and `expires` in Unix seconds."""

    id: str
    size: int
    created: int
    expires: int
    filename: str
    mimetype: str | None
    purpose: str
    visibility: str


COLUMNS = ", ".join(each.name for each in fields(StoredFile))


class FileStore:
    """Touches the disk when it is opened or first used. Servers may share a folder. Any thread may call anything.

    now: Unix seconds. Raises BadRequest for limits that would let nothing in. All methods raise BackendUnavailable
    where the folder can't be used (a newer Steno wrote it, say, or others may read its secret), and OSError or
    sqlite3.Error where the disk fails after that.
    """

    def __init__(
        self,
        options: FileOptions,
        environ: Mapping[str, str] = os.environ,
        now: Callable[[], float] = time.time,
    ) -> None:
        for name in ("file_retention_h", "max_file_mb", "max_store_mb"):
            if getattr(options, name) <= 0:
                raise BadRequest(f"--{name.replace('_', '-')} must be more than 0")
        home = Path(environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "steno"
        self._base = home if options.data_dir is None else Path(options.data_dir)
        self._root = self._base / "files"
        self.secret = Secret(self._base / "secret")
        self.max_file = options.max_file_mb * MB
        self._max_store = options.max_store_mb * MB
        self._retention_s = options.file_retention_h * 3600
        self.now = now
        self._lock = threading.RLock()
        self._opened: sqlite3.Connection | None = None
        self._presence: _Presence | None = None
        self._kept = self._arriving = 0  # bytes; of what is kept, as of when a file last came, went or began to arrive

    @property
    def exists(self) -> bool:
        return self._root.exists()

    def open(self) -> None:
        """Make the folder if need be, and clean up behind servers that were killed."""
        self._connection()
        self.sweep()

    def close(self) -> None:
        """For good; what is still arriving is lost."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
            if self._presence is not None:
                self._presence.end()
                self._presence = None

    def owner(self, key: str | None) -> str:
        """What stands for a key's id in the store, and can't be got by trying without the secret. None: no keys."""
        self._connection()
        return self.secret.digest("steno file owner 1", key or "")

    def too_large(self) -> TooLarge:
        return TooLarge(f"a file may have {self.max_file // MB} MB", param="file")

    def receive(self, owner: str) -> Arriving:
        """A file of `owner` that is about to come in."""
        with self._lock:
            self._connection()
            assert self._presence is not None
            self.sweep()
            self._kept = self._stored()
            return Arriving(self, owner, self._presence.folder / str(uuid.uuid4()))

    def get(self, owner: str, file_id: str) -> StoredFile:
        """Raises NotFound for what is not there, has expired, or is another owner's: they can't be told apart."""
        return self._find("id = ? AND owner = ?", file_id, owner)

    def page(
        self, owner: str, number: int, size: int, search: str | None = None, mimetypes: Sequence[str] = ()
    ) -> tuple[list[StoredFile], int]:
        """The files of an owner, newest first, `size` of them from page `number` (from 0) on; and how many there are.

        search: a part of the filename, in any case; mimetypes: only these, if any.
        """
        where, values = "owner = ? AND expires > ?", [owner, self.now()]
        if search:
            where += " AND instr(lower(filename), lower(?))"
            values.append(search)
        if mimetypes:
            where += f" AND mimetype IN ({', '.join('?' * len(mimetypes))})"
            values += mimetypes
        newest = f"SELECT {COLUMNS} FROM files WHERE {where} ORDER BY created DESC, rowid DESC LIMIT ? OFFSET ?"
        with self._lock:
            rows = self._connection().execute(newest, (*values, size, number * size)).fetchall()
            [[total]] = self._connection().execute(f"SELECT count(*) FROM files WHERE {where}", values)
        return [StoredFile(*row) for row in rows], total

    def read(self, owner: str, file_id: str) -> tuple[StoredFile, BinaryIO]:
        """A file and its contents, which stay readable until they are closed. Raises NotFound."""
        return self._read(self.get(owner, file_id))

    def read_linked(self, file_id: str) -> tuple[StoredFile, BinaryIO]:
        """The same for whoever was given a link, whoever the owner is. Raises NotFound."""
        return self._read(self._find("id = ?", file_id))

    def delete(self, owner: str, file_id: str) -> None:
        """Erase a file. Raises NotFound."""
        with self._lock:
            self.get(owner, file_id)
            self._connection().execute("DELETE FROM files WHERE id = ?", (file_id,))
            # A kill between the two leaves contents that no row knows, which the next start erases.
            self._contents(file_id).unlink(missing_ok=True)
            self._kept = self._stored()

    def sweep(self) -> None:
        """Erase what has expired; nothing where the store was never used."""
        with self._lock:
            if self._opened is None:
                return
            expired = self._opened.execute(
                "DELETE FROM files WHERE expires <= ? RETURNING id", (self.now(),)
            ).fetchall()
            for (file_id,) in expired:
                self._contents(file_id).unlink(missing_ok=True)

    def _find(self, where: str, *values: str) -> StoredFile:
        wanted = f"SELECT {COLUMNS} FROM files WHERE {where} AND expires > ?"
        with self._lock:
            row = self._connection().execute(wanted, (*values, self.now())).fetchone()
        if row is None:
            raise NotFound(
                "no such file", hint="files are erased after a while: see their `expires_at`", param="file_id"
            )
        return StoredFile(*row)

    def _read(self, stored: StoredFile) -> tuple[StoredFile, BinaryIO]:
        try:
            return stored, self._contents(stored.id).open("rb")
        except FileNotFoundError:  # erased in this moment
            raise NotFound("no such file", param="file_id") from None

    def _contents(self, file_id: str) -> Path:
        return self._root / "contents" / file_id

    def _stored(self) -> int:
        [[stored]] = self._connection().execute("SELECT coalesce(sum(size), 0) FROM files")
        return int(stored)

    def _connection(self) -> sqlite3.Connection:
        with self._lock:
            if self._opened is None:
                try:
                    self._opened = self._begin()
                except (OSError, sqlite3.Error) as error:
                    reason = error.strerror if isinstance(error, OSError) else error
                    raise BackendUnavailable(f"files can't be kept: {reason}", hint="see --data-dir") from error
            return self._opened

    def _begin(self) -> sqlite3.Connection:
        self._base.mkdir(parents=True, exist_ok=True)
        self.secret.load()
        self._root.mkdir(mode=0o700, exist_ok=True)
        (self._root / "contents").mkdir(mode=0o700, exist_ok=True)
        opened = _connect(self._root / "files.sqlite")
        self._erase_unknown(opened)
        self._presence = _Presence(self._root / "arriving")
        return opened

    def _erase_unknown(self, connection: sqlite3.Connection) -> None:
        """Contents get their place in the transaction that makes their row: while this one lasts, none is between."""
        with _transaction(connection):
            known = {file_id for (file_id,) in connection.execute("SELECT id FROM files")}
            for path in (self._root / "contents").iterdir():
                if path.name not in known:
                    path.unlink(missing_ok=True)

    def _claim(self, arriving: int, more: int) -> None:
        if arriving + more > self.max_file:
            raise self.too_large()
        with self._lock:
            if self._kept + self._arriving + more > self._max_store:
                raise _full()
            self._arriving += more

    def _release(self, arrived: int) -> None:
        with self._lock:
            self._arriving -= arrived

    def _keep(self, owner: str, path: Path, stored: StoredFile) -> None:
        contents = self._contents(stored.id)
        row = (owner, *(getattr(stored, each.name) for each in fields(StoredFile)))
        with self._lock:
            try:
                with _transaction(connection := self._connection()):
                    # Another server on the same folder may have filled it meanwhile.
                    if self._stored() + stored.size > self._max_store:
                        raise _full()
                    path.rename(contents)
                    _sync_folder(contents.parent)
                    connection.execute(
                        f"INSERT INTO files (owner, {COLUMNS}) VALUES ({', '.join('?' * len(row))})", row
                    )
                    kept = self._stored()
                self._kept, self._arriving = kept, self._arriving - stored.size  # at no time is it counted twice
            except BaseException:
                contents.unlink(missing_ok=True)
                raise

    def _times(self, expiry_h: int | None) -> tuple[int, int]:
        created = int(self.now())
        kept_s = self._retention_s if expiry_h is None else min(self._retention_s, expiry_h * 3600)
        return created, created + max(1, int(kept_s))


class Arriving:
    """A file on its way in: `write` its contents, then `keep` it; `discard` in any case. Any thread may call anything.

    Until it is kept nobody sees it, and a server that is killed meanwhile leaves nothing of it behind its next start.
    """

    def __init__(self, store: FileStore, owner: str, path: Path) -> None:
        self.size = 0
        self._store = store
        self._owner = owner
        self._path = path
        self._lock = threading.Lock()  # against a discard while a write is still going on
        self._file = open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0)  # noqa: SIM115

    def write(self, content: bytes) -> None:
        """Raises TooLarge, StoreFull, and ValueError once it is kept or discarded."""
        with self._lock, _told_when_full():
            if self._file.closed:
                raise ValueError("this file takes no more")
            self._store._claim(self.size, len(content))
            self.size += len(content)
            rest = memoryview(content)
            while rest:
                rest = rest[self._file.write(rest) :]

    def end(self) -> None:
        """It takes no more, and can't be kept, but opened until it is discarded."""
        with self._lock:
            self._file.close()

    def open(self) -> BinaryIO:
        """What has been written, from its start; it stays readable until it is closed."""
        return self._path.open("rb")

    def keep(
        self, filename: str, mimetype: str | None, purpose: str, visibility: str, expiry_h: int | None
    ) -> StoredFile:
        """Put the file into the store, whole and on the disk itself. Raises StoreFull, and ValueError if discarded.

        expiry_h: hours after which it is erased, if that is before the store's own time.
        """
        with self._lock, _told_when_full():
            os.fsync(self._file.fileno())
            self._file.close()
            times = self._store._times(expiry_h)
            stored = StoredFile(self._path.name, self.size, *times, filename, mimetype, purpose, visibility)
            self._store._keep(self._owner, self._path, stored)
            self.size = 0
        return stored

    def discard(self) -> None:
        """Erase what was not kept; a second call does nothing."""
        with self._lock:
            self._store._release(self.size)
            self.size = 0
            self._file.close()
            self._path.unlink(missing_ok=True)


class _Presence:
    """A folder for what arrives at this server, locked while the server lives: unlocked ones are leftovers."""

    def __init__(self, place: Path) -> None:
        place.mkdir(mode=0o700, exist_ok=True)
        name = str(uuid.uuid4())
        self.folder = place / name
        self._lock = FileLock(place / f"{name}.lock", thread_local=False)
        with FileLock(place / "begin.lock"):  # so that no folder is taken for a leftover before it is locked
            for folder in [path for path in place.iterdir() if path.is_dir()]:
                with suppress(Timeout), FileLock(mark := folder.with_suffix(".lock"), timeout=0):
                    shutil.rmtree(folder)
                    mark.unlink(missing_ok=True)
            self._lock.acquire()
            self.folder.mkdir(mode=0o700)

    def end(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock.release()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        with _transaction(connection):
            [[version]] = connection.execute("PRAGMA user_version")
            if version > SCHEMA:
                raise BackendUnavailable(f"{path} was written by a newer Steno", hint="choose another --data-dir")
            if version == 0:
                for statement in CREATE.strip().split(";\n"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {SCHEMA}")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


@contextmanager
def _told_when_full() -> Iterator[None]:
    """A disk that is full is the same to a client as a store that is."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full() from error
        raise
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise _full() from error
        raise


def _full() -> StoreFull:
    return StoreFull("there is no room for this file", hint="delete files, or wait until some have expired")


def _sync_folder(folder: Path) -> None:
    """Makes a rename last through a loss of power."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
