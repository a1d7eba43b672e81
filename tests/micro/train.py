"""Trains whisper-micro from nothing.

    python -m tests.micro.train DIRECTORY [--steps N]

Speech is synthesized into DIRECTORY first, if it isn't there; what is learned goes to DIRECTORY/checkpoint.pt, from
where another call goes on.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from tests.micro.batches import AUDIO_S, IGNORED, Batch, Batches, log_mel
from tests.micro.corpus import read
from tests.micro.model import Shape, Whisper
from tests.micro.speak import Order, speak
from tests.micro.vocabulary import FIXTURE
from tests.micro.windows import Composer, Writer, used_tokens

CLIPS, DEV_CLIPS = 12_000, 400
STEPS = 14_750
SEED = 1
SHAPE = Shape()
RATE, WARM_UP = 2e-3, 200
"""Of learning: the highest, and the steps until it is reached."""
DECAY = 0.999
"""Of the moving average of the weights, which is what is kept."""
GUIDED = (1, 0)
"""The decoder's layer and head that are shown where each token is said; its attention becomes the words' times."""
HELP, SILENCE, GUIDANCE = 0.5, 0.3, 0.1
"""Weights of the losses of the helper, in it of silence, and of that head."""
REPORT, SAVE = 10, 250
"""Steps."""


class Learner(nn.Module):
    """The network with a helper that is thrown away: it reads off the encoder which token is being said at each moment,
    and so teaches the encoder to tell words apart long before the decoder knows where to look."""

    def __init__(self, whisper: Whisper, text: Sequence[int]) -> None:
        """text: those of the tokens that words are made of."""
        super().__init__()
        self.whisper = whisper
        self.helper = nn.Linear(whisper.shape.width, 1 + len(text))
        class_of = torch.zeros(whisper.shape.tokens, dtype=torch.long)
        class_of[list(text)] = torch.arange(1, 1 + len(text))
        self.register_buffer("class_of", class_of, persistent=False)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        whisper = self.whisper
        encoded = whisper.encoder(log_mel(batch.audio, batch.blank))
        logits, questions = whisper.decoder(whisper.row_of[batch.tokens], encoded)
        chosen = batch.targets != IGNORED
        likelihood = whisper.log_likelihood(logits[chosen])
        words = -likelihood.gather(1, whisper.row_of[batch.targets[chosen]][:, None]).mean()
        return {
            "words": words,
            "helper": self._help(encoded, batch.heard),
            "guidance": self._guide(questions, encoded, batch.looks),
        }

    def _help(self, encoded: Tensor, heard: Tensor) -> Tensor:
        """Cross-entropy of where something is said, and, as there is more of it, less of where nothing is."""
        said = heard != IGNORED
        likelihood = functional.log_softmax(self.helper(encoded).float(), -1)
        words = -likelihood[said].gather(1, self.class_of[heard[said]][:, None])
        silence = -likelihood[~said][:, 0]
        return words.sum() / max(1, len(words)) + SILENCE * silence.sum() / max(1, len(silence))

    def _guide(self, questions: Sequence[Tensor], encoded: Tensor, looks: Tensor) -> Tensor:
        """How little of the guided head's attention lies where the token is said."""
        layer, head = GUIDED
        where = self.whisper.decoder.blocks[layer].cross.weights(questions[layer], encoded)[:, head]
        positions = torch.arange(where.shape[-1])
        inside = (positions >= looks[..., :1]) & (positions < looks[..., 1:])
        asked = looks[..., 0] != IGNORED
        return -where[asked].masked_fill(~inside[asked], -math.inf).logsumexp(-1).mean()


@dataclass(frozen=True, slots=True)
class Progress:
    step: int
    learner: Learner
    average: Whisper
    optimizer: torch.optim.Optimizer
    losses: list[float]
    """Of the words, a mean for each REPORT steps."""


