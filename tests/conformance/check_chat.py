"""What every model that chats promises (`models/chat.py`), as one suite: `check_chat(model, clips)`.

Knows nothing of any one model, and never asserts what is answered, only how it is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from models.base import Kind, Samples
from models.chat import BadConversation, Chat, ChatModel, ChatOptions, Clip, Conversation, Delta, Turn

STEPS = 10_000
"""More than any answer here takes, so that a chat that never ends fails and doesn't hang."""
TOKENS = 24
Asked = tuple[Conversation, Sequence[Samples]]


def check_chat(model: ChatModel, clips: Sequence[Samples]) -> None:
    """Run the whole suite on two clips (int16, 16 kHz) of different lengths."""
    assert model.card.chat_audio_s is not None
    assert len({len(clip) for clip in clips}) == len(clips) == 2
    asked = conversations(clips)
    alone = [answers(model, [each])[0] for each in asked]
    for told in alone:
        _check_told(told)
    _check_neighbours(model, asked, alone)
    _check_late_joiner(model, asked, alone)
    _check_cancelled(model, asked, alone)
    _check_length(model, asked[0])
    _check_seeds(model, asked[0])
    _check_usage(model, clips)
    _check_too_long(model)


def conversations(clips: Sequence[Samples], options: ChatOptions | None = None) -> list[Asked]:
    """About one clip, about two, about none, and with a history."""
    options = options or ChatOptions(max_tokens=TOKENS)
    first, second = (Clip(len(clip)) for clip in clips)
    return [
        (Conversation(turns=turns, options=options), heard)
        for turns, heard in (
            ((Turn("user", (first, "What is said?")),), clips[:1]),
            ((Turn("user", (first, "What is said, and what then?", second)),), clips),
            ((Turn("user", ("What can you do?",)),), []),
            (
                (
                    Turn("user", (second, "What is said?")),
                    Turn("assistant", ("Some words.",)),
                    Turn("user", ("Which?",)),
                ),
                clips[1:],
            ),
        )
    ]


def step(model: ChatModel, chats: Sequence[Chat], told: dict[Chat, list[Delta]]) -> bool:
    """One step for as many as keys and `max_batch` allow; whether there was any to do."""
    waiting = [(need, chat) for chat in chats if (need := chat.need)]
    if not waiting:
        return False
    # Whoever has had the fewest steps is next, as whoever has waited longest is in a worker.
    key = min(waiting, key=lambda pair: len(told[pair[1]]))[0].key
    assert {need.kind for need, _ in waiting} == {Kind.CHAT}
    batch = [chat for need, chat in waiting if need.key == key][: model.card.max_batch]
    deltas = model.step_chats(batch)
    assert len(deltas) == len(batch)
    for chat, delta in zip(batch, deltas, strict=True):
        assert not (told[chat] and told[chat][-1].finish), "a step behind the last"
        told[chat].append(delta)
        if delta.finish:
            assert chat.need is None, "nothing is needed behind the last step"
            model.close_chat(chat)
    return True


def answers(model: ChatModel, asked: Sequence[Asked]) -> list[list[Delta]]:
    """All that is told of chats that are answered side by side."""
    chats = [model.begin_chat(*each) for each in asked]
    told: dict[Chat, list[Delta]] = {chat: [] for chat in chats}
    for _ in range(STEPS):
        if not step(model, chats, told):
            break
    else:
        pytest.fail(f"not answered after {STEPS} steps")
    return list(told.values())


def text(told: Sequence[Delta]) -> str:
    return "".join(delta.text for delta in told)


def _check_told(told: Sequence[Delta]) -> None:
    assert [delta.finish for delta in told if delta.finish] == [told[-1].finish], "the last step ends it, and no other"
    counts = [delta.completion_tokens for delta in told]
    assert counts == sorted(counts)
    assert 0 < counts[-1] <= TOKENS
    steps = [after - before for before, after in zip([0, *counts], counts, strict=False)]
    assert max(steps) == 1, "a step writes one token"
    assert "\ufffd" not in text(told[:-1]), "a character is told whole"
    assert len({(delta.prompt_tokens, delta.audio_tokens) for delta in told if delta.completion_tokens}) == 1


def _check_neighbours(model: ChatModel, asked: Sequence[Asked], alone: Sequence[Sequence[Delta]]) -> None:
    together = answers(model, asked)
    assert [(text(told), told[-1]) for told in together] == [(text(told), told[-1]) for told in alone]


def _check_late_joiner(model: ChatModel, asked: Sequence[Asked], alone: Sequence[Sequence[Delta]]) -> None:
    first, late = model.begin_chat(*asked[1]), model.begin_chat(*asked[0])
    told: dict[Chat, list[Delta]] = {first: [], late: []}
    while not any(delta.text for delta in told[first]):
        step(model, [first], told)
    while step(model, [first, late], told):
        pass
    assert [text(each) for each in told.values()] == [text(alone[1]), text(alone[0])]


def _check_cancelled(model: ChatModel, asked: Sequence[Asked], alone: Sequence[Sequence[Delta]]) -> None:
    """A chat closed at any time, and twice, harms nobody."""
    for steps in (0, 1, 3):
        kept, given_up = model.begin_chat(*asked[0]), model.begin_chat(*asked[1])
        told: dict[Chat, list[Delta]] = {given_up: [], kept: []}
        for _ in range(steps):
            step(model, [given_up, kept], told)
        model.close_chat(given_up)
        model.close_chat(given_up)
        while step(model, [kept], told):
            pass
        assert text(told[kept]) == text(alone[0])


def _check_length(model: ChatModel, asked: Asked) -> None:
    """`max_tokens` ends an answer where it is, and a shorter answer begins like a longer one."""
    conversation, clips = asked
    for most in (1, 3):
        short = replace(conversation, options=replace(conversation.options, max_tokens=most))
        [told] = answers(model, [(short, clips)])
        assert told[-1].completion_tokens <= most
        if told[-1].completion_tokens == most:
            assert told[-1].finish in ("length", "stop")
        else:
            assert told[-1].finish == "stop"


def _check_seeds(model: ChatModel, asked: Asked) -> None:
    """What is drawn at random is drawn alike with the same seed, whoever is answered beside."""
    conversation, clips = asked
    options = ChatOptions(max_tokens=TOKENS, temperature=0.9, top_p=0.9)
    one, other = (replace(conversation, options=replace(options, seed=seed)) for seed in (7, -8))
    [first] = answers(model, [(one, clips)])
    beside = answers(model, [(other, clips), (one, clips)])
    assert text(beside[1]) == text(first)


def _check_usage(model: ChatModel, clips: Sequence[Samples]) -> None:
    """Audio counts, and text does."""
    asked = conversations(clips, ChatOptions(max_tokens=1))
    one, two, none, _ = (told[-1] for told in answers(model, asked))
    assert two.audio_tokens >= one.audio_tokens > none.audio_tokens == 0
    assert one.prompt_tokens > one.audio_tokens
    assert none.prompt_tokens > 0


def _check_too_long(model: ChatModel) -> None:
    words = " ".join(f"word{number}" for number in range(60_000))
    with pytest.raises(BadConversation):
        model.begin_chat(Conversation(turns=(Turn("user", (words,)),)), [])
