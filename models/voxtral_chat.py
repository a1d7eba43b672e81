"""Voxtral as a `ChatModel`: conversations with clips in them, read a piece a step and answered a token a step.

Knows nothing of transcripts, nor of who chats.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import VoxtralForConditionalGeneration

from models.base import Kind, Need, Samples
from models.chat import BadConversation, Chat, ChatOptions, Clip, Conversation, Delta, FinishReason
from models.continuation import Continuation
from models.features import FRAMES, WINDOW, Spectrogram
from models.tekken import Tekken

CONTEXT = 32_768
"""Tokens that a conversation and its answer may have: what the published models were trained on."""
ANSWER = 4_096
"""Tokens of an answer, where nobody says how long it may be."""
TEXT = 2_560
"""Tokens that are kept free of audio, for what is asked and the answer: of the context that leaves 40 minutes."""
PIECE = 512
"""Tokens of text that a step reads."""

Stage = Literal["listen", "read", "write"]


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one step reads: text, or a window of a clip, which the tokens stand for."""

    tokens: Sequence[int]
    clip: bool = False
    window: int = 0


class Chats:
    """Shares `room` tokens' worth of memory among chats: one that doesn't fit waits for others to end, in order."""

    def __init__(self, network: VoxtralForConditionalGeneration, tekken: Tekken, audio: int, room: int) -> None:
        """audio: tokens that stand for 30 s. audio_s: how much of it a conversation may hold, 0 where room is scant."""
        self._network = network
        self._tekken = tekken
        self._audio = audio
        self._bins: int = network.config.audio_config.num_mel_bins
        self._limit = min(CONTEXT, room)
        self._room = room
        self.audio_s = 30 * max(0, (self._limit - TEXT) // audio)
        self._waiting: list[_Chat] = []

    def begin(self, conversation: Conversation, clips: Sequence[Samples]) -> Chat:
        """As `ChatModel.begin_chat`."""
        pieces = list(self._pieces(conversation))
        tokens = sum(len(piece.tokens) for piece in pieces)
        if tokens >= self._limit:
            raise BadConversation(
                f"the messages have {tokens} tokens, {self._audio} for each 30 s of a clip that are begun, and this "
                f"model takes {self._limit - 1} here: send less of them"
            )
        most = min(conversation.options.max_tokens or ANSWER, self._limit - tokens)
        sounds = [Spectrogram(self._bins) for _ in clips]
        for sound, clip in zip(sounds, clips, strict=True):
            sound.push(clip)
        chat = _Chat(self._network, self._tekken, conversation.options, pieces, sounds, most)
        self._waiting.append(chat)
        self._seat()
        return chat

    def step(self, batch: Sequence[Chat]) -> list[Delta]:
        """As `ChatModel.step_chats`. Each has a memory of its own, so that it makes no difference who is beside it."""
        chats = cast("Sequence[_Chat]", batch)
        for chat in chats:  # whatever can fail, and may be done again
            chat.prepare()
        deltas = [chat.advance() for chat in chats]
        for chat, delta in zip(chats, deltas, strict=True):
            if delta.finish:
                self.close(chat)
        return deltas

    def close(self, chat: Chat) -> None:
        """As `ChatModel.close_chat`."""
        chat = cast("_Chat", chat)
        if chat in self._waiting:
            self._waiting.remove(chat)
        self._room += chat.leave()
        self._seat()

    def _seat(self) -> None:
        while self._waiting and self._waiting[0].size <= self._room:
            chat = self._waiting.pop(0)
            self._room -= chat.size
            chat.sit()

    def _pieces(self, conversation: Conversation) -> Iterator[_Piece]:
        text: list[int] = []
        for part in self._tekken.conversation(conversation.turns):
            if not isinstance(part, Clip):
                text += part
                continue
            if not part.length:
                raise BadConversation("a clip is empty: send audio, or leave it out")
            yield from _cut(text)
            text = []
            for window in range(-(-part.length // WINDOW)):
                yield _Piece([self._tekken.audio] * self._audio, True, window)
        yield from _cut(text)


def _cut(text: Sequence[int]) -> Iterator[_Piece]:
    for at in range(0, len(text), PIECE):
        yield _Piece(text[at : at + PIECE])


class _Chat:
    """Its clips are listened to and read as they come, then it is answered.

    size: tokens that it may come to. A step is `prepare`, which may fail and be called again, then `advance`, which
    tells of it; in between nothing has happened as far as anyone knows.
    """

    def __init__(
        self,
        network: VoxtralForConditionalGeneration,
        tekken: Tekken,
        options: ChatOptions,
        pieces: list[_Piece],
        sounds: list[Spectrogram],
        most: int,
    ) -> None:
        self._network = network
        self._tekken = tekken
        self._options = options
        self._pieces = pieces[::-1]  # the next one last
        self._sounds = sounds[::-1]
        self._most = most
        self._prompt = sum(len(piece.tokens) for piece in pieces)
        self._audio = sum(len(piece.tokens) for piece in pieces if piece.clip)
        self.size = self._prompt + most
        self._continuation: Continuation | None = None  # while it waits, and when it is over
        self._prepared: Stage | None = None  # the step that is done, but not told of
        self._windows: NDArray[np.float32] | None = None  # of the clip that is being read
        self._listened = 0  # windows of the next one
        self._pending: int | None = None  # the token written last, which the network hasn't read
        self._written = 0
        self._text = codecs.getincrementaldecoder("utf-8")("ignore")
        self._random = torch.Generator()
        if options.seed is None:
            self._random.seed()
        else:
            self._random.manual_seed(options.seed)

    @property
    def need(self) -> Need | None:
        return Need(Kind.CHAT, ("chat", self._prepared or self._stage)) if self._continuation else None

    def sit(self) -> None:
        self._continuation = Continuation(self._network)

    def leave(self) -> int:
        """The room that it had."""
        room = self.size if self._continuation else 0
        self._continuation = self._windows = None
        self._pieces, self._sounds = [], []
        return room

    def prepare(self) -> None:
        assert self._continuation is not None, "a step that nobody needs"
        if self._prepared:
            return
        stage = self._stage
        if stage == "listen":
            self._listen(self._sounds[-1])
        elif stage == "read":
            piece = self._pieces[-1]
            heard = self._windows[piece.window, None] if piece.clip and self._windows is not None else None
            self._continuation.read([piece.tokens], heard)
        elif self._pending is not None:
            self._continuation.read([[self._pending]])
        self._prepared = stage

    def advance(self) -> Delta:
        stage, self._prepared = self._prepared, None
        text, finish = "", None
        if stage == "listen":
            self._listened += 1
        elif stage == "read":
            piece = self._pieces.pop()
            if piece.clip and self._windows is not None and piece.window + 1 == len(self._windows):
                self._windows, self._listened = None, 0
        elif stage == "write":
            text, finish = self._write()
        return Delta(
            text=text,
            finish=finish,
            prompt_tokens=self._prompt,
            audio_tokens=self._audio,
            completion_tokens=self._written,
        )

    @property
    def _stage(self) -> Stage:
        if not self._pieces:
            return "write"
        return "listen" if self._pieces[-1].clip and self._windows is None else "read"

    def _listen(self, sound: Spectrogram) -> None:
        """Compute the features of one window more; it takes all of them to say how loud a clip is."""
        samples = len(sound.samples)
        heard = (self._listened + 1) * WINDOW
        sound.prepare(heard)
        if heard >= samples:
            mel = sound.window(samples, -(-samples // WINDOW) * FRAMES)
            self._windows = np.ascontiguousarray(mel.reshape(len(mel), -1, FRAMES).swapaxes(0, 1))
            self._sounds.pop()

    def _write(self) -> tuple[str, FinishReason | None]:
        assert self._continuation is not None
        token = drawn(self._continuation.logits[0], self._options, self._random)
        self._written += 1
        self._pending = token
        finish: FinishReason | None = "stop" if token == self._tekken.end else None
        if finish is None and self._written == self._most:
            finish = "length"
        [written] = self._tekken.decode([token])
        return self._text.decode(written, final=finish is not None), finish


def drawn(logits: Tensor, options: ChatOptions, random: torch.Generator) -> int:
    """The next token: the likeliest, or one drawn from those that have `top_p` of the probability together."""
    if not options.temperature:
        return int(logits.argmax())
    # On the CPU, whose numbers are the same on all machines; doubles, as a temperature may be next to nothing.
    chances, tokens = (logits.cpu().double() / options.temperature).softmax(-1).sort(descending=True, stable=True)
    chances[chances.cumsum(-1) - chances >= options.top_p] = 0
    return int(tokens[torch.multinomial(chances, 1, generator=random)])
