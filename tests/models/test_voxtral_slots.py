"""models/voxtral_slots.py beside transformers, with random weights: what it writes means nothing, but is the same"""

import random
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("mistral_common")

from models import voxtral_slots  # noqa: E402
from models.base import DecodeOptions, Samples  # noqa: E402
from models.registry import ModelSpec  # noqa: E402
from models.voxtral_load import open_network  # noqa: E402
from models.voxtral_realtime import VoxtralRealtime  # noqa: E402
from models.voxtral_slots import Ring, Slots, slot_bytes  # noqa: E402
from models.voxtral_stream import Format, Row, Stream, Written  # noqa: E402
from models.voxtral_words import TOKEN  # noqa: E402
from tests.conformance.check_model import check_model  # noqa: E402
from tests.models import tiny_voxtral_realtime as tiny  # noqa: E402

COUNT = 4


def sound(seconds: float, seed: int) -> Samples:
    """Tones and silence by turns, ten a second, over a little noise."""
    dice = np.random.default_rng(seed)
    at = np.arange(int(seconds * 16_000))
    pitch = dice.uniform(100, 4_000, len(at) // 1_600 + 1)[at // 1_600]
    loudness = dice.choice([0, 300, 3_000, 12_000], len(at) // 1_600 + 1)[at // 1_600]
    return (loudness * np.sin(2 * np.pi * pitch * at / 16_000) + dice.normal(0, 20, len(at))).astype(np.int16)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.build(tmp_path_factory.mktemp("voxtral") / "tiny")


@pytest.fixture(scope="module")
def format(directory: Path) -> Format:
    return open_network(ModelSpec(name="tiny", kind="voxtral_realtime", path=str(directory), slots=1))[1]


def slots(net: object, format: Format, count: int = COUNT) -> Slots:
    from models.features import mel_filters

    return Slots(net, count, prompt=format.prompt, given=format.given, delay=tiny.DELAY, mel=mel_filters(128).T)


class Noted(VoxtralRealtime):
    """Notes the tokens that come of each stream's audio."""

    def __init__(self, network: Slots, format: Format) -> None:
        super().__init__(network, format)
        self.tokens: dict[Stream, list[int]] = {}

    def begin(self, *arguments: object) -> Stream:
        stream = super().begin(DecodeOptions())
        tokens = self.tokens[stream] = []
        hear = stream.hear

        def noting(written: Written) -> None:
            if stream.row().position >= len(self._format.prompt) - 1:
                tokens.append(written.token)
            hear(written)

        stream.hear = noting  # type: ignore[method-assign]
        return stream


def written(model: Noted, samples: Samples, chunk: int) -> list[int]:
    stream = model.begin()
    for at in range(0, len(samples), chunk):
        stream.accept(samples[at : at + chunk], True)
        while stream.need:
            model.step([stream])
    stream.finish(len(samples))
    while stream.need:
        model.step([stream])
    return model.tokens[stream]


@pytest.mark.parametrize(
    ("windows", "seconds", "dtype"),
    [
        ((64, 24), 3.33, torch.float32),  # longer than either window
        ((750, 8192), 1.0, torch.float32),  # no window matters
        ((20, 5), 2.0, torch.float64),
    ],
)
def test_it_writes_what_transformers_writes(
    directory: Path, format: Format, windows: tuple[int, int], seconds: float, dtype: torch.dtype
):
    samples = sound(seconds, seed=1)
    net = tiny.network(40, *windows).to(dtype)
    expected = tiny.reference(net, directory, samples)
    model = Noted(slots(net, format), format)
    assert written(model, samples, 1_000) == expected
    assert len(set(expected)) > 3, "says too little to tell"
    # In a slot that has been used, and all at once.
    assert written(model, samples, len(samples)) == expected


def test_neighbours_change_nothing_whenever_they_come_and_go(format: Format):
    dice = random.Random(0)
    net = tiny.network(40)
    clips = [sound(dice.uniform(0.1, 2.0), seed) for seed in range(8)]
    single = Noted(slots(net, format, 2), format)
    alone = [written(single, clip, len(clip)) for clip in clips]
    model = Noted(slots(net, format, 5), format)
    todo, talking, said = dict(enumerate(clips)), {}, {}
    while todo or talking:
        if todo and dice.random() < 0.3:
            number, clip = todo.popitem()
            talking[number] = model.begin()
            talking[number].accept(clip, True)
            talking[number].finish(len(clip))
        due = {number: stream for number, stream in talking.items() if stream.need and dice.random() < 0.8}
        if due:
            for (number, stream), told in zip(due.items(), model.step(list(due.values())), strict=True):
                if told.final:
                    said[number] = model.tokens[stream]
                    del talking[number]
    assert [said[number] for number in range(len(clips))] == alone


def test_keeps_every_models_promises(directory: Path):
    network, format = open_network(ModelSpec(name="tiny", kind="voxtral_realtime", path=str(directory), slots=3))
    check_model(VoxtralRealtime(network, format), [sound(1.0, 1), sound(1.2, 2)])


def test_memory_is_laid_out_once(format: Format):
    net = tiny.network(40)
    network = slots(net, format, 2)

    def held() -> list[tuple[int, int]]:
        states = [state for ring in (network._encoder, network._decoder) for state in ring.state]
        return [(state.data_ptr(), state.nbytes) for state in states + network._convolved]

    before = held()
    assert sum(size for _, size in before[:4]) == 2 * slot_bytes(net.config, torch.float32)
    written(Noted(network, format), sound(10.0, 3), 16_000)
    assert held() == before


def test_a_ring_holds_the_window_and_forgets_what_is_older():
    shape = torch.nn.Module()
    shape.num_hidden_layers, shape.num_key_value_heads, shape.head_dim = 1, 1, 1  # type: ignore[assignment]
    ring = Ring(shape, 6, 4, 2, torch.zeros(1))
    assert ring.length == 12
    positions, places, seen = ring.place(torch.tensor([0, 16]), torch.tensor([True, False]))
    assert positions.tolist() == [[0, 1, 2, 3], [16, 17, 18, 19]]
    assert places.tolist() == [[0, 1, 2, 3], [12, 13, 14, 15]]
    # Place 4 holds position 16: 11 to 16 are seen from there, 14 to 19 from 19.
    assert seen[0, 0].int().tolist() == [[1] * (n + 1) + [0] * (15 - n) for n in range(4)]
    held = [12, 13, 14, 15, 16, 17, 18, 19, 8, 9, 10, 11]
    for query, row in zip(range(16, 20), seen[1, 0].tolist(), strict=True):
        assert row == [query - 6 < position <= query for position in held] + [False] * 4


@pytest.mark.parametrize(("slots_used", "size"), [(1, 1), (2, 2), (3, 4), (5, 6), (6, 6)])
def test_a_step_is_for_the_slots_up_to_the_last_that_is_fed(
    format: Format, monkeypatch: pytest.MonkeyPatch, slots_used: int, size: int
):
    network = slots(tiny.network(40), format, 6)
    sizes = []
    monkeypatch.setattr(network, "_compute", sizes.append)
    network.step([Row(slots_used - 1, 0, 0, np.zeros(voxtral_slots.PIECE, np.int16))])
    assert sizes == [size]


def test_a_recorded_step_stands_for_its_size(format: Format):
    """As on CUDA, where steps are replayed."""

    class Recorded:
        def __init__(self, network: Slots, size: int) -> None:
            self.network, self.size, self.replays = network, size, 0

        def replay(self) -> None:
            self.replays += 1
            self.network._compute(self.size)

    net, samples = tiny.network(40), sound(0.5, 4)
    network = slots(net, format)
    graph = network._graphs[1] = Recorded(network, 1)
    assert written(Noted(network, format), samples, TOKEN) == written(Noted(slots(net, format), format), samples, TOKEN)
    assert graph.replays
