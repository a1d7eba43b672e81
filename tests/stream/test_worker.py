"""stream/worker.py, and the process it is the main module of"""

import signal
import subprocess
import sys
from itertools import pairwise
from queue import SimpleQueue

import numpy as np
import psutil
import pytest
import soundfile

from models import registry
from models.base import DecodeOptions, Hypothesis, Kind, ModelCard, Need
from models.registry import ModelSpec
from models.scripted import ledger_audio
from stream.costs import Costs
from stream.link import start_process
from stream.messages import Begin, Cancel, Failed, Finish, Heard, Load, Loaded, LoadFailed, Push, Started, Stepped
from stream.pace import SELDOM_S, Rung
from stream.worker import PAUSE_S, PROGRESS_S, TALK_S, Worker, serve

SCRIPTED = ModelSpec(name="scripted", kind="scripted")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Heeded:
    """An utterance that wants a step for each 1000 samples; `broken` names the call of it that raises."""

    def __init__(self, broken, rows=None):
        self.broken = broken
        self.rows = rows
        self.heard = self.stepped = 0
        self.finished = self.closed = False

    def _check(self, call):
        if self.broken == call:
            raise RuntimeError(call)

    @property
    def need(self):
        self._check("need")
        if self.finished:
            return Need(Kind.FINAL, 0, self.rows)
        return Need(Kind.PARTIAL, 0, self.rows) if self.heard - self.stepped >= 1000 else None

    def accept(self, samples, speech):
        self._check("accept")
        self.heard += len(samples)

    def finish(self, end):
        self._check("finish")
        self.finished = True


class Model:
    """Its utterances are told apart by their prompt."""

    def __init__(self, capacity=None, rows=None, tick_s=None):
        self.rows = rows
        self.card = ModelCard(kind="test", languages=("en",), max_batch=4, capacity=capacity, tick_s=tick_s)
        self.begun = []

    def begin(self, options, stable=(), carry=None):
        self.begun.append(Heeded(options.prompt, self.rows))
        self.begun[-1]._check("begin")
        return self.begun[-1]

    def step(self, batch):
        for utterance in batch:
            utterance._check("step")
            utterance.stepped = utterance.heard
        return [Hypothesis(covers=utterance.heard, final=utterance.finished) for utterance in batch]

    def close(self, utterance):
        utterance.closed = True


@pytest.fixture
def told():
    return []


@pytest.fixture
def worker(told):
    return Worker(Model(), told.append, Clock())


def begin(id, prompt=None, **fields):
    fields = {"live": True, "solo": False, "stable": (), "carry": None, "so_far": (), **fields}
    return Begin(id, options=DecodeOptions(prompt=prompt), **fields)


def push(id, length=1000):
    return Push(id, bytes(2 * length), True)


def run(worker, *orders):
    for order in orders:
        worker.take(order)
    while worker.turn():
        pass


def finals(told):
    return [
        id for report in told if isinstance(report, Stepped) for id, hypothesis in report.hypotheses if hypothesis.final
    ]


def test_a_step_is_announced_and_reported_with_all_its_utterances(worker, told):
    run(worker, begin(1), begin(2), push(1), push(2))
    assert told == [Started([1, 2]), Stepped([(1, Hypothesis(covers=1000)), (2, Hypothesis(covers=1000))], 0.0, 0.0)]


def test_an_utterance_begun_again_has_all_that_was_ordered_so_far(worker, told):
    run(worker, begin(1, so_far=(push(1), push(1), Finish(1, 1500))))
    assert told == [Started([1]), Stepped([(1, Hypothesis(covers=2000, final=True))], 0.0, 0.0)]


def test_an_open_utterance_may_be_begun_again(told):
    model = Model()
    worker = Worker(model, told.append, Clock())
    run(worker, begin(1), push(1, 500), begin(1, so_far=(push(1, 500),)), push(1, 400))
    assert told == []
    assert [utterance.closed for utterance in model.begun] == [True, False]
    run(worker, push(1, 100))
    assert len(told) == 2


def test_a_final_ends_an_utterance(worker, told):
    run(worker, begin(1), Finish(1, 0))
    assert finals(told) == [1]
    run(worker, push(1), Finish(1, 0), Cancel(1))
    assert finals(told) == [1]


