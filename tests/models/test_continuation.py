"""`models.continuation`: rows side by side are as each alone; see `test_voxtral.py`, too."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from models.continuation import Continuation  # noqa: E402
from tests.models.tiny_voxtral import model  # noqa: E402

CLIPS = np.random.default_rng(0).standard_normal((3, 128, 3_000)).astype(np.float32)
ROWS = [[1, 25, *[24] * 375, 300, 301], [1, 25, *[24] * 750], [1, 302]]


@pytest.fixture(scope="module")
def network() -> object:
    return model()


def logits(network: object, row: list[int], clips: np.ndarray | None) -> object:
    continuation = Continuation(network)
    continuation.read([row], clips)
    return continuation.logits[0]


def test_each_row_is_as_it_is_alone(network: object) -> None:
    continuation = Continuation(network)
    continuation.read(ROWS, CLIPS, pad=11)
    alone = [(ROWS[0], CLIPS[:1]), (ROWS[1], CLIPS[1:]), (ROWS[2], None)]
    for told, (row, clips) in zip(continuation.logits, alone, strict=True):
        torch.testing.assert_close(told, logits(network, row, clips))
    continuation.read([[310], [311], [312]])
    continuation.keep([2, 0])
    continuation.read([[320], [321]])
    torch.testing.assert_close(continuation.logits[0], logits(network, [*ROWS[2], 312, 320], None))
    torch.testing.assert_close(continuation.logits[1], logits(network, [*ROWS[0], 310, 321], CLIPS[:1]))


def test_what_is_read_in_pieces_is_as_read_at_once(network: object) -> None:
    continuation = Continuation(network)
    for at in (slice(0, 2), slice(2, 377), slice(377, None)):
        continuation.read([ROWS[1][at]], CLIPS[1:2] if at.start == 2 else CLIPS[2:] if at.start else None)
    torch.testing.assert_close(continuation.logits[0], logits(network, ROWS[1], CLIPS[1:]))


def test_what_cannot_be_read_is_as_if_it_had_not_been(network: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails in the last layer, when those before it have taken it in."""
    mlp = network.model.language_model.layers[-1].mlp  # type: ignore[attr-defined]
    for before in ([], [1, 300]):
        continuation = Continuation(network)
        if before:
            continuation.read([before])
        with monkeypatch.context() as patched:
            patched.setattr(mlp, "forward", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                continuation.read([[301, 302]])
        continuation.read([[303]])
        torch.testing.assert_close(continuation.logits[0], logits(network, [*before, 303], None))
