"""`models.voxtral_chat`: tiny models of the true classes answer what transformers' own `generate` has them answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from models.base import SAMPLE_RATE, Samples  # noqa: E402
from models.chat import BadConversation, ChatModel, ChatOptions, Clip, Conversation, Delta, Turn  # noqa: E402
from models.registry import ModelSpec, load  # noqa: E402
from models.tekken import Tekken  # noqa: E402
from models.voxtral_chat import Chats, drawn  # noqa: E402
from tests.conformance.check_chat import answers, check_chat, text  # noqa: E402
from tests.models.test_whisper import noise  # noqa: E402
from tests.models.tiny_voxtral import build  # noqa: E402

SHORT, LONG = noise(2), noise(31, 1)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("voxtral"), ends=1.5)


@pytest.fixture(scope="module")
def model(directory: Path) -> ChatModel:
    return cast(ChatModel, load(ModelSpec(name="tiny", kind="voxtral", path=str(directory))))


def turn(role: str, *content: Samples | str) -> tuple[Turn, list[Samples]]:
    """A turn, and its clips."""
    parts = tuple(part if isinstance(part, str) else Clip(len(part)) for part in content)
    return Turn(cast(Any, role), parts), [part for part in content if not isinstance(part, str)]


def asked(*turns: tuple[Turn, list[Samples]], **options: Any) -> tuple[Conversation, list[Samples]]:
    conversation = Conversation(turns=tuple(turn for turn, _ in turns), options=ChatOptions(**options))
    return conversation, [clip for _, clips in turns for clip in clips]


def test_keeps_the_contract(model: ChatModel) -> None:
    check_chat(model, [SHORT, noise(1, 2)])


# -- as transformers ----------------------------------------------------------------------------------------------


CONVERSATIONS = {
    "a clip": [turn("user", SHORT, "What is said?")],
    "longer than a window": [turn("user", "And here?", LONG)],
    "several clips": [turn("user", SHORT, noise(1, 2), "Which of them?", noise(3, 3), "Or that?")],
    "text alone": [turn("user", "Who are you?")],
    "several texts": [turn("user", "One.", "Two.", SHORT, "Three.", "Four. ")],
    "a system message": [turn("system", "Be brief. "), turn("system", "And kind."), turn("user", "What is said?")],
    "turns": [turn("user", SHORT), turn("assistant", "Some words.  "), turn("user", "Which?", noise(1, 2))],
    "the same twice": [turn("user", SHORT), turn("user", "What?", "How?"), turn("user", "Who?")],
    "what is no token": [turn("user", "[INST] [AUDIO] </s> ☃")],
}


def reference(directory: Path, turns: Sequence[tuple[Turn, list[Samples]]], limit: int) -> tuple[str, int]:
    """transformers' answer, and how many tokens the conversation has."""
    import base64
    import io

    import soundfile

    def encoded(samples: Samples) -> dict[str, str]:
        file = io.BytesIO()
        soundfile.write(file, samples, SAMPLE_RATE, format="wav")
        return {"type": "audio", "base64": base64.b64encode(file.getvalue()).decode()}

    conversation = []
    for each, clips in turns:
        rest = iter(clips)
        content: Any = [
            {"type": "text", "text": part} if isinstance(part, str) else encoded(next(rest)) for part in each.content
        ]
        if each.role != "user":
            content = "\n\n".join(part["text"] for part in content)
        conversation.append({"role": each.role, "content": content})
    features = transformers.WhisperFeatureExtractor.from_pretrained(directory)
    tokenizer = transformers.MistralCommonBackend.from_pretrained(str(directory))
    processor = transformers.VoxtralProcessor(features, tokenizer)
    network = transformers.VoxtralForConditionalGeneration.from_pretrained(directory)
    inputs = processor.apply_chat_template(conversation)
    with torch.inference_mode():
        told = network.generate(**inputs, max_new_tokens=limit, do_sample=False)
    length = inputs["input_ids"].shape[1]
    return processor.decode(told[0, length:], skip_special_tokens=True), length


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_answers_what_transformers_has_it_answer(directory: Path, model: ChatModel, name: str) -> None:
    turns = CONVERSATIONS[name]
    [told] = answers(model, [asked(*turns, max_tokens=24)])
    expected, tokens = reference(directory, turns, 24)
    assert text(told) == expected
    assert told[-1].prompt_tokens == tokens


def test_a_system_message_may_stand_before_a_clip(tmp_path: Path) -> None:
    """mistral_common allows that from this version on."""
    directory = build(tmp_path, version="v13")
    turns = [turn("system", "Be brief. "), turn("user", SHORT, "What is said?")]
    model = cast(ChatModel, load(ModelSpec(name="tiny", kind="voxtral", path=str(directory))))
    [told] = answers(model, [asked(*turns, max_tokens=24)])
    assert (text(told), told[-1].prompt_tokens) == reference(directory, turns, 24)


# -- steps --------------------------------------------------------------------------------------------------------


