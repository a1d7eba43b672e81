"""Weights on disk and how they get there: a hub repository's files, found, or fetched and checked.

Knows nothing of what a model is called (`registry.py`), which files it is made of (`layouts.py`) or how they are read.

Looked for in the hub's own cache, which other programs fill too, then in Steno's place beside it, which `fetch` fills:
`HF_HOME/steno/org--name`. A fetch collects a model under `.partial` and moves it into place in one step, so what is in
place is whole; what was cut short stays under `.partial`, where the next fetch takes it up again.

Heeds the hub client's environment: HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE.
"""

# The hub client is imported inside functions: workers import the registry, and with it this file, to load what is there
# already, and the client's HTTP stack costs 25 MB and 0.2 s.

from __future__ import annotations

import hashlib
import logging
import queue
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from models.layouts import LAYOUTS, WHISPER, Layout, other

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo

log = logging.getLogger(__name__)

REACH_S = 3.0
"""How long the hub may take to list a repository. Says nothing about how long its files may take."""


class WeightsError(OSError):
    """Weights can't be had; the message says what was tried and what to do."""


class NotOnDisk(WeightsError):
    """Not there, and nothing may be fetched."""


class HubUnreachable(WeightsError):
    """No hub, or none that answers in time."""


class NoSuchModel(WeightsError):
    """The hub doesn't know it, or doesn't show it to us."""


class Incomplete(WeightsError):
    """A directory or repository that lacks files of its layout."""


class FetchStopped(WeightsError):
    """A fetch ended early; what has arrived is kept."""


class Damaged(WeightsError):
    """A fetched file isn't the one that the hub announced."""


@dataclass(frozen=True, slots=True)
class OnDisk:
    """A whole model on disk; `size` in bytes."""

    repo: str
    path: Path
    size: int
    layout: Layout


@dataclass(frozen=True, slots=True)
class _File:
    """A file as the hub announces it; None where it doesn't say. One hash each: SHA-256 for large files."""

    name: str
    size: int | None
    sha1: str | None
    sha256: str | None


def find(repo: str, layout: Layout = WHISPER) -> Path | None:
    """The directory that holds hub repository `repo` ("org/name") whole, or None. Makes no request."""
    from huggingface_hub import constants

    cached = Path(constants.HF_HUB_CACHE, "models--" + _folder(repo))
    places = [_place() / _folder(repo)]
    if (main := cached / "refs" / "main").is_file():
        places.insert(0, cached / "snapshots" / main.read_text().strip())
    return next((place for place in places if not missing(place, layout)), None)


def missing(directory: Path, layout: Layout = WHISPER) -> list[str]:
    """Which files a directory lacks to be a model of this layout."""
    return layout.lacking(_names(directory))


def check(directory: Path, layout: Layout = WHISPER) -> None:
    """Raises Incomplete for a directory that holds no model of this layout."""
    if missing(directory, layout):
        raise _incomplete(str(directory), str(directory), _names(directory), layout)


def inventory() -> list[OnDisk]:
    """All whole models on disk, by name."""
    from huggingface_hub import constants

    folders = {path.name.removeprefix("models--") for path in Path(constants.HF_HUB_CACHE).glob("models--*--*")}
    folders |= {path.name for path in _place().glob("[!.]*--*")}
    repos = [folder.replace("--", "/", 1) for folder in sorted(folders)]
    return [
        OnDisk(repo, path, sum((path / name).stat().st_size for name in _names(path)), layout)
        for repo, layout in product(repos, LAYOUTS)
        if (path := find(repo, layout))
    ]


def fetch(repo: str, layout: Layout = WHISPER, *, offline: bool = False) -> Path:
    """Fetch hub repository `repo` and return its directory; blocks for as long as that takes.

    Every file's size and hash are checked as far as the hub announces them. Shows a progress bar on stderr if that is
    a terminal. Raises WeightsError; with `offline` at once and without a request.
    """
    from filelock import FileLock
    from huggingface_hub import constants

    searched = f"{repo} is not on disk (looked in {constants.HF_HUB_CACHE} and {_place()})"
    if offline or constants.HF_HUB_OFFLINE:
        raise NotOnDisk(
            f"{searched}, and nothing is fetched offline. Fetch it once without --offline or HF_HUB_OFFLINE."
        )
    commit, files = _listing(repo, layout, searched)
    log.info("Fetching %s (%d MB) from %s", repo, sum(file.size or 0 for file in files) / 1e6, constants.ENDPOINT)
    place, partial = _place() / _folder(repo), _place() / ".partial" / f"{_folder(repo)}@{commit}"
    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(partial.with_name(f"{_folder(repo)}.lock")):
            if missing(place, layout):  # else another process has fetched it while this one waited for the lock
                partial.mkdir(exist_ok=True)
                for file in files:
                    _fetch_file(repo, commit, file, partial / file.name)
                shutil.rmtree(place, ignore_errors=True)
                partial.rename(place)
            for stale in partial.parent.glob(f"{_folder(repo)}@*"):
                shutil.rmtree(stale)
    except WeightsError:
        raise
    except OSError as error:
        raise FetchStopped(
            f"{repo} could not be kept in {_place()}: {error}. Make room there or set HF_HOME."
        ) from error
    return place


