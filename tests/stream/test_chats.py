"""stream/chats.py, in the worker that it is a part of"""

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np
import pytest

from models.base import DecodeOptions, Hypothesis, Kind, ModelCard, Need
from models.chat import BadConversation, ChatOptions, Clip, Conversation, Delta, Turn
from stream.batch import FILE_PATIENCE_S
from stream.messages import (
    Begin,
    BeginChat,
    Cancel,
    ChatAudio,
    ChatRefused,
    Chatted,
    Failed,
    Finish,
    Push,
    Started,
    Stepped,
)
from stream.worker import FILE_STEP_S, PAUSE_S, TALK_S, Worker

STEP_S = 0.045


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@dataclass(eq=False)
class Chat:
    """Its first text says how it is answered; `broken` names the call that raises."""

    name: str
    clips: list
    left: list
    broken: str = ""
    waits: bool = False
    closed: int = 0
    key: Hashable = "write"

    @property
    def need(self):
        if self.broken == "need":
            raise RuntimeError("need")
        return Need(Kind.CHAT, self.key) if self.left and not self.waits else None


@dataclass(eq=False)
class Utterance:
    finished: bool = False
    fresh: int = 0

    @property
    def need(self):
        if self.finished:
            return Need(Kind.FINAL, "words")
        return Need(Kind.PARTIAL, "words") if self.fresh >= 1000 else None

    def accept(self, samples, speech):
        self.fresh += len(samples) * speech

    def finish(self, end):
        self.finished = True


@dataclass(eq=False)
class Model:
    """Answers word by word what it is asked, "break@CALL" aside. A step takes STEP_S."""

    clock: Clock
    chats: list = field(default_factory=list)
    steps: list = field(default_factory=list)
    row_s: float = 0.0
    card = ModelCard(kind="test", languages=("en",), max_batch=4, chat_audio_s=60.0)

    def begin_chat(self, conversation, clips):
        [text] = [part for part in conversation.turns[-1].content if isinstance(part, str)]
        if text == "too long":
            raise BadConversation("it is too long")
        broken = text.partition("break@")[2]
        if broken == "begin":
            raise RuntimeError("begin")
        self.chats.append(Chat(text, list(clips), text.split(), broken))
        return self.chats[-1]

    def step_chats(self, batch):
        if any(chat.broken == "step" for chat in batch):
            raise RuntimeError("step")
        self.steps.append([chat.name for chat in batch])
        self.clock.now += STEP_S + self.row_s * len(batch)
        deltas = []
        for chat in batch:
            word = chat.left.pop(0)
            deltas.append(Delta(text=f"{word} ", finish=None if chat.left else "stop"))
        return deltas

    def close_chat(self, chat):
        chat.closed += 1

    def begin(self, options, stable=(), carry=None):
        return Utterance()

    def step(self, batch):
        self.steps.append("words")
        for utterance in batch:
            utterance.fresh = 0
        return [Hypothesis(final=utterance.finished) for utterance in batch]

    def close(self, utterance):
        pass


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def model(clock):
    return Model(clock)


@pytest.fixture
def told():
    return []


@pytest.fixture
def worker(model, told, clock):
    return Worker(model, told.append, clock)


def chat(id, text="one two", *clips, stop=(), solo=False):
    content = (*map(Clip, clips), text)
    conversation = Conversation(turns=(Turn("user", content),), options=ChatOptions(max_tokens=9))
    return BeginChat(id, solo, conversation, stop)


def live(id, live=True):
    return Begin(id, live=live, solo=False, options=DecodeOptions(), stable=(), carry=None, so_far=())


def push(id, speech=True):
    return Push(id, bytes(2000), speech)


def take(worker, *orders):
    for order in orders:
        worker.take(order)


def run(worker, *orders):
    take(worker, *orders)
    while worker.turn():
        pass


def answer(told, id):
    deltas = [delta for report in told if isinstance(report, Chatted) for at, delta in report.deltas if at == id]
    return "".join(delta.text for delta in deltas), deltas[-1].finish if deltas else None


def test_a_chat_is_answered_step_by_step_and_closed(worker, model, told):
    run(worker, chat(1))
    assert told == [
        *(Started([1]), Chatted([(1, Delta(text="one "))], 100.0, 100.0 + STEP_S)),
        *(Started([1]), Chatted([(1, Delta(text="two ", finish="stop"))], 100.0 + STEP_S, 100.0 + 2 * STEP_S)),
    ]
    assert model.chats[0].closed == 1
    assert worker.rest_s is None


def test_its_clips_come_whole_however_they_were_cut(worker, model):
    audio = np.arange(700, dtype=np.int16)
    pieces = [ChatAudio(1, audio[start : start + 300].tobytes()) for start in (0, 300, 600)]
    run(worker, *pieces, ChatAudio(2, audio.tobytes()), chat(1, "both", 500, 200), chat(2, "one", 700))
    assert [clip.tolist() for clip in model.chats[0].clips] == [audio[:500].tolist(), audio[500:].tolist()]
    assert [clip.tolist() for clip in model.chats[1].clips] == [audio.tolist()]


