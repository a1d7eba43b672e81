"""From an operator's options to engines."""

from pathlib import Path

import pytest

from models.registry import ModelSpec, Resolved
from models.weights import HubUnreachable
from stream.engine import EngineOptions, Layout
from stream.engines import ModelOptions, build
from stream.metrics import Metrics


def layouts(*models: str, **options: int) -> list[tuple[Layout, ...]]:
    engines, _ = build(ModelOptions(model=models, **options), EngineOptions(), Metrics())
    return [engine._layouts for engine in engines.values()]


def test_only_a_model_that_runs_on_one_core_gets_several_workers(monkeypatch: pytest.MonkeyPatch):
    for cores, expected in ((1, 1), (2, 2), (32, 4)):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert [layout.replicas for (layout,) in layouts("pocketsphinx", "scripted")] == [expected, 1]


def test_an_operator_may_say_how_many():
    assert layouts("pocketsphinx", "scripted", replicas=3, threads=2) == 2 * [(Layout(3, 2),)]
    for option in ("replicas", "threads"):
        with pytest.raises(ValueError, match=option):
            layouts("scripted", **{option: 0})


def test_slots_are_for_a_model_that_has_some(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    with pytest.raises(ValueError, match="Voxtral Realtime"):
        layouts("scripted", slots=3)
    with pytest.raises(ValueError, match="above 0"):
        ModelOptions(slots=0)
    spec = ModelSpec(name="realtime", kind="voxtral_realtime", path=str(tmp_path))
    monkeypatch.setattr("models.registry.resolve", lambda names, **options: [Resolved(spec)])
    engines, _ = build(ModelOptions(slots=3), EngineOptions(), Metrics())
    assert engines["realtime"]._spec.slots == 3


def test_how_whisper_lies_best_on_the_cores_is_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("models.weights.missing", lambda path, layout: [])
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    model = str(tmp_path)
    assert layouts(model) == [(Layout(1, 8), Layout(2, 4), Layout(4, 2))]
    assert layouts(model, threads=3) == [(Layout(1, 3),)]
    assert layouts(model, replicas=2) == [(Layout(2, 4),)]


def test_without_a_hub_there_is_pocketsphinx_and_a_reason(monkeypatch: pytest.MonkeyPatch):
    def unreachable(repo: str, offline: bool) -> None:
        raise HubUnreachable(f"{repo} is not on disk, and the hub can't be reached")

    monkeypatch.setattr("models.registry._weights", unreachable)
    engines, notes = build(ModelOptions(), EngineOptions(), Metrics())
    assert list(engines) == ["pocketsphinx"]
    assert "steno-server models get base" in notes[0]
