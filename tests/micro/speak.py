"""Synthesizes speech with word times: files of one sentence each, or conversations and monologues.

    python -m tests.micro.speak --seed N --count K --split train|dev|test [--conversations] [--voices NAME…] OUTDIR

The same arguments give the same files. Sentences and voices of one split occur in no other.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tests.micro import corpus, grammar
from tests.micro.corpus import RATE, Clip
from tests.micro.degrade import QUALITIES, degrade
from tests.micro.splits import Split, split_of
from tests.micro.voices import Spoken, SpokenWord, Voice, say, voices

GERMAN = 0.25
"""Share of the sentences and conversations."""
ENGINE_SHARES = {"espeak": 0.6, "flite": 0.3, "festival": 0.1}
"""Of the English: espeak-ng has by far the most voices, the others the better ones."""
MONOLOGUES = 0.25
"""Share of the conversations that have one speaker, who makes no pauses."""
PAUSE_S = (0.1, 4.0)


@dataclass(frozen=True, slots=True)
class Order:
    """voices: names of those that may speak; empty: all of the split. quality: None for any."""

    seed: int
    split: Split
    conversations: bool
    voices: tuple[str, ...]
    quality: str | None


def speak(directory: Path, order: Order, count: int) -> None:
    """Write `count` files into `directory`, on all cores."""
    if order.voices:
        known = {str(voice) for language in grammar.LANGUAGES for voice in voices(language, order.split)}
        if strange := sorted(set(order.voices) - known):
            raise ValueError(f"no voices of {order.split}: {', '.join(strange)}; there are {', '.join(sorted(known))}")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "refs.jsonl").write_text("")
    context = multiprocessing.get_context("spawn")  # a synthesizer's state does not survive a fork
    with context.Pool() as processes:
        for clip in processes.imap(_Speaker(order), range(count), chunksize=8):
            corpus.write(directory, clip)


@dataclass(frozen=True, slots=True)
class _Speaker:
    order: Order

    def __call__(self, number: int) -> Clip:
        """File `number`, which depends on nothing but the order."""
        random = np.random.default_rng([self.order.seed, number])
        language = "de" if random.random() < GERMAN else "en"
        compose = conversation if self.order.conversations else single
        clip = compose(self.order, language, random)
        quality = self.order.quality or str(random.choice(QUALITIES, p=(0.4, 0.15, 0.2, 0.25)))
        audio = degrade(clip.samples / np.float32(32_768), quality, random)
        samples = np.clip(np.rint(audio * 32_768), -32_768, 32_767).astype(np.int16)
        return replace(clip, file=f"{number:06d}.flac", samples=samples, quality=quality)


def single(order: Order, language: str, random: np.random.Generator) -> Clip:
    """One sentence by one voice, with a moment of silence around it."""
    voice = _voice(order, language, random)
    spoken = _say(order, voice, random)
    return _joined([(voice, random.uniform(0.1, 0.6), spoken)], random.uniform(0.1, 0.6), language)


def conversation(order: Order, language: str, random: np.random.Generator) -> Clip:
    """Two or three speakers in turn with pauses between them, or one who goes on for half a minute."""
    alone = random.random() < MONOLOGUES
    speakers = [_voice(order, language, random) for _ in range(1 if alone else random.integers(2, 4))]
    turns: list[tuple[Voice, float, Spoken]] = []
    voice = speakers[0]
    for number in range(int(random.integers(8, 14))):
        pause = random.uniform(0.02, 0.12) if alone else float(np.exp(random.uniform(*np.log(PAUSE_S))))
        turns.append((voice, pause if number else random.uniform(0.3, 1.5), _say(order, voice, random)))
        if not alone and random.random() < 0.7:
            voice = speakers[random.choice([i for i, each in enumerate(speakers) if each is not voice] or [0])]
    return _joined(turns, random.uniform(0.5, 2.0), language)


def _joined(turns: Sequence[tuple[Voice, float, Spoken]], tail_s: float, language: str) -> Clip:
    pieces, words, utterances, at = [], [], [], 0
    for _, pause, spoken in turns:
        silence = np.zeros(round(pause * RATE), np.int16)
        at += len(silence)
        pieces += [silence, spoken.samples]
        moved = [SpokenWord(word.text, word.start + at / RATE, word.end + at / RATE) for word in spoken.words]
        utterances.append((len(words), len(words) + len(moved)))
        words += moved
        at += len(spoken.samples)
    samples = np.concatenate([*pieces, np.zeros(round(tail_s * RATE), np.int16)])
    names = "+".join(dict.fromkeys(str(voice) for voice, _, _ in turns))
    return Clip("", samples, tuple(words), tuple(utterances), language, names, "clean")


def _voice(order: Order, language: str, random: np.random.Generator) -> Voice:
    mine = [voice for voice in voices(language, order.split) if not order.voices or str(voice) in order.voices]
    if not mine:
        raise ValueError(f"none of the voices speaks {language}")
    engines = [engine for engine in ENGINE_SHARES if any(voice.engine == engine for voice in mine)]
    shares = np.array([ENGINE_SHARES[engine] for engine in engines])
    engine = random.choice(engines, p=shares / shares.sum())
    mine = [voice for voice in mine if voice.engine == engine]
    return mine[random.integers(len(mine))]


def _say(order: Order, voice: Voice, random: np.random.Generator) -> Spoken:
    while True:
        text = grammar.sentence(voice.language, random)
        rate, pitch = round(random.uniform(0.85, 1.2), 2), round(random.uniform(0.9, 1.1), 2)
        if split_of(text) == order.split:
            with suppress(ValueError):  # some voices lose the times of some words: they say something else
                return say(voice, text, rate, pitch)


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("directory", type=Path, metavar="OUTDIR")
    flags.add_argument("--seed", type=int, required=True)
    flags.add_argument("--count", type=int, required=True)
    flags.add_argument("--split", choices=("train", "dev", "test"), required=True)
    flags.add_argument("--conversations", action="store_true", help="two or three speakers with pauses, and monologues")
    flags.add_argument("--voices", nargs="+", default=(), metavar="NAME", help="only these voices of the split")
    flags.add_argument("--quality", choices=QUALITIES, help="only this quality")
    chosen = flags.parse_args()
    order = Order(chosen.seed, chosen.split, chosen.conversations, tuple(chosen.voices), chosen.quality)
    try:
        speak(chosen.directory, order, chosen.count)
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
