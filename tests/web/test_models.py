"""Real models behind the page: what a microphone hears is captioned as the server says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page

from tests.e2e.command import ROOT
from tests.e2e.conftest import ONE_WORKER, Server
from tests.vad.voice import silence
from tests.web.captions import Captions, finals, watch
from tests.web.conftest import write_wav

CLIPS = ROOT / "tests/fixtures/clips"
CLIP = json.loads((CLIPS / "refs.jsonl").read_text().splitlines()[0])
"""Of so many words that some are understood, even if a busy machine drops some of the sound."""


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    samples, rate = soundfile.read(CLIPS / CLIP["file"], dtype="int16")
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    write_wav(path, np.concatenate([silence(0.5), samples, silence(1.5)]), rate)
    return path


@pytest.mark.parametrize("model", ["pocketsphinx", "tests/fixtures/whisper-micro"])
def test_speech_is_captioned_as_the_server_says(
    start_server: Callable[..., Server], open_page: Callable[..., Page], model: str
):
    server = start_server("--model", model, *ONE_WORKER, "--drain-s", "0")
    captions = Captions(open_page(server.http + "/"))
    captions.start()
    with watch(server) as viewer:
        captions.has_finals(1)
        captions.stop()
        said = finals(viewer)
    assert captions.transcript == [final["text"] for final in said]
    assert captions.shown == " ".join(final["text"] for final in said)
    assert words(CLIP["text"]) & words(captions.shown)


def words(text: str) -> set[str]:
    return {word.strip(".,?!").lower() for word in text.split() if len(word) > 3}
