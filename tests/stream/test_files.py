"""The file store: what is kept is whole, its owner's alone, within limits and for its time; and what a kill leaves."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stream.errors import BackendUnavailable, BadRequest, NotFound, StoreFull, TooLarge
from stream.files import MB, Arriving, FileOptions, FileStore, StoredFile

HOUR = 3600


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_store(tmp_path: Path, clock: Clock) -> Iterator[Callable[..., FileStore]]:
    """Opens stores on one folder, as servers one after the other or at the same time would."""
    stores: list[FileStore] = []

    def opened(**options: Any) -> FileStore:
        store = FileStore(FileOptions(**{"data_dir": str(tmp_path / "data"), **options}), now=clock)
        store.open()
        stores.append(store)
        return store

    yield opened
    for store in stores:
        store.close()


@pytest.fixture
def store(open_store: Callable[..., FileStore]) -> FileStore:
    return open_store()


def keep(arriving: Arriving, filename: str = "a.wav", expiry_h: int | None = None, **more: Any) -> StoredFile:
    said: dict[str, Any] = {"mimetype": "audio/wav", "purpose": "audio", "visibility": "workspace", **more}
    try:
        return arriving.keep(filename, expiry_h=expiry_h, **said)
    finally:
        arriving.discard()


def put(store: FileStore, owner: str = "ours", content: bytes = b"sound", **said: Any) -> StoredFile:
    arriving = store.receive(owner)
    try:
        arriving.write(content)
        return keep(arriving, **said)
    finally:
        arriving.discard()


def content(store: FileStore, owner: str, file_id: str) -> bytes:
    with store.read(owner, file_id)[1] as file:
        return file.read()


def names(store: FileStore, owner: str = "ours", *page: Any) -> list[str]:
    return [each.filename for each in store.page(owner, *(page or (0, 100)))[0]]


def on_disk(tmp_path: Path) -> list[Path]:
    """Contents, and what is on its way in."""
    places = [tmp_path / "data/files" / place for place in ("contents", "arriving")]
    return sorted(path for place in places for path in place.rglob("*") if path.is_file() and path.suffix != ".lock")


def test_a_file_comes_back_as_it_went_in(store: FileStore, clock: Clock):
    arriving = store.receive("ours")
    for piece in (b"one ", b"", b"two"):
        arriving.write(piece)
    stored = keep(arriving, "talk.wav", mimetype=None, visibility="user")
    assert (stored.size, stored.created, stored.expires) == (7, clock.now, clock.now + 24 * HOUR)
    assert (stored.filename, stored.mimetype, stored.purpose, stored.visibility) == ("talk.wav", None, "audio", "user")
    assert store.get("ours", stored.id) == stored
    assert content(store, "ours", stored.id) == b"one two"
    with store.read_linked(stored.id)[1] as file:
        assert file.read() == b"one two"


def test_a_restart_forgets_nothing(open_store: Callable[..., FileStore]):
    first = open_store()
    stored, owner = put(first), first.owner("a key")
    first.close()
    second = open_store()
    assert second.get("ours", stored.id) == stored
    assert content(second, "ours", stored.id) == b"sound"
    assert second.owner("a key") == owner


def test_a_file_is_its_owners_alone(store: FileStore):
    stored = put(store, "ours")
    for look in (store.get, store.read, store.delete):
        with pytest.raises(NotFound):
            look("theirs", stored.id)
    assert store.page("theirs", 0, 100) == ([], 0)
    assert store.get("ours", stored.id) == stored


def test_owners_say_nothing_of_their_keys(store: FileStore, tmp_path: Path):
    keys = ["0123456789ab", "ba9876543210", None]
    owners = [store.owner(key) for key in keys]
    assert len(set(owners)) == len(keys)
    put(store, owners[0])
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert b"0123456789ab" not in kept
    assert owners[0].encode() in kept


def test_what_is_arriving_is_not_there_yet_and_leaves_nothing_when_discarded(store: FileStore, tmp_path: Path):
    arriving = store.receive("ours")
    arriving.write(b"half")
    assert names(store) == []
    assert len(on_disk(tmp_path)) == 1
    arriving.discard()
    arriving.discard()
    assert on_disk(tmp_path) == []
    for late in (lambda: arriving.write(b"more"), lambda: keep(arriving)):
        with pytest.raises(ValueError):
            late()
    assert (names(store), on_disk(tmp_path)) == ([], [])


def test_a_file_is_erased_on_demand(store: FileStore, tmp_path: Path):
    stored, other = put(store), put(store)
    store.delete("ours", stored.id)
    for look in (store.get, store.read, store.delete):
        with pytest.raises(NotFound):
            look("ours", stored.id)
    with pytest.raises(NotFound):
        store.read_linked(stored.id)
    assert [path.name for path in on_disk(tmp_path)] == [other.id]


def test_a_file_that_is_being_read_is_read_to_its_end(store: FileStore):
    stored = put(store)
    with store.read("ours", stored.id)[1] as file:
        store.delete("ours", stored.id)
        assert file.read() == b"sound"


def test_a_file_expires(open_store: Callable[..., FileStore], clock: Clock, tmp_path: Path):
    store = open_store(file_retention_h=2.5)
    short, long, capped = (put(store, filename=str(hours), expiry_h=hours) for hours in (1, None, 100))
    assert [each.expires - clock.now for each in (short, long, capped)] == [1 * HOUR, 2.5 * HOUR, 2.5 * HOUR]
    clock.now += HOUR - 0.1
    assert names(store) == ["100", "None", "1"]
    clock.now += 0.1
    # Nothing has swept yet: it is gone all the same.
    assert len(on_disk(tmp_path)) == 3
    assert store.page("ours", 0, 100)[1] == 2
    for look in (store.get, store.read, store.delete):
        with pytest.raises(NotFound):
            look("ours", short.id)
    with pytest.raises(NotFound):
        store.read_linked(short.id)
    store.sweep()
    assert [path.name for path in on_disk(tmp_path)] == sorted((long.id, capped.id))
    clock.now += 2 * HOUR
    store.close()
    open_store()
    assert on_disk(tmp_path) == []


def test_pages_are_newest_first_and_counted(store: FileStore, clock: Clock):
    put(store, "theirs")
    for number in range(5):
        put(store, filename=f"{number}.wav")
        clock.now += number % 2  # some in the same second
    assert names(store) == ["4.wav", "3.wav", "2.wav", "1.wav", "0.wav"]
    pages = [store.page("ours", page, 2) for page in range(4)]
    assert [[each.filename for each in page] for page, _ in pages] == [
        ["4.wav", "3.wav"],
        ["2.wav", "1.wav"],
        ["0.wav"],
        [],
    ]
    assert {total for _, total in pages} == {5}


def test_pages_can_be_narrowed(store: FileStore):
    put(store, filename="Talk 100%.wav")
    put(store, filename="talk_2.mp3", mimetype="audio/mpeg")
    put(store, filename="none", mimetype=None)
    assert names(store, "ours", 0, 9, "TALK") == ["talk_2.mp3", "Talk 100%.wav"]
    assert names(store, "ours", 0, 9, "%") == ["Talk 100%.wav"]
    assert names(store, "ours", 0, 9, "' OR 1 --") == []
    assert names(store, "ours", 0, 9, None, ["audio/mpeg", "audio/flac"]) == ["talk_2.mp3"]
    assert store.page("ours", 0, 1, "talk")[1] == 2


def test_one_file_has_a_limit(open_store: Callable[..., FileStore], tmp_path: Path):
    store = open_store(max_file_mb=1)
    assert put(store, content=b"x" * MB).size == MB
    arriving = store.receive("ours")
    arriving.write(b"x" * MB)
    with pytest.raises(TooLarge, match="1 MB"):
        arriving.write(b"x")
    arriving.discard()
    assert len(on_disk(tmp_path)) == 1


def test_all_files_together_have_a_limit(open_store: Callable[..., FileStore], clock: Clock):
    store = open_store(max_store_mb=2)
    stored = put(store, content=b"x" * MB)
    half = store.receive("theirs")
    half.write(b"x" * (MB // 2))
    full = store.receive("ours")
    with pytest.raises(StoreFull):  # what is arriving counts
        full.write(b"x" * (MB // 2 + 1))
    full.write(b"x" * (MB // 2))
    with pytest.raises(StoreFull):
        full.write(b"x")
    full.discard()
    keep(half)
    store.delete("ours", stored.id)
    put(store, content=b"x" * (MB + MB // 2))
    with pytest.raises(StoreFull):
        put(store)
    clock.now += 24 * HOUR  # what has expired makes room
    put(store, content=b"x" * 2 * MB)


def test_servers_on_one_folder_share_its_files_and_its_limit(open_store: Callable[..., FileStore]):
    one, other = open_store(max_store_mb=2), open_store(max_store_mb=2)
    arriving = [each.receive("ours") for each in (one, other)]
    for each in arriving:
        each.write(b"x" * (MB + 1))
    kept = keep(arriving[0])
    with pytest.raises(StoreFull):
        keep(arriving[1])
    assert content(other, "ours", kept.id) == b"x" * (MB + 1)


def test_a_server_that_starts_leaves_the_uploads_of_others_alone(open_store: Callable[..., FileStore]):
    arriving = open_store().receive("ours")
    arriving.write(b"half")
    later = open_store()
    arriving.write(b" and half")
    assert content(later, "ours", keep(arriving).id) == b"half and half"


def test_what_has_arrived_can_be_read_until_it_is_discarded(store: FileStore):
    arriving = store.receive(store.owner("first"))
    arriving.write(b"all of it")
    arriving.end()
    for _ in range(2):
        with arriving.open() as file:
            assert file.read() == b"all of it"
    with pytest.raises(ValueError):
        arriving.write(b"more")
    arriving.discard()
    with pytest.raises(FileNotFoundError):
        arriving.open()
    assert store._arriving == 0


def test_what_is_kept_is_not_still_arriving(open_store: Callable[..., FileStore]):
    """Before it is let go as well."""
    store = open_store(max_store_mb=2)
    first, second = store.receive("ours"), store.receive("ours")
    first.write(bytes(MB))
    first.keep("a.wav", None, "audio", "workspace", None)
    second.write(bytes(MB))
    keep(second)
    first.discard()
    with pytest.raises(StoreFull):
        put(store)


def test_a_disk_that_is_full_is_a_store_that_is(store: FileStore, tmp_path: Path):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")
    arriving = store.receive("ours")
    arriving._file.close()
    arriving._file = full.open("wb", buffering=0)
    with pytest.raises(StoreFull):
        arriving.write(b"x")
    arriving.discard()
    assert put(store).size == 5


def test_a_row_that_fails_leaves_no_contents(store: FileStore, tmp_path: Path):
    unfit: Any = object()
    with pytest.raises(sqlite3.Error):
        put(store, filename=unfit)
    assert (names(store), on_disk(tmp_path)) == ([], [])
    assert put(store).size == 5


def test_many_files_arrive_at_once(store: FileStore, tmp_path: Path):
    def one(number: int) -> StoredFile:
        arriving = store.receive(str(number % 2))
        for _ in range(20):
            arriving.write(bytes([number]) * 1000)
        return keep(arriving, str(number))

    with ThreadPoolExecutor(8) as pool:
        stored = list(pool.map(one, range(24)))
    assert len({each.id for each in stored}) == 24
    for number, each in enumerate(stored):
        assert content(store, str(number % 2), each.id) == bytes([number]) * 20_000
    assert len(on_disk(tmp_path)) == 24
    assert store._arriving == 0


KILLED = """
import sys, os, signal
from stream.files import FileOptions, FileStore
store = FileStore(FileOptions(data_dir=sys.argv[1]))
store.open()
arriving = store.receive("ours")
arriving.write(b"whole")
arriving.keep("whole", None, "audio", "workspace", None)
arriving = store.receive("ours")
arriving.write(b"x" * 100_000)
if sys.argv[2] == "renamed":  # killed between the rename and the row
    import stream.files
    stream.files._sync_folder = lambda folder: os.kill(os.getpid(), signal.SIGKILL)
    arriving.keep("half", None, "audio", "workspace", None)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("moment", ["arriving", "renamed"])
