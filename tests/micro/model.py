"""Whisper in torch, as small as one likes: the network, and nothing of audio, text or training.

Architecture of "Robust Speech Recognition via Large-Scale Weak Supervision" (Radford et al., 2022). Nearly all of the
51,865 tokens never occur in what a micro model learns, so these share one row of the embedding: the softmax is over all
tokens still, at the cost of the few that are used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

POSITIONS = 1500
"""Of the encoder: 30 s, 20 ms each."""
CONTEXT = 448
"""Tokens that the decoder may see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    width: int = 128
    heads: int = 2
    feed: int = 512
    encoder: int = 5
    decoder: int = 3
    mels: int = 80
    tokens: int = 51_865


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, source: Tensor, causal: bool = False) -> Tensor:
        query, key, value = (self._split(part) for part in (self.query(x), self.key(source), self.value(source)))
        if causal:
            heard = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:  # what torch offers for this takes twice as long on CPUs, in bfloat16
            heard = (query / math.sqrt(query.shape[-1]) @ key.transpose(2, 3)).softmax(-1) @ value
        return self.out(heard.transpose(1, 2).flatten(2))

    def weights(self, x: Tensor, source: Tensor) -> Tensor:
        """Rows x heads x positions of x x positions of `source`: where each looks, as log-probabilities."""
        query, key = self._split(self.query(x)), self._split(self.key(source))
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1])
        return functional.log_softmax(scores.float(), -1)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class Block(nn.Module):
    def __init__(self, shape: Shape, cross: bool) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(shape.width)
        self.attention = Attention(shape.width, shape.heads)
        self.cross_norm = nn.LayerNorm(shape.width) if cross else None
        self.cross = Attention(shape.width, shape.heads) if cross else None
        self.feed_norm = nn.LayerNorm(shape.width)
        self.feed = nn.Sequential(nn.Linear(shape.width, shape.feed), nn.GELU(), nn.Linear(shape.feed, shape.width))

    def forward(self, x: Tensor, encoded: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """What the block makes of x, and what its cross-attention asked with."""
        normed = self.attention_norm(x)
        x = x + self.attention(normed, normed, causal=encoded is not None)
        asked = None
        if self.cross is not None and self.cross_norm is not None and encoded is not None:
            asked = self.cross_norm(x)
            x = x + self.cross(asked, encoded)
        return x + self.feed(self.feed_norm(x)), asked


class Encoder(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.first = nn.Conv1d(shape.mels, shape.width, 3, padding=1)
        self.second = nn.Conv1d(shape.width, shape.width, 3, stride=2, padding=1)
        for conv in (self.first, self.second):  # else what is heard would begin as a whisper beside the positions
            nn.init.xavier_uniform_(conv.weight, gain=2)
        self.register_buffer("positions", sinusoids(POSITIONS, shape.width), persistent=False)
        self.blocks = nn.ModuleList(Block(shape, cross=False) for _ in range(shape.encoder))
        for number, block in enumerate(self.blocks):
            for head in range(shape.heads):
                aside = (1 + 3 * number) * (-1) ** head
                look_aside(block.attention, head, aside)
        self.norm = nn.LayerNorm(shape.width)

    def forward(self, mel: Tensor) -> Tensor:
        """Rows x mels x frames to rows x frames / 2 x width."""
        x = functional.gelu(self.first(mel))
        x = functional.gelu(self.second(x)).transpose(1, 2)
        x = x + self.positions[: x.shape[1]]
        for block in self.blocks:
            x, _ = block(x)
        return self.norm(x)


class Decoder(nn.Module):
    def __init__(self, shape: Shape, used: Sequence[int]) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(len(used) + 1, shape.width) * 0.05)
        self.positions = nn.Parameter(torch.randn(CONTEXT, shape.width) * 0.02)
        self.blocks = nn.ModuleList(Block(shape, cross=True) for _ in range(shape.decoder))
        self.norm = nn.LayerNorm(shape.width)

    def forward(self, rows: Tensor, encoded: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Embedding rows of the tokens so far to logits over embedding rows, and what each layer's cross-attention
        asked with."""
        x = functional.embedding(rows, self.embedding) + self.positions[: rows.shape[1]]
        questions = []
        for block in self.blocks:
            x, asked = block(x, encoded)
            questions.append(asked)
        return functional.linear(self.norm(x), self.embedding), questions


class Whisper(nn.Module):
    """used: the tokens that have an embedding of their own, in the order of its rows; the last row is all others'."""

    def __init__(self, shape: Shape, used: Sequence[int]) -> None:
        super().__init__()
        self.shape, self.used = shape, tuple(used)
        self.encoder = Encoder(shape)
        self.decoder = Decoder(shape, used)
        row_of = torch.full((shape.tokens,), len(used))
        row_of[list(used)] = torch.arange(len(used))
        self.register_buffer("row_of", row_of, persistent=False)
        count = torch.zeros(len(used) + 1)
        count[-1] = math.log(shape.tokens - len(used))
        self.register_buffer("log_count", count, persistent=False)
        """Of the tokens in a row of the embedding."""

    def log_likelihood(self, logits: Tensor) -> Tensor:
        """Log-probabilities over embedding rows, as if each token had its own."""
        return functional.log_softmax(logits.float() + self.log_count, -1) - self.log_count

    def state(self) -> dict[str, object]:
        return {"shape": asdict(self.shape), "used": self.used, "weights": self.state_dict()}

    @classmethod
    def of(cls, state: dict[str, object]) -> Whisper:
        whisper = cls(Shape(**state["shape"]), state["used"])  # type: ignore[arg-type]
        whisper.load_state_dict(state["weights"])  # type: ignore[arg-type]
        return whisper


def sinusoids(positions: int, width: int) -> Tensor:
    """Sines, then cosines, with periods from 2 pi to 20,000 pi positions, as the reference has them."""
    angles = torch.arange(positions)[:, None] * frequencies(width)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def frequencies(width: int) -> Tensor:
    """In radians a position."""
    return torch.exp(-math.log(10_000) / (width // 2 - 1) * torch.arange(width // 2))


def look_aside(attention: Attention, head: int, aside: int, sharpness: float = 1.0) -> None:
    """Begin with a head of self-attention that looks so many positions ahead: the sum of cos(f (t' - t - aside)) over
    frequencies f peaks there. Speech is local, which takes thousands of steps to find out by chance."""
    width = attention.query.weight.shape[0]
    size, half = width // attention.heads, width // 2
    count = size // 2
    turn = frequencies(width)[:count] * aside
    rows, sines = torch.arange(count) + head * size, torch.arange(count)
    with torch.no_grad():
        for layer in (attention.query, attention.key):
            layer.weight[head * size : (head + 1) * size] *= 0.3
        for weight, cosine, sine in (
            (attention.query.weight, turn.cos(), turn.sin()),
            (attention.key.weight, torch.ones(count), torch.zeros(count)),
        ):
            weight[rows, sines] += sharpness * cosine
            weight[rows, sines + half] += sharpness * sine
            weight[rows + count, sines + half] += sharpness * cosine
            weight[rows + count, sines] -= sharpness * sine
