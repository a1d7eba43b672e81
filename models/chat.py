"""The seam for models that also chat: a conversation with audio in it goes in, an answer comes out piece by piece.

Knows nothing of sockets, processes or clocks. Audio is int16, mono, 16 kHz; lengths are samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from models.base import Model, Need, Samples

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length"]
"""Why an answer ends: the model had said it all, or it may not be longer."""


@dataclass(frozen=True, slots=True)
class Clip:
    """Where a clip is heard in a message. Which one: the n-th of a conversation's clips is its n-th Clip."""

    length: int


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. `content`: texts and clips in their order; a text is never empty."""

    role: Role
    content: tuple[str | Clip, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatOptions:
    """How an answer is to be written.

    temperature: 0 takes the likeliest token each time. top_p: share of probability that tokens are drawn from, above 0.
    max_tokens: the answer's most, None for the model's own limit. seed: equal seeds give equal answers, whatever else
    is answered meanwhile; None for any.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What is to be answered: at least one turn, the last of them the user's."""

    turns: tuple[Turn, ...]
    options: ChatOptions = ChatOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """What one step did for one chat.

    text: what it added to the answer, in whole characters; often nothing. finish: set by the last step, and no other.
    prompt_tokens: of the whole conversation, clips and markers included, of which audio_tokens stand for audio.
    completion_tokens: written so far.
    """

    text: str = ""
    finish: FinishReason | None = None
    prompt_tokens: int = 0
    audio_tokens: int = 0
    completion_tokens: int = 0


class BadConversation(ValueError):
    """A conversation that a model can't take: it is too long, say. Clients read the message."""


class Chat(Protocol):
    """A conversation and its answer as far as it is written; touched only by the thread that runs the model."""

    @property
    def need(self) -> Need | None:
        """The next step, of kind CHAT; None once it is finished, and while it waits for room that other chats take.

        Its key tells what the step costs: reading a piece of the conversation and writing a token are two keys.
        """


class ChatModel(Model, Protocol):
    """A model whose card has `chat_audio_s`."""

    def begin_chat(self, conversation: Conversation, clips: Sequence[Samples]) -> Chat:
        """Open a chat, quickly: what takes time is left to steps. Raises BadConversation.

        clips: all of the conversation's audio, each as long as its Clip says.
        """

    def step_chats(self, batch: Sequence[Chat]) -> list[Delta]:
        """Do what the chats' `need` says, all of equal key: one token more of each, or one piece of each conversation,
        so small that live speech may wait for it (0.2 s, where the device can); blocking. One Delta each, in order.

        What a chat says must not depend on its neighbours. An exception leaves all chats as they were: the caller then
        steps them one by one.
        """

    def close_chat(self, chat: Chat) -> None:
        """Give up a chat's memory; idempotent, at any time."""