def train(
    directory: Path,
    steps: int = STEPS,
    clips: tuple[int, int] = (CLIPS, DEV_CLIPS),
    shape: Shape = SHAPE,
    stop_at: int | None = None,
    audio_s: float = AUDIO_S,
) -> None:
    """clips: how many to learn from, and to tune with. stop_at: a step to stop at; the next call goes on from there.

    audio_s: of a batch, unless the three rows that it has at least are more.
    """
    _speak(directory, *clips)
    writer = Writer(Tokenizer.from_file(str(FIXTURE / "tokenizer.json")))
    corpus = read(directory / "train")
    progress = _begin(directory, shape, used_tokens(corpus, writer), writer.end)
    loader = DataLoader(
        Batches(Composer(corpus, writer), writer, SEED, steps, audio_s),
        batch_size=None,
        sampler=range(progress.step, stop_at or steps),
        num_workers=1,
        prefetch_factor=8,
    )
    sums: dict[str, float] = {}
    began = time.monotonic()
    for step, batch in enumerate(loader, progress.step):
        for group in progress.optimizer.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        with torch.autocast("cpu", torch.bfloat16):
            losses = progress.learner.losses(batch)
        loss = losses["words"] + HELP * losses["helper"] + GUIDANCE * losses["guidance"]
        progress.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(progress.learner.parameters(), 1.0)
        progress.optimizer.step()
        _follow(progress, step)
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + value.item() / REPORT
        if (step + 1) % REPORT == 0:
            progress.losses.append(sums["words"])
            told = ", ".join(f"{name} {value:.3f}" for name, value in sums.items())
            print(f"step {step + 1} of {steps}: {told}, {time.monotonic() - began:.0f} s", flush=True)
            sums.clear()
        if (step + 1) % SAVE == 0 or step + 1 == (stop_at or steps):
            _save(directory, replace(progress, step=step + 1))


def _speak(directory: Path, clips: int, dev_clips: int) -> None:
    """Synthesize what isn't there. Windows degrade the speech to learn from themselves, each time in another way."""
    for split, count, quality in (("train", clips, "clean"), ("dev", dev_clips, None)):
        if not (directory / split).exists():
            print(f"synthesizing {count} clips of {split}", flush=True)
            unfinished = directory / f"{split}.new"
            speak(unfinished, Order(SEED, split, conversations=False, voices=(), quality=quality), count)
            unfinished.replace(directory / split)


def _begin(directory: Path, shape: Shape, used: list[int], end: int) -> Progress:
    """Where an earlier call stopped, or at the start. end: text tokens lie below it."""
    torch.manual_seed(SEED)
    learner = Learner(Whisper(shape, used), [token for token in used if token < end])
    average = Whisper(shape, used)
    average.load_state_dict(learner.whisper.state_dict())
    optimizer = torch.optim.AdamW(learner.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.02)
    losses: list[float] = []
    step, path = 0, directory / "checkpoint.pt"
    if path.exists():
        saved = torch.load(path, weights_only=True)
        step, losses = saved["step"], saved["losses"]
        learner.load_state_dict(saved["learner"])
        average.load_state_dict(saved["average"]["weights"])
        optimizer.load_state_dict(saved["optimizer"])
        print(f"going on at step {step}")
    return Progress(step, learner, average, optimizer, losses)


def _follow(progress: Progress, step: int) -> None:
    decay = min(DECAY, (step + 1) / (step + 10))
    with torch.no_grad():
        for mean, now in zip(progress.average.parameters(), progress.learner.whisper.parameters(), strict=True):
            mean.lerp_(now, 1 - decay)


def _save(directory: Path, progress: Progress) -> None:
    state = {
        "step": progress.step,
        "learner": progress.learner.state_dict(),
        "average": progress.average.state(),
        "optimizer": progress.optimizer.state_dict(),
        "losses": progress.losses,
    }
    torch.save(state, directory / "checkpoint.new")
    (directory / "checkpoint.new").replace(directory / "checkpoint.pt")


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("directory", type=Path)
    flags.add_argument("--steps", type=int, default=STEPS)
    chosen = flags.parse_args()
    train(chosen.directory, chosen.steps)


if __name__ == "__main__":
    main()
