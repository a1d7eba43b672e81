"""`models.weights` with the real hub client, against a hub on a local socket."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from huggingface_hub import constants

from models import weights
from models.layouts import VOXTRAL, WHISPER
from tests.models.hub_server import COMMIT, MODEL, Hub, lay_out, lay_out_cache, point_client_at, serving
from tests.models.hub_server import VOXTRAL as VOXTRAL_FILES

REPO = "some-org/faster-whisper-nano"
FETCHED = {"model.bin", "config.json", "tokenizer.json", "vocabulary.json", "preprocessor_config.json"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def hub(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving() as hub:
        hub.repos[REPO] = dict(MODEL)
        point_client_at(hub.endpoint, home, monkeypatch)
        yield hub


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections (the kernel does, into the backlog) and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def fetching_elsewhere(hub: Hub, home: Path) -> subprocess.Popen[bytes]:
    """Another process that fetches REPO, where the client is told of the hub by its environment."""
    code = f"from models import weights; weights.fetch({REPO!r})"
    environment = os.environ | {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(home)}
    return subprocess.Popen([sys.executable, "-c", code], env=environment)


# -- on disk --------------------------------------------------------------------------------------------------------


def test_finds_what_other_programs_left_in_the_hub_cache(hub: Hub, home: Path) -> None:
    snapshot = lay_out_cache(home, REPO, MODEL)
    assert weights.find(REPO) == snapshot
    assert hub.asked == []


@pytest.mark.parametrize("lost", ["model.bin", "config.json", "tokenizer.json", "vocabulary.json"])
def test_takes_no_half_snapshot_for_a_model(hub: Hub, home: Path, lost: str) -> None:
    snapshot = lay_out_cache(home, REPO, MODEL)
    (snapshot / lost).unlink()
    assert weights.find(REPO) is None
    assert weights.missing(snapshot) == [lost]


def test_a_link_to_nothing_is_missing(hub: Hub, home: Path) -> None:
    snapshot = lay_out_cache(home, REPO, MODEL)
    (snapshot / "model.bin").unlink()
    (snapshot / "model.bin").symlink_to(home / "gone")
    assert weights.find(REPO) is None


def test_inventory_names_what_is_whole_with_its_size(hub: Hub, home: Path) -> None:
    snapshot = lay_out_cache(home, "a/cached", MODEL)
    lay_out_cache(home, "b/half", {"config.json": b"{}"})
    place = weights.fetch(REPO)
    assert weights.inventory() == [
        weights.OnDisk("a/cached", snapshot, sum(len(contents) for contents in MODEL.values()), WHISPER),
        weights.OnDisk(REPO, place, sum(len(MODEL[name]) for name in FETCHED), WHISPER),
    ]


def test_inventory_tells_layouts_apart(hub: Hub, home: Path) -> None:
    lay_out_cache(home, "mistralai/voxtral-nano", VOXTRAL_FILES)
    [voxtral] = weights.inventory()
    assert (voxtral.repo, voxtral.layout) == ("mistralai/voxtral-nano", VOXTRAL)
    assert weights.find("mistralai/voxtral-nano") is None


def test_an_empty_disk_has_an_empty_inventory(hub: Hub) -> None:
    assert weights.inventory() == []


# -- fetching -------------------------------------------------------------------------------------------------------


def test_fetches_what_is_needed_and_nothing_else(hub: Hub) -> None:
    place = weights.fetch(REPO)
    assert {path.name: path.read_bytes() for path in place.iterdir()} == {name: MODEL[name] for name in FETCHED}
    assert weights.find(REPO) == place


def test_fetches_shards_and_no_second_copy_of_the_weights(hub: Hub) -> None:
    hub.repos["mistralai/voxtral-nano"] = VOXTRAL_FILES
    place = weights.fetch("mistralai/voxtral-nano", VOXTRAL)
    wanted = {name: contents for name, contents in VOXTRAL_FILES.items() if VOXTRAL.wanted.fullmatch(name)}
    assert {path.name: path.read_bytes() for path in place.iterdir()} == wanted
    assert weights.find("mistralai/voxtral-nano", VOXTRAL) == place


def test_heeds_the_environment_and_asks_for_nothing_but_the_listing_and_the_files(hub: Hub, home: Path) -> None:
    with fetching_elsewhere(hub, home) as fetching:
        assert fetching.wait() == 0
    assert weights.find(REPO) is not None
    paths = [path for path, *_ in hub.asked]
    assert paths[0] == f"/api/models/{REPO}"
    assert {Path(path).name for path in paths[1:]} == FETCHED


def test_follows_a_repository_that_was_renamed(hub: Hub) -> None:
    hub.moved["old-org/old-name"] = REPO
    weights.fetch("old-org/old-name")
    assert weights.find("old-org/old-name") is not None


def test_shows_its_token_to_the_hub_and_to_no_other_host(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    weights.fetch(REPO)
    assert {path.startswith("/large/"): token for path, _, token in hub.asked} == {
        False: "Bearer hf_secret",
        True: None,
    }


def test_a_slow_link_works(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "REACH_S", 1.0)
    hub.pause_s = 0.15  # 1.2 s in all: longer than the hub has to be reached
    assert not weights.missing(weights.fetch(REPO))


def test_a_connection_that_breaks_is_taken_up_where_it_broke(hub: Hub) -> None:
    hub.cuts = [5_000]
    place = weights.fetch(REPO)
    assert hub.ranges() == [None, "bytes=4096-"]
    assert (place / "model.bin").read_bytes() == MODEL["model.bin"]


def test_a_fetch_that_stops_says_how_far_it_came(hub: Hub) -> None:
    hub.broken = True
    with pytest.raises(weights.FetchStopped) as stopped:
        weights.fetch(REPO)
    assert "503" in str(stopped.value)
    assert "after 0 bytes" in str(stopped.value)
    assert weights.find(REPO) is None


def test_a_killed_fetch_leaves_no_model_and_is_taken_up_again(hub: Hub, home: Path) -> None:
    size = 12 * 2**20  # more than the client writes at once, 10 MiB
    hub.repos[REPO]["model.bin"] = bytes(size)
    hub.stall_at = size - 1
    with fetching_elsewhere(hub, home) as fetching:
        assert hub.stalled.wait(60)
        while not any(path.stat().st_size for path in home.rglob("model.bin")):
            assert fetching.poll() is None
        fetching.kill()
    [kept] = [path.stat().st_size for path in home.rglob("model.bin")]
    assert weights.find(REPO) is None
    assert weights.inventory() == []
    hub.stall_at = None
    place = weights.fetch(REPO)
    assert hub.ranges() == [None, f"bytes={kept}-"]
    assert (place / "model.bin").stat().st_size == size
    assert [path for path in home.rglob("*") if "@" in path.name] == []


def test_what_a_fetch_of_an_older_commit_left_is_cleared_away(hub: Hub, home: Path) -> None:
    stale = lay_out(home / "steno" / ".partial" / f"{REPO.replace('/', '--')}@older", {"model.bin": b"half"})
    weights.fetch(REPO)
    assert not stale.exists()


def test_a_model_that_lost_a_file_is_fetched_again(hub: Hub) -> None:
    (weights.fetch(REPO) / "tokenizer.json").unlink()
    assert weights.find(REPO) is None
    assert not weights.missing(weights.fetch(REPO))


def test_two_that_want_the_same_model_fetch_it_once(hub: Hub) -> None:
    hub.pause_s = 0.02
    with ThreadPoolExecutor() as pool:
        one, other = pool.map(weights.fetch, [REPO, REPO])
    assert one == other
    assert hub.ranges() == [None]


def test_a_hub_that_tells_no_sizes_is_never_asked_for_the_rest_of_a_file(hub: Hub, home: Path) -> None:
    hub.terse = True
    lay_out(home / "steno" / ".partial" / f"{REPO.replace('/', '--')}@{COMMIT}", {"model.bin": b"x" * 4_000})
    assert (weights.fetch(REPO) / "model.bin").read_bytes() == MODEL["model.bin"]
    assert hub.ranges() == [None]


# -- damage ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json"])
@pytest.mark.parametrize("change", ["shorter", "longer"])
def test_a_wrong_size_is_named(hub: Hub, name: str, change: str) -> None:
    sent = MODEL[name][:-1] if change == "shorter" else MODEL[name] + b"x"
    hub.altered[name] = sent
    with pytest.raises(weights.Damaged) as damaged:
        weights.fetch(REPO)
    assert name in str(damaged.value)
    assert f"{len(sent):,} bytes instead of {len(MODEL[name]):,}" in str(damaged.value)
    assert weights.find(REPO) is None


@pytest.mark.parametrize(("name", "algorithm"), [("model.bin", "sha256"), ("config.json", "sha1")])
def test_a_wrong_hash_is_named_and_the_next_fetch_starts_over(hub: Hub, name: str, algorithm: str) -> None:
    hub.altered[name] = bytes(len(MODEL[name]))
    with pytest.raises(weights.Damaged) as damaged:
        weights.fetch(REPO)
    assert f"{name} arrived damaged: {algorithm}" in str(damaged.value)
    assert weights.find(REPO) is None
    hub.altered.clear()
    assert (weights.fetch(REPO) / name).read_bytes() == MODEL[name]
    assert set(hub.ranges()) == {None}


def test_damage_in_what_was_fetched_before_a_break_is_found(hub: Hub, home: Path) -> None:
    lay_out(home / "steno" / ".partial" / f"{REPO.replace('/', '--')}@{COMMIT}", {"model.bin": b"x" * 4_000})
    with pytest.raises(weights.Damaged) as damaged:
        weights.fetch(REPO)
    assert hub.ranges() == ["bytes=4000-"]
    assert hashlib.sha256(MODEL["model.bin"]).hexdigest() in str(damaged.value)


# -- nothing to be had ----------------------------------------------------------------------------------------------


def test_no_such_model(hub: Hub) -> None:
    with pytest.raises(weights.NoSuchModel) as unknown:
        weights.fetch("some-org/never-was")
    assert "some-org/never-was" in str(unknown.value)
    assert hub.endpoint in str(unknown.value)


def test_a_repository_of_something_else(hub: Hub) -> None:
    hub.repos["some-org/text"] = {"config.json": b"{}", "model.safetensors": b"", "vocab.json": b"{}"}
    with pytest.raises(weights.Incomplete) as other:
        weights.fetch("some-org/text")
    assert "no model.bin, tokenizer.json, vocabulary.json" in str(other.value)


def test_a_repository_of_another_layout_is_told_how_to_be_named(hub: Hub) -> None:
    hub.repos["mistralai/voxtral-nano"] = VOXTRAL_FILES
    with pytest.raises(weights.Incomplete) as other:
        weights.fetch("mistralai/voxtral-nano")
    assert "name it voxtral:mistralai/voxtral-nano" in str(other.value)
    with pytest.raises(weights.Incomplete) as other:
        weights.fetch(REPO, VOXTRAL)
    assert f"It is a CTranslate2 Whisper model: name it {REPO}" in str(other.value)


def test_a_closed_port_is_no_hub(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    point_client_at(f"http://127.0.0.1:{port}", home, monkeypatch)
    with pytest.raises(weights.HubUnreachable) as unreachable:
        weights.fetch(REPO)
    message = str(unreachable.value)
    assert all(part in message for part in (REPO, str(home), f"http://127.0.0.1:{port}", "refused"))


def test_a_port_that_never_answers_is_no_hub(silent_port: int, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point_client_at(f"http://127.0.0.1:{silent_port}", home, monkeypatch)
    monkeypatch.setattr(weights, "REACH_S", 0.1)
    with pytest.raises(weights.HubUnreachable) as unreachable:
        weights.fetch(REPO)
    assert f"http://127.0.0.1:{silent_port}" in str(unreachable.value)


def test_a_name_server_that_never_answers_is_no_hub(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "REACH_S", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: hub.closing.wait() and [])
    with pytest.raises(weights.HubUnreachable) as unreachable:
        weights.fetch(REPO)
    assert "no answer within 0.1 s" in str(unreachable.value)


def test_a_page_that_is_no_hub(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    point_client_at(f"{hub.endpoint}/login", Path(constants.HF_HOME), monkeypatch)
    with pytest.raises(weights.HubUnreachable):
        weights.fetch(REPO)


def test_a_place_that_can_not_be_written(hub: Hub, home: Path) -> None:
    lay_out(home, {"steno": b"a file where the directory should be"})
    with pytest.raises(weights.FetchStopped) as stopped:
        weights.fetch(REPO)
    assert str(home) in str(stopped.value)


@pytest.mark.parametrize("said_by", ["argument", "environment"])
def test_offline_asks_nobody(hub: Hub, monkeypatch: pytest.MonkeyPatch, said_by: str) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", said_by == "environment")
    with pytest.raises(weights.NotOnDisk) as absent:
        weights.fetch(REPO, offline=said_by == "argument")
    assert REPO in str(absent.value)
    assert constants.HF_HUB_CACHE in str(absent.value)
    assert hub.asked == []