def test_a_cancelled_utterance_is_closed_and_silent(told):
    model = Model()
    run(Worker(model, told.append, Clock()), begin(1), push(1), Cancel(1), push(1), Finish(1, 0))
    assert told == []
    assert model.begun[0].closed


def test_one_bad_utterance_fails_alone(worker, told):
    run(worker, begin(1), begin(2, "step"), begin(3), push(1), push(2), push(3))
    assert [report.ids for report in told if isinstance(report, Started)] == [[1, 2, 3], [1], [2], [3]]
    assert [id for report in told if isinstance(report, Stepped) for id, _ in report.hypotheses] == [1, 3]
    assert [report for report in told if isinstance(report, Failed)] == [Failed(2)]


@pytest.mark.parametrize("call", ["begin", "accept", "need", "finish", "step"])
def test_whatever_raises_fails_its_utterance_only(worker, told, call):
    run(worker, begin(1), begin(2, call), push(1), push(2), Finish(1, 0), Finish(2, 0))
    assert [report for report in told if isinstance(report, Failed)] == [Failed(2)]
    assert finals(told) == [1]


def test_a_solo_utterance_shares_no_step(worker, told):
    run(worker, begin(1), begin(2, solo=True), begin(3), push(1), push(2), push(3))
    assert [report.ids for report in told if isinstance(report, Started)] == [[1, 3], [2]]


def test_a_step_has_no_more_rows_than_its_need_allows(told):
    run(Worker(Model(rows=2), told.append, Clock()), begin(1), begin(2), begin(3), push(1), push(2), push(3))
    assert [report.ids for report in told if isinstance(report, Started)] == [[1, 2], [3]]


def test_progress_without_steps_is_told_now_and_then_for_all_at_once(told):
    clock = Clock()
    worker = Worker(Model(), told.append, clock)
    run(worker, begin(1), begin(2), begin(3), push(1, 10), push(2, 20))
    assert told == []
    assert worker.rest_s == PROGRESS_S
    clock.now += PROGRESS_S
    run(worker, push(1, 10))
    assert told == [Heard([(1, 20), (2, 20)])]
    assert worker.rest_s is None
    clock.now += PROGRESS_S
    run(worker, push(2, 5))
    assert told[1:] == [Heard([(2, 25)])]


class Slow(Model):
    """Its steps take `step_s` of the clock's time."""

    def __init__(self, clock, step_s):
        super().__init__()
        self.clock, self.step_s = clock, step_s
        self.sizes = []

    def step(self, batch):
        self.clock.now += self.step_s
        self.sizes.append(len(batch))
        return super().step(batch)


def talk(worker, clock, ids, seconds):
    """All of them talk, and nobody ends."""
    for id in ids:
        worker.take(begin(id))
    end = clock.now + seconds
    while clock.now < end:
        clock.now += 0.05
        for id in ids:
            worker.take(push(id, 800))
        worker.turn()


def test_partials_are_paced_by_what_steps_take(told):
    clock = Clock()
    worker = Worker(Slow(clock, 0.1), told.append, clock)
    talk(worker, clock, [1], 10)
    steps = [report for report in told if isinstance(report, Stepped)]
    talk(worker, clock, range(2, 6), 20)
    later = [report for report in told if isinstance(report, Stepped)][len(steps) :]
    assert sum(report.ended - report.started for report in later) <= 0.85 * 20
    assert {id for report in later for id, _ in report.hypotheses} == set(range(1, 6)) - {1}


def test_while_finals_are_late_partials_are_seldom(told):
    clock = Clock()
    worker = Worker(Slow(clock, 1.0), told.append, clock)
    for id in range(20):
        worker.take(begin(id, solo=True))
    for id in range(8, 20):
        worker.take(push(id, 1_600))
        run(worker, Finish(id, 0))
    late = len(told)
    for _ in range(200):
        clock.now += PROGRESS_S
        for id in range(4):
            worker.take(push(id, 1_600))
        worker.turn()
    steps = [report for report in told[late:] if isinstance(report, Stepped)]
    assert {report.rung for report in steps} == {Rung.SELDOM}
    for id in range(4):
        began = [report.started for report in steps if report.hypotheses[0][0] == id]
        assert len(began) >= 3
        assert all(later - earlier >= SELDOM_S for earlier, later in pairwise(began))


