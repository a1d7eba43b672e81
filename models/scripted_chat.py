"""The scripted model as one that also chats: it answers with what it was given, told in a way that tests can check.

Knows nothing of language. "user: [2.0 s: w0 w1 w2] What is said?" answers that question about a clip of `ledger_audio`,
turns being apart by " | "; what is drawn at random, if anything, is told at the end. A word is a token, and a clip has
375 of them for each 30 s that are begun. The texts may hold directives:

repeat=N               the answer is told N times
slow=X                 each step takes X seconds
raise@N hang@N exit@N  as in `scripted`
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from models.base import SAMPLE_RATE, Kind, Need, Samples
from models.chat import BadConversation, Chat, ChatOptions, Clip, Conversation, Delta, FinishReason, Turn
from models.registry import ModelSpec
from models.scripted import FAULT, Ledger, Scripted

WINDOW, WINDOW_TOKENS = 30 * SAMPLE_RATE, 375
CONTEXT = 32_768
"""Tokens of a conversation and its answer."""
TOKEN = re.compile(r"\s*\S+")


class _Chat:
    """Reads a turn a step, then writes a token a step."""

    def __init__(self, conversation: Conversation, clips: Sequence[Samples]) -> None:
        text = " ".join(_texts(conversation))
        settings = {name: value for name, _, value in (part.partition("=") for part in text.split())}
        self.faults = [match for part in text.split() if (match := FAULT.fullmatch(part))]
        self.slow = float(settings.get("slow", 0))
        self.steps = 0
        self._conversation = conversation
        self._clips = iter(clips)
        self._repeat = int(settings.get("repeat", 1))
        self._read: list[str] = []
        self._tokens: list[str] = []
        self._written = 0
        self._finished = False
        self._audio_tokens = sum(-(-len(clip) // WINDOW) * WINDOW_TOKENS for clip in clips)
        self._prompt_tokens = self._audio_tokens + len(text.split())
        if self._prompt_tokens >= CONTEXT:
            raise BadConversation(
                f"the messages have {self._prompt_tokens} tokens, and this model takes {CONTEXT - 1}: send less of them"
            )
        room = CONTEXT - self._prompt_tokens
        self._room = min(room, conversation.options.max_tokens or room)

    @property
    def need(self) -> Need | None:
        if self._finished:
            return None
        return Need(Kind.CHAT, "write" if self._tokens else "read")

    def step(self) -> Delta:
        self.steps += 1
        delta = Delta(prompt_tokens=self._prompt_tokens, audio_tokens=self._audio_tokens)
        if not self._tokens:
            self._hear(self._conversation.turns[len(self._read)])
            return delta
        text = self._tokens[self._written]
        self._written += 1
        finish: FinishReason | None = "length" if self._written == self._room else None
        if self._written == len(self._tokens):
            finish = "stop"
        self._finished = finish is not None
        return replace(delta, text=text, completion_tokens=self._written, finish=finish)

    def _hear(self, turn: Turn) -> None:
        told = [_heard(next(self._clips)) if isinstance(part, Clip) else part for part in turn.content]
        self._read.append(f"{turn.role}: {' '.join(told)}")
        if len(self._read) == len(self._conversation.turns):
            answer = " | ".join(self._read) + _drawn(self._conversation.options)
            self._tokens = TOKEN.findall(" | ".join([answer] * self._repeat))


def _texts(conversation: Conversation) -> Iterator[str]:
    for turn in conversation.turns:
        yield from (part for part in turn.content if isinstance(part, str))


def _heard(clip: Samples) -> str:
    ledger = Ledger()
    ledger.accept(clip)
    words = "".join(word.text for word in ledger.words(len(clip)))
    return f"[{len(clip) / SAMPLE_RATE:.1f} s{':' if words else ''}{words}]"


def _drawn(options: ChatOptions) -> str:
    if not options.temperature:
        return ""
    return f" (temperature {options.temperature:g}, top_p {options.top_p:g}, seed {options.seed})"


class ScriptedChat(Scripted):
    card = replace(Scripted.card, kind="scripted-chat", chat_audio_s=2400.0)

    def begin_chat(self, conversation: Conversation, clips: Sequence[Samples]) -> Chat:
        return _Chat(conversation, clips)

    def step_chats(self, batch: Sequence[Chat]) -> list[Delta]:
        chats = cast("Sequence[_Chat]", batch)
        for chat in chats:
            self.suffer(chat.faults, chat.steps + 1)
        time.sleep(max(chat.slow for chat in chats))
        return [chat.step() for chat in chats]

    def close_chat(self, chat: Chat) -> None:
        """There is nothing to free."""


def load(spec: ModelSpec) -> ScriptedChat:
    return ScriptedChat(Path(spec.path) if spec.path else None)
