"""Voxtral on torch: windows of audio to words, and how its files become a model that transcribes and chats.

Knows nothing of streaming (`redecode.py`), nor of where files come from (`weights.py`). What is said of transformers
holds for 5.24.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import msgspec
import numpy as np
import torch
from torch import Tensor
from transformers import VoxtralConfig, VoxtralForConditionalGeneration

from models.base import SAMPLE_RATE, Kind, Model, ModelCard, Samples, Word
from models.chat import Chat, Conversation, Delta
from models.continuation import Continuation
from models.declaration import NOTHING, declared
from models.features import FRAMES, WINDOW, Spectrogram
from models.placement import load_weights, parameters, place, spare
from models.redecode import Decoded, Redecode, Window
from models.registry import ModelSpec
from models.spelling import compresses, repeats, spaced, words
from models.tekken import Tekken
from models.times import fit, spread
from models.voxtral_chat import CONTEXT, Chats

LANGUAGES = ("en", "es", "fr", "pt", "hi", "de", "nl", "it")
"""Those that Mistral names for its models of July 2025."""
TOKENS_PER_S = 16
"""More than anyone says, in any of them, so that what goes on past it is a loop."""
PROMPT = 32
"""More tokens than a window's prompt has besides those of its audio."""
ECHO = 5
"""Tokens in a row that a careful step doesn't say twice."""
SHORTEST = SAMPLE_RATE // 10
"""Less audio holds no word, but a language model would find one."""
CHATS = 4
"""Conversations of full length that memory is planned for at most."""
ROWS = {"cpu": 2, "cuda": 32}
"""Windows in a step at most. On a CPU a row more takes as much longer; a GPU reads the weights once for all rows."""