def test_a_step_for_several_is_short(told):
    clock = Clock()
    model = Slow(clock, 0.0)
    costs = Costs()
    for rows in (1, 4):
        for _ in range(9):
            costs.observe(0, rows, 0.2 * rows)
    worker = Worker(model, told.append, clock, costs)
    for id in range(4):
        worker.take(begin(id))
        worker.take(push(id))
    worker.turn()
    assert model.sizes == [3]


def recording(ids):
    return [order for id in ids for order in (begin(id, live=False), push(id), Finish(id, 0))]


def test_files_take_shorter_steps_while_people_talk(told):
    clock = Clock()
    model = Slow(clock, 0.0)
    costs = Costs()
    for rows in (1, 4):
        for _ in range(9):
            costs.observe(0, rows, 0.1 * rows)
    worker = Worker(model, told.append, clock, costs)
    run(worker, *recording(range(4)))
    assert model.sizes == [4]
    run(worker, begin(9), push(9, 100), *recording(range(4)))
    assert model.sizes[1:] == [2, 2]
    run(worker, Finish(9, 0))
    clock.now += TALK_S
    run(worker, *recording(range(4)))
    assert model.sizes[-1] == 4


def test_files_wait_for_the_final_of_someone_who_falls_silent(told):
    clock = Clock()
    worker = Worker(Model(), told.append, clock)
    run(worker, begin(1), push(1, 100), Push(1, bytes(100), False), *recording([2]))
    assert finals(told) == []
    clock.now += PAUSE_S
    run(worker)
    assert finals(told) == [2]
    run(worker, push(1, 100), *recording([3]))
    assert finals(told) == [2, 3]


def test_files_wait_for_nobody_who_is_silent_for_ever(told):
    clock = Clock()
    worker = Worker(Model(), told.append, clock)
    run(worker, begin(1), Push(1, bytes(100), False))
    for _ in range(10):
        clock.now += PAUSE_S
        worker.take(Push(1, bytes(100), False))
        run(worker, *recording([2]))
    assert finals(told).count(2) == 10


class Ticking(Model):
    """Its steps take a while."""

    def __init__(self, clock, step_s):
        super().__init__(tick_s=0.08)
        self._clock, self._step_s = clock, step_s

    def step(self, batch):
        self._clock.now += self._step_s
        return super().step(batch)


def stepped(told):
    return [report.ids for report in told if isinstance(report, Started)]


def test_a_model_with_a_tick_waits_for_more_to_come_due(told):
    clock = Clock()
    worker = Worker(Ticking(clock, 0.01), told.append, clock)
    run(worker, begin(1), begin(2), push(1))
    run(worker, push(2))
    assert stepped(told) == [[1]]
    assert worker.rest_s == pytest.approx(0.01)
    run(worker, push(1))
    clock.now += worker.rest_s
    run(worker)
    assert stepped(told) == [[1], [1, 2]]


def test_a_final_takes_all_along_that_are_due(told):
    clock = Clock()
    worker = Worker(Ticking(clock, 0.01), told.append, clock)
    run(worker, begin(1), begin(2), begin(3), push(1))
    run(worker, push(2), Finish(1, 1000))
    assert stepped(told) == [[1], [1, 2]]


def test_no_tick_is_left_out_however_late_finals_are(told):
    clock = Clock()
    worker = Worker(Ticking(clock, 1.0), told.append, clock)
    for id in range(1, 30):
        run(worker, begin(id), push(id), Finish(id, 1000))
    run(worker, begin(40), begin(41))
    del told[:]
    for _ in range(5):
        run(worker, push(40), push(41))
    assert stepped(told) == [[40, 41]] * 5
    assert {report.rung for report in told if isinstance(report, Stepped)} == {Rung.KEEPING_UP}