def test_chats_share_their_steps(worker, model):
    run(worker, chat(1, "a b c"), chat(2, "d e"))
    assert model.steps == [["a b c", "d e"], ["a b c", "d e"], ["a b c"]]


def test_chats_take_turns_where_they_can_share_none(worker, model):
    take(worker, chat(1, "a b"), chat(2, "c d"))
    model.chats[0].key = "read"
    run(worker)
    assert model.steps == [["a b"], ["c d"], ["a b"], ["c d"]]


def test_a_step_has_fewer_chats_where_more_would_take_too_long_while_people_talk(worker, model, clock):
    model.row_s = FILE_STEP_S / 3
    clock.now += TALK_S
    run(worker, chat(1, "a"), chat(2, "b b"))
    model.steps.clear()
    take(worker, live(9), *(chat(id, "word word") for id in range(3, 7)))
    run(worker)
    assert len(model.steps[0]) == 2
    assert sum(map(len, model.steps)) == 8


def test_a_model_may_have_a_chat_wait_for_room(worker, model, told):
    take(worker, chat(1, "a b"), chat(2, "c"))
    model.chats[1].waits = True
    run(worker)
    assert answer(told, 1)[1] == "stop"
    assert worker.rest_s is None
    model.chats[1].waits = False
    run(worker)
    assert answer(told, 2) == ("c ", "stop")


def test_live_speech_goes_first_between_any_two_steps(worker, model, told):
    take(worker, live(9), chat(1, "a b c"))
    worker.turn()
    take(worker, push(9), Finish(9, 1000))
    worker.turn()
    worker.turn()
    assert model.steps == [["a b c"], "words", ["a b c"]]
    finals = [report for report in told if isinstance(report, Stepped)]
    assert [hypothesis.final for _, hypothesis in finals[0].hypotheses] == [True]


def test_no_step_is_begun_while_a_live_final_is_near(worker, model, clock):
    take(worker, live(9), push(9, False), chat(1, "a"))
    assert not worker.turn()
    assert worker.rest_s is not None, "it is looked at again"
    clock.now += PAUSE_S
    assert worker.turn()
    assert model.steps == [["a"]]


def test_it_does_not_starve_beside_those_who_talk_all_the_time(worker, model, clock):
    """Once in a while it has as long as a file's step, of which there is one at a time."""
    take(worker, live(9), chat(1, "a b c d e f g h i j k l m n"))
    began = clock.now
    while clock.now < began + 2.5 * FILE_PATIENCE_S:
        worker.take(push(9))
        clock.now += STEP_S
        worker.turn()
    runs = "".join("." if step == "words" else "c" for step in model.steps).strip(".").split(".")
    assert [len(run) for run in runs if run] == [int(FILE_STEP_S / STEP_S)] * 2


def test_files_and_chats_take_turns(worker, model, clock):
    take(worker, chat(1, "a b c"))
    for number in range(3):
        take(worker, live(10 + number, live=False), push(10 + number), Finish(10 + number, 1000))
    run(worker)
    assert sorted(map(str, model.steps)) == sorted(map(str, ["words", ["a b c"], ["a b c"], ["a b c"]]))
    assert model.steps.index("words") < 2


def test_an_answer_ends_before_a_text_that_stops_it(worker, model, told):
    run(worker, chat(1, "one two three four", stop=("three", "nine")))
    assert answer(told, 1) == ("one two ", "stop")
    assert (len(model.steps), model.chats[0].closed) == (3, 1)


def test_what_was_held_back_is_told_in_the_end(worker, told):
    run(worker, chat(1, "one two th", stop=("th three",)))
    assert answer(told, 1) == ("one two th ", "stop")


def test_a_conversation_that_the_model_refuses_costs_no_other(worker, told):
    run(worker, chat(1, "too long"), chat(2, "a"))
    assert ChatRefused(1, "it is too long") in told
    assert answer(told, 2) == ("a ", "stop")


@pytest.mark.parametrize("call", ["begin", "need", "step"])
def test_one_bad_chat_fails_alone(call, worker, model, told):
    run(worker, chat(1, "a b"), chat(2, f"break@{call}"), chat(3, "c d"))
    assert [report for report in told if isinstance(report, Failed)] == [Failed(2)]
    assert [answer(told, id) for id in (1, 3)] == [("a b ", "stop"), ("c d ", "stop")]
    assert [each.closed for each in model.chats] == [1] * len(model.chats)


def test_a_chat_that_failed_before_is_stepped_alone(worker, model):
    run(worker, chat(1, "a"), chat(2, "b", solo=True), chat(3, "c"))
    assert ["b"] in model.steps
    assert len(model.steps) == 2


def test_a_cancelled_chat_is_closed_at_once_and_silent(worker, model, told):
    take(worker, chat(1, "a b c"), chat(2, "d e"))
    worker.turn()
    take(worker, Cancel(1))
    assert model.chats[0].closed == 1
    run(worker, Cancel(1))
    assert answer(told, 1) == ("a ", None)
    assert answer(told, 2) == ("d e ", "stop")


def test_audio_of_a_chat_that_is_cancelled_before_it_begins_is_let_go(worker):
    take(worker, ChatAudio(1, bytes(200)), Cancel(1))
    assert worker._chats._audio == {}
