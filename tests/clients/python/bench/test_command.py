import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from steno.bench import command
from steno.bench.command import Asked, bench
from steno.bench.measure import Point
from steno.bench.reference import BadReference
from steno.bench.report import Window, lags, report
from steno.bench.run import Run
from steno.bench.slo import Slo
from steno.errors import ConnectError
from tests.clients.python.bench.test_report import told

URL = "ws://a/v1/stream"


@pytest.fixture
def folder(tmp_path):
    """A recording in English, and one of nobody knows what."""
    for name in ("a.flac", "b.flac"):
        soundfile.write(tmp_path / name, np.zeros(160, np.int16), 16_000)
    word = {"word": "Yes.", "start": 0.0, "end": 0.01}
    rows = [{"file": "a.flac", "text": "Yes.", "language": "en", "words": [word]}, {"file": "b.flac", "text": ""}]
    (tmp_path / "refs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


@pytest.fixture
def measured(monkeypatch):
    """What was asked for at a server that keeps the SLO with up to three sessions at once."""
    asked = []

    async def measure(url, api_key, workload, sessions, slo):
        asked.append((url, api_key, workload, sessions, slo))
        figures, found = told()
        return Point(replace(figures, at_once=sessions), found, [] if sessions <= 3 else ["words 9.00 s"])

    monkeypatch.setattr(command, "measure", measure)
    return asked


async def test_one_number_of_sessions_is_measured_and_told(folder, measured, capsys, tmp_path):
    asked = Asked(corpus=folder, sessions=2, seconds=5.0, json=tmp_path / "told.json", plot=tmp_path / "told.png")
    await bench(URL, "k3y", {"words": True}, asked)
    [(url, api_key, workload, sessions, slo)] = measured
    assert (url, api_key, sessions, slo) == (URL, "k3y", 2, Slo())
    assert [entry.kind for entry in workload.entries] == [("en", 16_000), (None, 16_000)]
    assert (workload.options, workload.seconds, workload.offline) == ({"words": True}, 5.0, None)
    assert capsys.readouterr().out.startswith("2 sessions at once")
    written = json.loads((tmp_path / "told.json").read_text())
    assert written["options"] == {
        "url": URL,
        "words": True,
        "corpus": str(folder),
        "files": [],
        "sessions": 2,
        "most": None,
        "seconds": 5.0,
        "separate": False,
        "ramp_s": 3.0,
        "detect": False,
        "seed": 0,
        "slo": {"word_s": 2.5, "final_s": 0.8},
        "offline": None,
    }
    assert (written["largest"], len(written["points"])) == (None, 1)
    assert (tmp_path / "told.png").exists()


async def test_the_largest_number_is_found_and_told_whole(folder, measured, capsys, tmp_path):
    asked = Asked(corpus=folder, most=8, json=tmp_path / "told.json", plot=tmp_path / "told.png")
    await bench(URL, None, {}, asked)
    assert [sessions for _, _, _, sessions, _ in measured] == [1, 2, 4, 3]
    out = capsys.readouterr().out
    assert "The most sessions that kept it: 3" in out
    assert "3 sessions at once" in out
    assert "words 9.00 s" in out
    written = json.loads((tmp_path / "told.json").read_text())
    assert written["largest"] == 3
    assert [point["at_once"] for point in written["points"]] == [1, 2, 4, 3]
    assert (tmp_path / "told.png").exists()


async def test_files_languages_and_offline_texts_reach_the_workload(folder, measured, tmp_path):
    (tmp_path / "offline.jsonl").write_text('{"file": "a.flac", "text": "Yeah."}\n')
    asked = Asked(corpus=folder, files=["a.flac"], detect=True, offline=tmp_path / "offline.jsonl")
    await bench(URL, None, {}, asked)
    [(_, _, workload, _, _)] = measured
    assert [entry.kind for entry in workload.entries] == [(None, 16_000)]
    assert workload.offline == {"a.flac": "Yeah."}


async def test_offline_texts_must_be_of_all_that_is_played(folder, measured, tmp_path):
    (tmp_path / "offline.jsonl").write_text('{"file": "a.flac", "text": "Yeah."}\n')
    with pytest.raises(BadReference, match=r"offline.jsonl has no text of b\.flac"):
        await bench(URL, None, {}, Asked(corpus=folder, offline=tmp_path / "offline.jsonl"))
    assert measured == []


async def test_the_largest_number_needs_times_of_words(folder, measured):
    with pytest.raises(BadReference, match="no times of words"):
        await bench(URL, None, {}, Asked(corpus=folder, files=["b.flac"], most=8))
    assert measured == []


async def test_a_server_without_any_session_is_a_failure(folder, monkeypatch):
    async def measure(url, api_key, workload, sessions, slo):
        run = Run(0.0)
        figures = report(run, sessions, lags(run, Window()), Window(), None)
        figures = replace(figures, sessions=replace(figures.sessions, broken={"no session at ws://a": 1}))
        return Point(figures, lags(run, Window()), ["1 broken"])

    monkeypatch.setattr(command, "measure", measure)
    with pytest.raises(ConnectError, match="no session came to its end: 1 × no session at ws://a"):
        await bench(URL, None, {}, Asked(corpus=folder))
