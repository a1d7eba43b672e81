"""What whisper-micro learns from: windows of composed and degraded speech, with the tokens that are right for them.

Pure: a window is a function of the clips and of a random generator. Knows nothing of torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from tests.micro.corpus import RATE, Clip
from tests.micro.degrade import QUALITIES, babble, degrade, nonspeech
from tests.micro.voices import SpokenWord

POSITION = RATE // 50
"""Samples that an encoder position stands for."""
EDGE_S = 0.05
"""Silence that a clip keeps before its first word and behind its last."""
PROMPT_TOKENS = 223
"""Whisper's limit."""
WORD_HEARD_S = 0.03
"""A word of which the cut takes no more than this is still there."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Token:
    """`said`: the positions in which it is heard, the last excluded; None for what isn't heard."""

    id: int
    said: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """samples: silence follows them, for as long as one likes.
    tokens:  from `<|startoftranscript|>` on, or from `<|startofprev|>`, to `<|endoftext|>`.
    asked:   how many of them are given; the others are to be found. spoken: False where nobody speaks."""

    samples: Floats
    tokens: tuple[Token, ...]
    asked: int
    spoken: bool = True


class Writer:
    """Tokens for words, with and without timestamps."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._words: dict[str, list[int]] = {}
        self.end = self._special("endoftext")
        self.start = self._special("startoftranscript")
        self.previous = self._special("startofprev")
        self.translate, self.transcribe = self._special("translate"), self._special("transcribe")
        self.no_speech = self._special("nospeech")
        self.untimed, self.zero = self._special("notimestamps"), self._special("0.00")

    def language(self, code: str) -> int:
        return self._special(code)

    def words(self, words: Sequence[SpokenWord]) -> Iterator[Token]:
        for word in words:
            ids = self.encode(word.text)
            edges = np.linspace(word.start, word.end, len(ids) + 1) * RATE / POSITION
            for token, first, last in zip(ids, edges, edges[1:], strict=False):
                yield Token(token, (int(first), max(int(first) + 1, round(last))))

    def encode(self, word: str) -> list[int]:
        if word not in self._words:
            self._words[word] = self._tokenizer.encode(f" {word}", add_special_tokens=False).ids
        return self._words[word]

    def timestamp(self, seconds: float) -> Token:
        return Token(self.zero + min(1500, max(0, round(seconds * 50))))

    def _special(self, name: str) -> int:
        found = self._tokenizer.token_to_id(f"<|{name}|>")
        assert found is not None
        return int(found)


class Composer:
    """Makes windows of at most so many seconds out of clips."""

    def __init__(self, clips: Sequence[Clip], writer: Writer) -> None:
        self._clips = [_trimmed(clip) for clip in clips]
        self._writer = writer
        self._by_language: dict[str, list[int]] = {}
        self._by_voice: dict[str, list[int]] = {}
        for number, clip in enumerate(clips):
            self._by_language.setdefault(clip.language, []).append(number)
            self._by_voice.setdefault(clip.voice, []).append(number)

    def window(self, random: np.random.Generator, seconds: float, prompt: int) -> Window:
        """prompt: how many sentences one may have."""
        if random.random() < 0.12:
            return self._silence(random, seconds)
        language = "de" if random.random() < 0.25 else "en"
        sentences, end = self._talk(random, language, seconds)
        samples = np.zeros(round(end * RATE), np.float32)
        for start, clip in sentences:
            first = round(start * RATE)
            piece = clip.samples[: len(samples) - first] / np.float32(32_768)
            samples[first : first + len(piece)] += piece
        said = [
            [SpokenWord(word.text, start + word.start, start + word.end) for word in clip.words]
            for start, clip in sentences
        ]
        first, last = 0.0, end
        if random.random() < 0.2:
            first = random.uniform(0, 0.6) * end
        if random.random() < 0.35:
            last = random.uniform(min(end, first + 0.7), end)
        samples = samples[round(first * RATE) : round(last * RATE)]
        said = [
            kept
            for words in said
            if (
                kept := [
                    SpokenWord(word.text, max(0.0, word.start - first), min(word.end, last) - first)
                    for word in words
                    if word.start >= first - WORD_HEARD_S and word.end <= last + WORD_HEARD_S
                ]
            )
        ]
        quality = QUALITIES[random.choice(len(QUALITIES), p=[0.35, 0.15, 0.2, 0.3])]
        samples = degrade(samples, quality, random) if len(samples) else samples
        return self._written(random, samples, said, language, prompt)

    def _talk(
        self, random: np.random.Generator, language: str, seconds: float
    ) -> tuple[list[tuple[float, Clip]], float]:
        """Sentences and when they begin, one behind the other, and where the last and its silence end."""
        at = random.uniform(0, 0.5) if random.random() < 0.8 else random.uniform(0, 2)
        pause = random.choice([0.08, 0.3, 0.8])
        length = seconds * np.sqrt(random.random())
        mine = self._by_language[language]
        clip = self._clips[random.choice(mine)]
        sentences: list[tuple[float, Clip]] = []
        while at + len(clip.samples) / RATE <= seconds - 0.02 and (at < length or not sentences):
            sentences.append((at, clip))
            at += len(clip.samples) / RATE + random.exponential(pause)
            same = random.random() < 0.8
            clip = self._clips[random.choice(self._by_voice[clip.voice] if same else mine)]
        if not sentences:
            return [(0.0, clip)], min(seconds, len(clip.samples) / RATE)
        end = sentences[-1][0] + len(sentences[-1][1].samples) / RATE
        return sentences, min(seconds, end + random.uniform(0, 0.7 if random.random() < 0.8 else 4))

    def _silence(self, random: np.random.Generator, seconds: float) -> Window:
        writer = self._writer
        language = writer.language(random.choice(["en", "de"]))
        given = [writer.start, language, writer.transcribe, writer.untimed]
        length = random.uniform(0.2, seconds)
        if random.random() < 0.4:
            samples = nonspeech(length, random)
        else:
            crowd = random.choice(len(self._clips), random.integers(5, 17))
            samples = babble([self._clips[each].samples / np.float32(32_768) for each in crowd], length, random)
        tokens = tuple(Token(each) for each in [*given, writer.end])
        return Window(samples, tokens, len(given), spoken=False)

    def _written(
        self, random: np.random.Generator, samples: Floats, said: list[list[SpokenWord]], language: str, prompt: int
    ) -> Window:
        writer = self._writer
        given: list[int] = []
        if random.random() < 0.15:
            count = random.integers(1, prompt, endpoint=True)
            before = [self._clips[each] for each in random.choice(self._by_language[language], count)]
            ids = [token.id for clip in before for token in writer.words(clip.words)]
            given = [writer.previous, *ids[-PROMPT_TOKENS:]]
        given.append(writer.start)
        tokens = [writer.language(language), writer.transcribe]
        found: list[Token] = []
        timed = random.random() < 0.3
        for words in said:
            text = list(writer.words(words))
            found += [writer.timestamp(words[0].start), *text, writer.timestamp(words[-1].end)] if timed else text
        if not timed:
            tokens.append(writer.untimed)
        close = round(said[-1][-1].end * RATE / POSITION) if said else None
        last = Token(writer.end, (close, close + 8) if close is not None else None)
        return Window(samples, (*map(Token, given), *map(Token, tokens), *found, last), len(given), spoken=bool(said))


def _trimmed(clip: Clip) -> Clip:
    first = max(0, round((clip.words[0].start - EDGE_S) * RATE))
    last = round((clip.words[-1].end + EDGE_S) * RATE)
    words = tuple(SpokenWord(word.text, word.start - first / RATE, word.end - first / RATE) for word in clip.words)
    return replace(clip, samples=clip.samples[first:last], words=words)


def used_tokens(clips: Sequence[Clip], writer: Writer) -> list[int]:
    """All tokens that windows of these clips may hold."""
    words = {word.text for clip in clips for word in clip.words}
    special = {writer.end, writer.start, writer.previous, writer.no_speech, writer.untimed, writer.transcribe}
    times = range(writer.zero, writer.zero + 1501)
    languages = {writer.language(code) for code in ("en", "de")}
    return sorted(special | languages | set(times) | {token for word in words for token in writer.encode(word)})