def test_waiting_for_a_slot_is_no_progress(told):
    clock = Clock()
    worker = Worker(Model(capacity=1), told.append, clock)
    run(worker, begin(1), begin(2), push(1, 10), push(2, 10))
    clock.now += PROGRESS_S
    run(worker)
    assert told == [Heard([(1, 10)])]
    clock.now += PROGRESS_S
    run(worker, Cancel(1))
    assert told[1:] == [Heard([(2, 10)])]


def lived(*orders):
    """What a worker reports in a life of these orders."""
    queue, told = SimpleQueue(), []
    for order in (*orders, None):
        queue.put(order)
    serve(queue, told.append)
    return told


def test_loading_reports_the_card():
    assert lived(Load(SCRIPTED, None)) == [Loaded(registry.load(SCRIPTED).card)]


def test_a_clip_is_decoded_before_a_model_counts_as_loaded(tmp_path, monkeypatch):
    clip = tmp_path / "clip.wav"
    soundfile.write(clip, np.zeros(16_000, np.int16), 16_000)
    model = Model()
    monkeypatch.setattr(registry, "load", lambda spec: model)
    assert lived(Load(SCRIPTED, str(clip))) == [Loaded(model.card)]
    assert {(utterance.heard, utterance.closed) for utterance in model.begun} == {(16_000, True)}
    assert len(model.begun) == 1 + model.card.max_batch
    monkeypatch.setattr(Model, "step", lambda self, batch: [Hypothesis()])
    assert lived(Load(SCRIPTED, str(clip))) == [LoadFailed("no final in the trial decode")]


def test_a_model_that_cannot_be_loaded_is_reported(monkeypatch):
    def load(spec):
        raise OSError("model.bin is cut short")

    monkeypatch.setattr(registry, "load", load)
    assert lived(Load(SCRIPTED, None)) == [LoadFailed("model.bin is cut short")]


# -- the process ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def link():
    link = await start_process()
    yield link
    await link.close()


async def test_a_process_decodes(link):
    audio = ledger_audio(5, 3)
    for order in (
        Load(SCRIPTED, None),
        begin(1),
        Push(1, audio.tobytes(), True),
        Finish(1, len(audio)),
    ):
        link.send(order)
    assert isinstance(await link.receive(), Loaded)
    reports = []
    while not finals(reports):
        reports.append(await link.receive())
    assert [word.text for word in reports[-1].hypotheses[0][1].words] == [" w5", " w6", " w7"]


async def test_a_process_outlives_signals_and_ends_with_its_pipe_even_in_a_step(link):
    link.send(Load(SCRIPTED, None))
    assert isinstance(await link.receive(), Loaded)
    child = psutil.Process(link._process.pid)
    child.send_signal(signal.SIGINT)
    child.send_signal(signal.SIGTERM)
    for order in (begin(1, "hang@1"), Finish(1, 0)):
        link.send(order)
    assert await link.receive() == Started([1])
    link._orders.close()
    assert await link.receive() is None


async def test_a_process_that_cannot_load_says_so_and_ends_quietly(capfd):
    link = await start_process()
    link.send(Load(ModelSpec(name="x", kind="whisper", path="/nowhere"), None))
    assert isinstance(await link.receive(), LoadFailed)
    assert await link.receive() is None
    await link.close()
    assert "Fatal" not in capfd.readouterr().err


async def test_what_libraries_print_does_not_get_between_reports(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(
        "import models.scripted as m, os\n"
        "real = m.load\n"
        "def load(spec):\n"
        "    print('loading', flush=True)\n"
        "    os.write(1, b'native noise')\n"
        "    return real(spec)\n"
        "m.load = load\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    link = await start_process()
    link.send(Load(SCRIPTED, None))
    assert isinstance(await link.receive(), Loaded)
    await link.close()


def test_a_worker_does_not_outlive_a_killed_server():
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        worker = psutil.Process(int(server.stdout.readline()))
        server.kill()
    assert psutil.wait_procs([worker], 20) == ([worker], [])


SERVER = """
import asyncio, time
from stream.costs import Costs
from stream.link import start_process

async def main():
    link = await start_process()
    print(link._process.pid, flush=True)
    time.sleep(60)

asyncio.run(main())
"""
