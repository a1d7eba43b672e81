"""models/scripted_chat.py"""

import pytest

from models import registry
from models.chat import BadConversation, ChatOptions, Clip, Conversation, Turn
from models.registry import ModelSpec
from models.scripted import ledger_audio
from models.scripted_chat import CONTEXT, ScriptedChat
from tests.conformance.check_chat import answers, check_chat, text
from tests.conformance.check_model import check_model
from tests.vad.voice import silence

TALK = ledger_audio(0, 12)


@pytest.fixture
def model():
    return ScriptedChat()


def asked(*content, clips=(), **options):
    return Conversation(turns=(Turn("user", content),), options=ChatOptions(**options)), list(clips)


def answer(model, *content, clips=(), **options):
    [told] = answers(model, [asked(*content, clips=clips, **options)])
    return text(told), told[-1]


def test_it_keeps_what_models_that_chat_promise(model):
    check_chat(model, [TALK, ledger_audio(20, 25)])


def test_it_is_the_scripted_model_as_well(model):
    check_model(model, [TALK, ledger_audio(20, 25)])


def test_the_answer_tells_all_that_was_given_in_order(model):
    turns = (
        Turn("system", ("Be brief.",)),
        Turn("user", (Clip(len(TALK)), "And then?", Clip(8_000))),
        Turn("assistant", ("Words.",)),
        Turn("user", ("Which?",)),
    )
    [told] = answers(model, [(Conversation(turns=turns), [TALK, silence(0.5)])])
    words = " ".join(f"w{number}" for number in range(12))
    assert text(told) == (
        f"system: Be brief. | user: [1.2 s: {words}] And then? [0.5 s] | assistant: Words. | user: Which?"
    )
    last = told[-1]
    assert (last.finish, last.prompt_tokens, last.audio_tokens) == ("stop", 2 * 375 + 6, 750)
    assert last.completion_tokens == len(text(told).split())


def test_what_would_be_drawn_at_random_is_told(model):
    assert answer(model, "Hi")[0] == "user: Hi"
    drawn = answer(model, "Hi", temperature=0.5, top_p=0.9, seed=7)[0]
    assert drawn == "user: Hi (temperature 0.5, top_p 0.9, seed 7)"


def test_an_answer_may_be_cut_and_told_over(model):
    said, last = answer(model, "Say it twice. repeat=2", max_tokens=3)
    assert (said, last.finish, last.completion_tokens) == ("user: Say it", "length", 3)
    assert answer(model, "repeat=2")[0] == "user: repeat=2 | user: repeat=2"


def test_the_context_ends_an_answer_and_refuses_what_leaves_no_room(model):
    almost = "a " * (CONTEXT - 3)
    said, last = answer(model, almost)
    assert (said, last.finish) == ("user: a a", "length")
    with pytest.raises(BadConversation, match=f"{CONTEXT} tokens"):
        answer(model, "a " * CONTEXT)


def test_faults_come_in_the_step_that_they_name(model):
    chat = model.begin_chat(*asked("raise@2:once"))
    model.step_chats([chat])
    with pytest.raises(RuntimeError):
        model.step_chats([chat])
    assert model.step_chats([chat])[0].text == "user:"


def test_the_registry_has_it_by_name():
    [resolved] = registry.resolve(["scripted-chat"])
    assert resolved.spec == ModelSpec(name="scripted-chat", kind="scripted-chat")
    assert registry.load(resolved.spec).card.chat_audio_s == 2400
