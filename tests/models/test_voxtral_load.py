"""models/voxtral_load.py"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("mistral_common")

from models import placement, registry, voxtral_load  # noqa: E402
from models.registry import ModelSpec  # noqa: E402
from models.voxtral_load import open_network, slots_that_fit, step_seconds  # noqa: E402
from models.voxtral_realtime import VoxtralRealtime  # noqa: E402
from models.voxtral_slots import slot_bytes  # noqa: E402
from tests.models import tiny_voxtral_realtime as tiny  # noqa: E402

ANY = ModelSpec(name="any", kind="voxtral_realtime")


@pytest.fixture
def spec(tmp_path: Path) -> ModelSpec:
    return replace(ANY, path=str(tiny.build(tmp_path / "tiny")), slots=2)


def test_the_registry_loads_it(spec: ModelSpec):
    [resolved] = registry.resolve([f"voxtral:{spec.path}"], device="cpu")
    assert resolved.spec.kind == "voxtral_realtime"
    loaded = registry.load(replace(resolved.spec, slots=2))
    assert isinstance(loaded, VoxtralRealtime)
    assert loaded.card.channels == 2


def test_a_directory_may_say_which_languages_and_nothing_else(spec: ModelSpec):
    path = Path(spec.path or "") / "steno.json"
    path.write_text('{"languages": ["de", "en"]}')
    assert registry.load(spec).card.languages == ("de", "en")
    path.write_text('{"carry_tokens": 4}')
    with pytest.raises(ValueError, match="languages"):
        registry.load(spec)


def test_streams_are_laid_out_as_mistral_common_has_them(spec: ModelSpec):
    _, format = open_network(spec)
    assert format.prompt == (1, *[tiny.PAD] * (tiny.LEFT_PAD + tiny.DELAY))
    assert (format.left, format.right, format.mark) == (tiny.LEFT_PAD, tiny.DELAY + 11, tiny.MARK)
    assert [format.pieces[token] for token in (tiny.PAD, tiny.SPECIAL + 65, tiny.SPECIAL + 256)] == [
        None,
        b"A",
        b" the",
    ]


@pytest.mark.parametrize(("room", "device", "slots", "count"), [
    (5, "cpu", None, 5),
    (1_000, "cpu", None, 8),
    (1_000, "cuda", None, 512),
    (3, "cuda", None, 3),
    (1_000, "cuda", 100, 113),
])  # fmt: skip
def test_slots_are_as_many_as_fit_or_as_are_asked_for(room: int, device: str, slots: int | None, count: int):
    assert slots_that_fit(room, replace(ANY, device=device, slots=slots)) == count


def test_without_a_number_there_are_as_many_slots_as_can_be_fed_in_time(
    spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
):
    measured = []

    def slow(slots: voxtral_load.Slots) -> float:
        measured.append(slots.count)
        return 0.02 * slots.count

    monkeypatch.setattr(voxtral_load, "step_seconds", slow)
    assert open_network(replace(spec, slots=None))[0].count == 3
    assert measured == [8, 3]
    assert open_network(replace(spec, slots=7))[0].count == 8


def test_a_step_of_all_slots_is_measured(spec: ModelSpec, monkeypatch: pytest.MonkeyPatch):
    network, _ = open_network(spec)
    sizes = []
    monkeypatch.setattr(network, "_compute", sizes.append)
    assert step_seconds(network) >= 0
    assert sizes == [network.count] * 2


def test_where_not_even_one_channel_fits_that_is_said(spec: ModelSpec, monkeypatch: pytest.MonkeyPatch):
    directory = Path(spec.path or "")
    weights = 4 * placement.parameters(directory)
    each = slot_bytes(tiny.network().config, torch.float32)
    monkeypatch.setattr(placement, "_free", lambda device: weights + 2 * each)
    with pytest.raises(ValueError, match=r"free.*--slots"):
        open_network(replace(spec, slots=None))
    monkeypatch.setattr(placement, "_free", lambda device: weights + 3 * each)
    assert open_network(replace(spec, slots=None))[0].count == 2


@pytest.mark.parametrize("file", ["tekken.json", "config.json"])
def test_what_is_missing_is_named(spec: ModelSpec, file: str):
    (Path(spec.path or "") / file).unlink()
    with pytest.raises(OSError, match=file):
        open_network(spec)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"frame_rate": 25.0, "transcription_delay_ms": 480.0}, "640 samples of a token, not 1280"),
        ({"streaming_n_left_pad_tokens": 0}, "streaming_n_left_pad_tokens"),
        ({"transcription_format": "instruct"}, "no vocabulary of a Voxtral Realtime"),
    ],
)
def test_another_layout_of_audio_is_refused(spec: ModelSpec, changes: dict[str, object], named: str):
    path = Path(spec.path or "") / "tekken.json"
    tekken = json.loads(path.read_text())
    tekken["audio"] |= changes
    path.write_text(json.dumps(tekken))
    with pytest.raises(ValueError, match=named):
        open_network(spec)


def test_damaged_weights_are_named(spec: ModelSpec):
    weights = Path(spec.path or "") / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ValueError, match="fetch it again"):
        open_network(spec)