def _names(directory: Path) -> list[str]:
    return [path.name for path in directory.glob("*") if path.is_file()]


def _incomplete(place: str, name: str, files: Sequence[str], layout: Layout) -> Incomplete:
    """The error for files at `place` that are no model of `layout`; `name` is what the operator called it."""
    message = f"{place} is no {layout.what.removeprefix('a ')}: no {', '.join(layout.lacking(files))}."
    if found := other(files, layout):
        message += f" It is {found.what}: name it {found.prefix}{name}"
    return Incomplete(message)


def _place() -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HOME, "steno")


def _folder(repo: str) -> str:
    """A repository's name as a folder's, the hub cache's way; the hub allows no "--" in names."""
    return repo.replace("/", "--")


def _listing(repo: str, layout: Layout, searched: str) -> tuple[str, list[_File]]:
    """The commit that `repo` is at, and its files that count."""
    from huggingface_hub import constants
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

    try:
        info = _ask(repo)
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise NoSuchModel(
            f"{searched}, and there is no such model at {constants.ENDPOINT}, or it is private: then set HF_TOKEN."
        ) from error
    except Exception as error:  # the client lets its HTTP library's errors through, and that library changes
        raise HubUnreachable(
            f"{searched}, and asking the hub at {constants.ENDPOINT} failed: {_line(error)}. Check the network and "
            "HF_ENDPOINT, or bring the files over and name their directory as the model."
        ) from error
    siblings = info.siblings or ()
    files = [
        _File(s.rfilename, s.size, s.blob_id, None) if s.lfs is None else _File(s.rfilename, s.size, None, s.lfs.sha256)
        for s in siblings
        if layout.wanted.fullmatch(s.rfilename)
    ]
    listed = [s.rfilename for s in siblings]
    if layout.lacking(listed):
        raise _incomplete(f"{repo} at {constants.ENDPOINT}", repo, listed, layout)
    return info.sha or "main", files


def _ask(repo: str) -> ModelInfo:
    """The hub's answer about `repo` within REACH_S; raises TimeoutError, or what the client raises.

    In a thread of its own, as no timeout of the client's bounds looking up a name or trying a host's every address.
    """
    from huggingface_hub import HfApi, constants

    # Telemetry would cost a request of its own before the first, and tell the hub what else is installed here.
    constants.HF_HUB_DISABLE_TELEMETRY = True
    api = HfApi(endpoint=constants.ENDPOINT, library_name="steno")
    answers: queue.SimpleQueue[ModelInfo | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(api.model_info(repo, files_metadata=True, timeout=REACH_S))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=REACH_S)
    except queue.Empty:
        raise TimeoutError(f"no answer within {REACH_S:g} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _fetch_file(repo: str, commit: str, file: _File, path: Path) -> None:
    """Fetch the rest of a file and check all of it.

    By plain HTTP: the client's own downloads start over after an interruption, and check no hashes.
    """
    from huggingface_hub import constants, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # documented, but not exported

    if path.exists() and (file.size is None or path.stat().st_size > file.size):
        path.unlink()
    url = hf_hub_url(repo, file.name, revision=commit, endpoint=constants.ENDPOINT)
    # Compressed answers can't be taken up in the middle.
    headers = build_hf_headers(library_name="steno") | {"Accept-Encoding": "identity"}
    with path.open("ab") as sink:
        if (have := sink.tell()) != file.size:
            name = f"{repo.split('/')[-1]}/{file.name}"
            try:
                http_get(url, sink, resume_size=have, headers=headers, displayed_filename=name)
            except Exception as error:  # as in `_listing`
                raise FetchStopped(
                    f"Fetching {url} stopped after {sink.tell():,} bytes: {_line(error)}. "
                    "What has arrived is kept: try again to go on from there."
                ) from error
    if wrong := _fault(path, file):
        path.unlink()
        raise Damaged(f"{url} arrived damaged: {wrong}. It is deleted: try again, and if that fails too, don't use it.")


def _fault(path: Path, file: _File) -> str | None:
    """What is wrong with a fetched file, or None."""
    size = path.stat().st_size
    if file.size not in (None, size):
        return f"{size:,} bytes instead of {file.size:,}"
    # Git's name for a file is the hash of this header and its contents.
    digest = hashlib.sha256() if file.sha256 else hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with path.open("rb") as contents:
        actual = hashlib.file_digest(contents, lambda: digest).hexdigest()
    expected = file.sha256 or file.sha1
    return f"{digest.name} {actual} instead of {expected}" if expected not in (None, actual) else None


def _line(error: Exception) -> str:
    """An error's last words in one line: the client's messages have several."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
