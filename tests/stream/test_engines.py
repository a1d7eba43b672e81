"""From an operator's options to engines."""

import pytest

from models.weights import HubUnreachable
from stream.engine import EngineOptions
from stream.engines import ModelOptions, build
from stream.metrics import Metrics


def workers(*models: str, **options: int) -> list[int]:
    engines, _ = build(ModelOptions(model=models, **options), EngineOptions(), Metrics())
    return [len(engine._replicas) for engine in engines.values()]


def test_only_a_model_that_runs_on_one_core_gets_several_workers(monkeypatch: pytest.MonkeyPatch):
    for cores, expected in ((1, 1), (2, 2), (32, 4)):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert workers("pocketsphinx", "scripted") == [expected, 1]


def test_an_operator_may_say_how_many():
    assert workers("pocketsphinx", "scripted", replicas=3) == [3, 3]
    with pytest.raises(ValueError, match="replicas"):
        workers("scripted", replicas=0)


def test_without_a_hub_there_is_pocketsphinx_and_a_reason(monkeypatch: pytest.MonkeyPatch):
    def unreachable(repo: str, offline: bool) -> None:
        raise HubUnreachable(f"{repo} is not on disk, and the hub can't be reached")

    monkeypatch.setattr("models.registry._weights", unreachable)
    engines, notes = build(ModelOptions(), EngineOptions(), Metrics())
    assert list(engines) == ["pocketsphinx"]
    assert "steno-server models get base" in notes[0]
