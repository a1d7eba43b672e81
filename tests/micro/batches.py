"""Batches to train on, each a function of the seed and of its number, so that training goes on where it stopped.

Knows nothing of the network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from models.features import FFT, HOP, mel_filters
from tests.micro.corpus import RATE
from tests.micro.windows import POSITION, Composer, Window, Writer

AUDIO_S = 110
"""Of a batch, with its padding."""
IGNORED = -100
BLANK = 0.2
"""Share of the windows that are padded with features of 0 instead of silence."""

LENGTHS_S = (4, 9, 16, 29)
"""How long what is said may be."""
PROMPTS = (1, 4, 24)
"""How many sentences a prompt may have."""
EARLY = 0.4
"""Share of the training that has short windows only: they hold more words for what they cost."""


@dataclass(frozen=True, slots=True)
class Batch:
    """audio: rows x samples, padded with silence. blank: the frame of each row from which on its features are zeros
    instead, as faster-whisper pads them. tokens: rows x tokens, from the first on; targets: behind each, or
    IGNORED. looks: first and behind the last position in which the target is heard, or IGNORED. heard: rows x
    positions, the token that is said in each, or IGNORED."""

    audio: Tensor
    blank: Tensor
    tokens: Tensor
    targets: Tensor
    looks: Tensor
    heard: Tensor


class Batches(Dataset[Batch]):
    def __init__(self, composer: Composer, writer: Writer, seed: int, steps: int, audio_s: float = AUDIO_S) -> None:
        self._composer, self._writer, self._seed, self._steps = composer, writer, seed, steps
        self._audio_s = audio_s

    def __getitem__(self, number: int) -> Batch:
        random = np.random.default_rng([self._seed, number])
        early = number < EARLY * self._steps
        said_s = float(random.choice(LENGTHS_S, p=[0.6, 0.4, 0, 0] if early else [0.3, 0.2, 0.2, 0.3]))
        paddings = [random.uniform(0, 1), random.uniform(0, 5), 30.0]
        padding_s = random.choice(paddings, p=[0.7, 0.3, 0] if early else [0.5, 0.25, 0.25])
        seconds = min(30.0, np.ceil(2 * (said_s + padding_s)) / 2)
        rows = max(3, int(self._audio_s / seconds))
        # Prompts of a batch are of like length, as all rows pay for the longest.
        prompt = int(random.choice(PROMPTS, p=[0.8, 0.13, 0.07]))
        windows = [self._composer.window(random, said_s, prompt) for _ in range(rows)]
        return self.of(windows, float(seconds), random.random(rows) < BLANK)

    def of(self, windows: list[Window], seconds: float, blank: NDArray[np.bool_]) -> Batch:
        writer = self._writer
        longest = max(len(window.tokens) for window in windows) - 1
        audio = torch.zeros(len(windows), round(seconds * RATE))
        tokens = torch.full((len(windows), longest), writer.end)
        targets = torch.full((len(windows), longest), IGNORED)
        looks = torch.full((len(windows), longest, 2), IGNORED)
        last = int(seconds * RATE / POSITION)
        heard = torch.full((len(windows), last), IGNORED)
        for row, window in enumerate(windows):
            audio[row, : len(window.samples)] = torch.from_numpy(window.samples)
            ids = [token.id for token in window.tokens]
            tokens[row, : len(ids) - 1] = torch.tensor(ids[:-1])
            # What comes behind <|startoftranscript|> is asked; and no language of those who say nothing.
            start = window.asked - 1 if window.spoken else len(ids) - 2
            targets[row, start : len(ids) - 1] = torch.tensor(ids[start + 1 :])
            if not window.spoken:
                targets[row, ids.index(writer.start)] = writer.no_speech
            for place, token in enumerate(window.tokens[1:]):
                if token.said and token.said[0] < last:
                    looks[row, place] = torch.tensor([token.said[0], min(token.said[1], last)])
                    if token.id != writer.end:
                        heard[row, token.said[0] : token.said[1]] = token.id
        ends = torch.tensor([len(window.samples) // HOP for window in windows])
        frames = torch.where(torch.from_numpy(blank), ends, audio.shape[1] // HOP)
        return Batch(audio, frames, tokens, targets, looks, heard)


def log_mel(audio: Tensor, blank: Tensor) -> Tensor:
    """Rows x samples to rows x 80 x frames; equal to `models.features` up to `blank`."""
    window = torch.hann_window(FFT)
    spectrum = torch.stft(audio, FFT, HOP, window=window, return_complex=True)[..., :-1]
    mel = torch.from_numpy(mel_filters(80)) @ spectrum.abs().square()
    log = mel.clamp_min(1e-10).log10()
    log = (log.maximum(log.amax((1, 2), keepdim=True) - 8) + 4) / 4
    return log * (torch.arange(log.shape[2]) < blank[:, None])[:, None]