def test_a_kill_leaves_whole_files_only(tmp_path: Path, moment: str):
    command = [sys.executable, "-c", KILLED, str(tmp_path / "data"), moment]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    assert len(on_disk(tmp_path)) == 2
    store = FileStore(FileOptions(data_dir=str(tmp_path / "data")))
    store.open()
    [whole] = store.page("ours", 0, 100)[0]
    assert content(store, "ours", whole.id) == b"whole"
    assert [path.name for path in on_disk(tmp_path)] == [whole.id]
    store.close()
    assert os.listdir(tmp_path / "data/files/arriving") == ["begin.lock"]


def test_nothing_is_made_before_it_is_needed(tmp_path: Path):
    store = FileStore(FileOptions(), {"XDG_DATA_HOME": str(tmp_path)})
    store.sweep()
    assert not store.exists
    assert list(tmp_path.iterdir()) == []
    put(store)
    store.close()
    assert store.exists
    assert sorted(path.name for path in (tmp_path / "steno").iterdir()) == ["files", "secret"]


def test_the_folder_is_where_its_platform_keeps_such_things(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for environ in ({}, {"XDG_DATA_HOME": ""}):
        store = FileStore(FileOptions(), environ)
        store.open()
        store.close()
    assert (tmp_path / ".local/share/steno/secret").exists()


def test_only_the_servers_user_may_look_in(store: FileStore, tmp_path: Path):
    put(store)
    arriving = store.receive("ours")
    paths = [tmp_path / "data/files", *on_disk(tmp_path)]
    assert len(paths) == 3
    assert not any(stat.S_IMODE(path.stat().st_mode) & 0o077 for path in paths)
    arriving.discard()


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path):
    (tmp_path / "file").touch()
    store = FileStore(FileOptions(data_dir=str(tmp_path / "file/data")))
    for _ in range(2):
        with pytest.raises(BackendUnavailable, match="Not a directory") as caught:
            store.open()
        assert "--data-dir" in str(caught.value.hint)


def test_a_store_of_a_newer_steno_is_left_alone(store: FileStore, tmp_path: Path):
    store.close()
    with sqlite3.connect(tmp_path / "data/files/files.sqlite") as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(BackendUnavailable, match="newer"):
        FileStore(FileOptions(data_dir=str(tmp_path / "data"))).open()


def test_a_store_that_is_none_is_told(store: FileStore, tmp_path: Path):
    store.close()
    (tmp_path / "data/files/files.sqlite").write_text("nothing like a database" * 100)
    with pytest.raises(BackendUnavailable, match="not a database"):
        FileStore(FileOptions(data_dir=str(tmp_path / "data"))).open()


@pytest.mark.parametrize("name", ["file_retention_h", "max_file_mb", "max_store_mb"])
def test_a_limit_that_lets_nothing_in_is_refused(name: str):
    with pytest.raises(BadRequest, match="--" + name.replace("_", "-")):
        FileStore(replace(FileOptions(), **{name: 0}))