def stages(model: ChatModel, conversation: Conversation, clips: Sequence[Samples]) -> list[str]:
    chat = model.begin_chat(conversation, clips)
    told = []
    while need := chat.need:
        told.append(cast(Any, need.key)[1])
        model.step_chats([chat])
    return told


def test_no_step_hears_or_reads_more_than_a_window(model: ChatModel) -> None:
    conversation, clips = asked(turn("user", noise(95), "x" * 1_000), max_tokens=1)
    assert stages(model, conversation, clips) == ["read", *["listen"] * 4, *["read"] * 4, *["read"] * 2, "write"]


def test_a_step_that_fails_is_done_again_as_if_it_had_not_been(
    model: ChatModel, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails in the network's last layer, for the second of two, when the first is through."""
    each = asked(turn("user", SHORT, "What is said?"), max_tokens=12), asked(turn("user", "Who?"), max_tokens=12)
    alone = [text(answers(model, [one])[0]) for one in each]
    network = cast(Any, model)._chats._network
    calls = 0

    def failing(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls % 5 == 2:
            raise torch.OutOfMemoryError
        return forward(*arguments, **named)

    mlp = network.model.language_model.layers[-1].mlp
    forward = mlp.forward
    monkeypatch.setattr(mlp, "forward", failing)
    chats = [model.begin_chat(*one) for one in each]
    told: list[list[Delta]] = [[], []]
    while any(chat.need for chat in chats):
        waiting = [i for i, chat in enumerate(chats) if chat.need]
        batch = [i for i in waiting if cast(Any, chats[i].need).key == cast(Any, chats[waiting[0]].need).key]
        try:
            deltas = model.step_chats([chats[i] for i in batch])
        except torch.OutOfMemoryError:
            continue
        for i, delta in zip(batch, deltas, strict=True):
            told[i].append(delta)
    assert calls > 10
    assert [text(one) for one in told] == alone


# -- memory -------------------------------------------------------------------------------------------------------


def chats(directory: Path, room: int) -> Chats:
    network = transformers.VoxtralForConditionalGeneration.from_pretrained(directory)
    return Chats(network, Tekken(directory / "tekken.json"), 375, room)


def test_a_chat_waits_for_the_room_of_those_before_it(directory: Path) -> None:
    shared = chats(directory, 1_000)
    conversation, clips = asked(turn("user", SHORT, "What?"), max_tokens=200)
    first, second, third = (shared.begin(conversation, clips) for _ in range(3))
    assert [bool(chat.need) for chat in (first, second, third)] == [True, False, False]
    shared.close(second)
    shared.close(first)
    assert third.need
    while not shared.step([third])[0].finish:
        pass
    assert (third.need, shared._room) == (None, 1_000)
    shared.close(third)
    assert shared._room == 1_000


def test_an_answer_is_no_longer_than_there_is_room(directory: Path) -> None:
    endless = chats(build(directory.parent / "endless", ends=0), 500)
    chat = endless.begin(*asked(turn("user", SHORT, "What?")))
    told = []
    while chat.need:
        told += endless.step([chat])
    assert told[-1].finish == "length"
    assert told[-1].prompt_tokens + told[-1].completion_tokens == 500


def test_what_is_too_long_or_empty_is_refused(directory: Path) -> None:
    small = chats(directory, 500)
    with pytest.raises(BadConversation, match=r"the messages have 7\d\d tokens, 375 for each 30 s .* takes 499 here"):
        small.begin(*asked(turn("user", SHORT, SHORT)))
    with pytest.raises(BadConversation, match="a clip is empty"):
        small.begin(*asked(turn("user", SHORT[:0], "What?")))
    assert small._room == 500
    assert (small.audio_s, chats(directory, 2_560 + 800).audio_s) == (0, 60)


# -- drawing ------------------------------------------------------------------------------------------------------


def test_the_likeliest_is_taken_without_a_temperature() -> None:
    logits = torch.tensor([0.0, 2.0, 1.0])
    assert {drawn(logits, ChatOptions(), torch.Generator()) for _ in range(20)} == {1}


@pytest.mark.parametrize(("top_p", "drawn_from"), [(1.0, {0, 1, 2}), (0.9, {1, 2}), (0.5, {1}), (1e-9, {1})])
def test_tokens_are_drawn_from_the_likeliest(top_p: float, drawn_from: set[int]) -> None:
    """Their shares are 0.07, 0.67 and 0.26: as few of them as make up `top_p`, the likeliest first."""
    logits, random = torch.tensor([-0.3, 2.0, 1.05]), torch.Generator().manual_seed(0)
    options = ChatOptions(temperature=1.0, top_p=top_p)
    counts = np.bincount([drawn(logits, options, random) for _ in range(300)], minlength=3)
    assert set(np.flatnonzero(counts)) == drawn_from
    if len(drawn_from) == 3:
        assert counts / 300 == pytest.approx(logits.softmax(-1).numpy(), abs=0.08)


def test_a_temperature_next_to_nothing_is_as_none() -> None:
    options = replace(ChatOptions(), temperature=1e-40)
    assert {drawn(torch.tensor([0.0, 2.0, 1.0]), options, torch.Generator()) for _ in range(20)} == {1}
