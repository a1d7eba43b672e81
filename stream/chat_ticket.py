"""The server's half of one chat: keeps what it was told until there is an answer, so that it can be begun again.

Knows nothing of workers: orders go to `send`, and what is learnt comes in as calls.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from models.base import Samples
from models.chat import Conversation, Delta
from stream.errors import BadRequest, EngineFailed, StreamError
from stream.messages import BeginChat, Cancel, ChatAudio, Order

DEATHS = 3
"""Failures of a chat, before it has said anything, after which it is given up."""

log = logging.getLogger("steno.engine")


class ChatTicket:
    """What `Engine.chat` gives out: `push` all audio, then `begin`. All calls return at once.

    Deltas come on the event loop, in order, never from inside a call, until one that has `finish`, or an error in its
    place, unless `cancel` comes first; calls after that do nothing.
    """

    def __init__(self, id: int, deliver: Callable[[Delta | StreamError], None], send: Callable[[Order], None]) -> None:
        self.id = id
        self._deliver = deliver
        self._send = send
        self._audio: list[ChatAudio] = []
        self._begun: tuple[Conversation, tuple[str, ...]] | None = None
        self._deaths = 0
        self._said = False
        self._over = False

    @property
    def begun(self) -> bool:
        return self._begun is not None

    def push(self, samples: Samples) -> None:
        """The next samples of the conversation's clips, one behind the other."""
        if not self._over:
            self._audio.append(ChatAudio(self.id, samples.tobytes()))
            self._send(self._audio[-1])

    def begin(self, conversation: Conversation, stop: tuple[str, ...] = ()) -> None:
        """All audio was pushed: have it answered, up to the first text of `stop` in the answer."""
        if not self._over:
            self._begun = conversation, stop
            self._send(self._order(*self._begun))

    def cancel(self) -> None:
        """Nobody wants to know any more."""
        if not self._over:
            self._leave()
            self._send(Cancel(self.id))

    # -- for the engine alone: what becomes of the chat --

    def replay(self) -> None:
        """Have a worker that knows nothing of the chat begin it."""
        for piece in self._audio:
            self._send(piece)
        if self._begun is not None:
            self._send(self._order(*self._begun))

    def hear(self, delta: Delta) -> None:
        """A step's outcome."""
        if delta.text:
            self._said = True
            self._audio = []  # it won't be begun again
        if delta.finish is not None:
            self._leave()
        self._tell(delta)

    def refuse(self, message: str) -> None:
        """The model can't take the conversation."""
        self._end(BadRequest(message, param="messages"))

    def fail(self, message: str, *, blamed: bool) -> None:
        """The worker has lost the chat, perhaps because of it. Unless this is the end of it, `replay` is due."""
        self._deaths += blamed
        # What was said can't be taken back, and another answer may go on otherwise.
        if self._said or self._deaths >= DEATHS:
            self.give_up(message)

    def give_up(self, message: str) -> None:
        self._end(EngineFailed(f"the chat can't be answered: {message}"))

    def _order(self, conversation: Conversation, stop: tuple[str, ...]) -> BeginChat:
        return BeginChat(self.id, self._deaths > 0, conversation, stop)

    def _end(self, error: StreamError) -> None:
        if not self._over:
            self.cancel()
            self._tell(error)

    def _leave(self) -> None:
        self._over = True
        self._audio = []

    def _tell(self, update: Delta | StreamError) -> None:
        try:
            self._deliver(update)
        except Exception:
            # One request's fault must not reach those that share its worker.
            log.exception("chat %d is dropped: its request failed", self.id)
            self.cancel()