def load(spec: ModelSpec) -> Model:
    """Load a directory as transformers has them: config.json, tekken.json, model*.safetensors.

    Raises OSError for what is missing, ValueError for what can't be used or doesn't fit.
    """
    if spec.path is None:
        raise ValueError(f"{spec.name}: Voxtral needs a directory of weights")
    directory = Path(spec.path)
    tekken = Tekken(directory / "tekken.json")
    declaration = declared(directory)
    if declaration != msgspec.structs.replace(NOTHING, languages=declaration.languages):
        raise ValueError(f"{directory / 'steno.json'}: of a Voxtral it may say `languages`, and nothing else")
    torch.set_num_threads(spec.threads)
    placement = place(spec)
    config = _config(directory, tekken)
    each = bytes_each(config, placement.dtype.itemsize)
    left = spare(spec.name, placement, parameters(directory) * placement.dtype.itemsize, each)
    rows = min(ROWS[placement.device.type], max(1, left // 2 // each))
    room = min(CHATS * CONTEXT, (left - rows * each) // bytes_per_token(config, placement.dtype.itemsize))
    network = load_weights(VoxtralForConditionalGeneration, directory, placement)
    chats = Chats(network, tekken, audio_tokens(config), room)
    decoder = Voxtral(network, tekken, declaration.languages or LANGUAGES, rows, chats.audio_s or None)
    decoder.check()
    return Chatting(decoder, chats)


class Chatting(Redecode):
    """A `ChatModel` that transcribes, too; without room for chats its card says so."""

    def __init__(self, decoder: Voxtral, chats: Chats) -> None:
        super().__init__(decoder)
        self._chats = chats

    def begin_chat(self, conversation: Conversation, clips: Sequence[Samples]) -> Chat:
        return self._chats.begin(conversation, clips)

    def step_chats(self, batch: Sequence[Chat]) -> list[Delta]:
        return self._chats.step(batch)

    def close_chat(self, chat: Chat) -> None:
        self._chats.close(chat)


class Voxtral:
    """A `Decoder`. Every window is heard as 30 s of audio, and rows are padded before their first token, so windows of
    all lengths, languages and prefixes share a call; a key is the width of the search alone.

    Of a language that was detected the model says nothing: it is None.
    """

    window = passage = WINDOW
    carries = False

    def __init__(
        self,
        network: VoxtralForConditionalGeneration,
        tekken: Tekken,
        languages: tuple[str, ...],
        rows: int,
        chat_audio_s: float | None = None,
    ) -> None:
        """rows: windows that there is room for in a step."""
        self._network = network
        self._tekken = tekken
        self._bins: int = network.config.audio_config.num_mel_bins
        # A partial encodes 30 s anew, which on a CPU takes longer than a second of speech.
        self.hop = SAMPLE_RATE // 2 if network.device.type == "cuda" else SAMPLE_RATE
        self.card = ModelCard(
            kind="voxtral",
            languages=languages,
            detects=True,
            narrows=False,
            word_times="estimated",
            max_batch=rows,
            chat_audio_s=chat_audio_s,
        )

    def sound(self) -> Spectrogram:
        return Spectrogram(self._bins)

    def key(self, window: Window) -> Hashable:
        return (window.kind is Kind.RETRY,)

    def rows(self, window: Window) -> int:
        return self.card.max_batch

    def decode(self, windows: Sequence[Window]) -> list[Decoded]:
        rows = [self._row(window) for window in windows]
        audible = [row for row in rows if row.window.end >= SHORTEST]
        if audible:
            self._write(audible)
        return [self._decoded(row) for row in rows]

    def check(self) -> None:
        """Hear a moment of silence: it is here that damaged weights come to light."""
        continuation = Continuation(self._network)
        prompt = self._tekken.transcription(audio_tokens(self._network.config), None)
        continuation.read([prompt], np.zeros((1, self._bins, FRAMES), np.float32))
        if not continuation.logits.isfinite().all():
            raise ValueError("the weights are damaged, they are no numbers: fetch them again")

    def _row(self, window: Window) -> _Row:
        prefix = [
            # A transcript begins without a space.
            (text, self._tekken.encode(text if i else text.lstrip()))
            for i, text in enumerate(window.prefix)
        ]
        spoken = TOKENS_PER_S * (1 + window.end // SAMPLE_RATE)
        return _Row(window, prefix, max(1, spoken - sum(len(ids) for _, ids in prefix)))

    def _write(self, rows: Sequence[_Row]) -> None:
        """Have the network write what each row's window says."""
        audio = audio_tokens(self._network.config)
        prompts = [[*self._tekken.transcription(audio, row.window.language), *row.forced] for row in rows]
        sounds = [(cast("Spectrogram", row.window.sound), row.window.end) for row in rows]
        continuation = Continuation(self._network)
        continuation.read(prompts, np.stack([sound.window(end, FRAMES) for sound, end in sounds]), self._tekken.pad)
        while True:
            for row, (token, chance) in zip(rows, _likeliest(continuation.logits, rows), strict=True):
                row.ended = token == self._tekken.end
                if not row.ended:
                    row.written.append(token)
                    row.chances.append(chance)
            going = [i for i, row in enumerate(rows) if not row.ended and len(row.written) < row.budget]
            if not going:
                return
            if len(going) < len(rows):
                rows = [rows[i] for i in going]
                continuation.keep(going)
            continuation.read([row.written[-1:] for row in rows])

    def _decoded(self, row: _Row) -> Decoded:
        pieces = self._tekken.decode([*row.forced, *row.written])
        spelling = words(pieces, [(text, len(ids)) for text, ids in row.prefix])
        spans = spread([len(word.text) for word in spelling], row.window.speech, row.window.end)
        forced = len(row.forced)
        told = []
        for i, (word, (start, end)) in enumerate(zip(spelling, spans, strict=True)):
            chances = row.chances[max(0, word.first - forced) : max(0, word.stop - forced)]
            confidence = min(1.0, sum(chances) / len(chances)) if chances else None
            told.append(Word(word.text if i else spaced(word.text), start, end, confidence))
        looping = not row.ended or repeats(row.written) or compresses("".join(word.text for word in told))
        return Decoded(
            words=fit(told, 0, row.window.end),
            language=row.window.language,
            tripped="repetition" if looping and row.written else None,
        )


@dataclass(slots=True)
class _Row:
    """A window's part in a call: the words that are settled, with their tokens, then what is written behind them, of
    `budget` tokens at most, and how likely each of these was."""

    window: Window
    prefix: list[tuple[str, list[int]]]
    budget: int
    written: list[int] = field(default_factory=list)
    chances: list[float] = field(default_factory=list)
    ended: bool = False

    @property
    def forced(self) -> list[int]:
        return [token for _, ids in self.prefix for token in ids]


def _likeliest(logits: Tensor, rows: Sequence[_Row]) -> list[tuple[int, float]]:
    """Each row's next token, and its probability."""
    if rows[0].window.kind is Kind.RETRY:
        logits = logits.clone()
        for i, row in enumerate(rows):
            logits[i, echoes(row.written)] = -torch.inf
    tokens = logits.argmax(-1)
    chances = logits.softmax(-1).gather(1, tokens[:, None])[:, 0]
    return list(zip(tokens.tolist(), chances.tolist(), strict=True))


def echoes(text: Sequence[int]) -> list[int]:
    """Tokens that would have a run of ECHO come again."""
    tail = text[len(text) - ECHO + 1 :]
    runs = (text[at : at + ECHO] for at in range(len(text) - ECHO + 1))
    return [run[-1] for run in runs if run[:-1] == tail]


# -- loading ------------------------------------------------------------------------------------------------------


def audio_tokens(config: VoxtralConfig) -> int:
    """How many tokens stand for 30 s: the projector takes several of the encoder's frames at once."""
    audio = config.audio_config
    return int(audio.max_source_positions * audio.hidden_size // audio.intermediate_size)


def bytes_each(config: VoxtralConfig, itemsize: int) -> int:
    """What one window takes at most: keys and values of all its tokens, and what is in between while it is encoded."""
    audio, text = config.audio_config, config.text_config
    heard = audio_tokens(config) + PROMPT
    kept = (heard + TOKENS_PER_S * (1 + WINDOW // SAMPLE_RATE)) * bytes_per_token(config, itemsize)
    encoding = audio.max_source_positions * (audio.intermediate_size + 6 * audio.hidden_size) * itemsize
    reading = heard * (3 * text.intermediate_size + 6 * text.hidden_size) * itemsize
    return int(kept + max(encoding, reading) + 3 * text.vocab_size * torch.float32.itemsize)


def bytes_per_token(config: VoxtralConfig, itemsize: int) -> int:
    """What the network remembers of a token, a key and a value in each layer, and makes of these for all heads of the
    layer that it is in."""
    text = config.text_config
    heads = text.num_hidden_layers * text.num_key_value_heads + text.num_attention_heads
    return int(2 * heads * text.head_dim * itemsize)


def _config(directory: Path, tekken: Tekken) -> VoxtralConfig:
    config = VoxtralConfig.from_pretrained(directory)
    if config.audio_token_id != tekken.audio or config.text_config.vocab_size < len(tekken):
        raise ValueError(f"{directory / 'tekken.json'} belongs to another model than config.json: fetch both again")
    return config
