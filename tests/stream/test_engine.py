"""stream/engine.py and stream/link.py, over both kinds of link where a worker's end is not the point"""

import asyncio
import itertools
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from models import registry
from models.base import DecodeOptions
from models.chat import Clip, Conversation, Turn
from models.registry import ModelSpec
from models.scripted import Scripted, ledger_audio
from stream import engine as engine_module
from stream import load
from stream.engine import Decoded, Engine, EngineOptions, GaveUp, Layout, Progress, Restarted
from stream.errors import BadRequest, EngineFailed, Overloaded, StreamError
from stream.link import in_thread, start_process
from stream.messages import Loaded, LoadFailed, Measure, Measured
from stream.metrics import Metrics
from stream.ticket import DEATHS
from stream.usage import PROC
from stream.worker import serve

SPEC = ModelSpec(name="scripted", kind="scripted")
LEDGER = ledger_audio(0, 40)
NUMBERS = "".join(f" w{number}" for number in range(40))


class Utterance:
    """A session's view of one utterance: all that it was told."""

    def __init__(self, engine, prompt=None, *, live=True, carry=None, **options):
        self.updates = []
        self.pushed = 0
        self._told = asyncio.Event()
        self.ticket = engine.begin(DecodeOptions(prompt=prompt, **options), self._deliver, carry=carry, live=live)
        assert self.updates == []

    def _deliver(self, update):
        self.updates.append(update)
        self._told.set()

    def push(self, audio=LEDGER, chunk=1600):
        self.pushed += len(audio)
        for at in range(0, len(audio), chunk):
            self.ticket.push(audio[at : at + chunk], True)

    def count(self, kind):
        return sum(isinstance(update, kind) for update in self.updates)

    async def until(self, kind, count=1):
        """Wait for so many updates of a kind; the last of them."""
        while self.count(kind) < count:
            self._told.clear()
            await asyncio.wait_for(self._told.wait(), 30)
        return [update for update in self.updates if isinstance(update, kind)][count - 1]

    async def final(self):
        """Finish, and check that all promises were kept on the way."""
        self.ticket.finish(self.pushed)
        while not self.told or not self.told[-1].final:
            await self.until(Decoded, len(self.told) + 1)
        assert isinstance(self.updates[-1], Decoded)
        assert sum(hypothesis.final for hypothesis in self.told) == 1
        stable = ""
        for hypothesis in self.told:
            text = "".join(word.text for word in hypothesis.words)
            assert text.startswith(stable)
            stable = "".join(word.text for word in hypothesis.words[: hypothesis.agreed])
        assert self.ticket.pending == 0
        return self.told[-1]

    @property
    def told(self):
        return [update.hypothesis for update in self.updates if isinstance(update, Decoded)]


def text(hypothesis):
    return "".join(word.text for word in hypothesis.words)


@pytest.fixture(params=["thread", "process"])
def launch(request):
    return in_thread(serve) if request.param == "thread" else start_process


@asynccontextmanager
async def running(launch=start_process, spec=SPEC, **fields):
    options = EngineOptions(step_timeout_s=fields.pop("step_timeout_s", 30.0))
    engine = Engine(spec, options, launch=launch, **fields)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


def watched(launch, links, restart=None):
    """The same launch, with its links noted, and any but the first held until `restart` is set."""

    async def start():
        if links and restart:
            await restart.wait()
        links.append(await launch())
        return links[-1]

    return start


async def test_partials_then_one_final(launch):
    async with running(launch) as engine:
        assert (engine.ready, engine.failure, engine.card.kind) == (True, None, "scripted")
        utterance = Utterance(engine)
        utterance.push()
        await utterance.until(Decoded)
        final = await utterance.final()
        assert (text(final), final.rejected, final.carry) == (NUMBERS, None, "1")
        last = utterance.updates[-1]
        assert last.started <= last.ended <= asyncio.get_running_loop().time()


async def test_utterances_side_by_side_keep_their_options_and_audio(launch):
    async with running(launch) as engine:
        ledgers = [ledger_audio(100 * i, 20) for i in range(8)]
        tasks = ["transcribe", "translate"] * 4
        utterances = [Utterance(engine, task=task, carry=str(i)) for i, task in enumerate(tasks)]
        for at in range(0, len(LEDGER) // 2, 1600):
            for utterance, ledger in zip(utterances, ledgers, strict=True):
                utterance.push(ledger[at : at + 1600])
        finals = [await utterance.final() for utterance in utterances]
        for i, final in enumerate(finals):
            letter = "w" if tasks[i] == "transcribe" else "W"
            assert text(final) == "".join(f" {letter}{number}" for number in range(100 * i, 100 * i + 20))
            assert final.carry == str(i + 1)


async def test_pending_goes_to_zero_though_no_step_is_worth_doing(launch):
    async with running(launch) as engine:
        utterance = Utterance(engine, partials=False)
        utterance.push()
        assert (utterance.ticket.pending, engine.backlog_s) == (len(LEDGER), len(LEDGER) / 16_000)
        while utterance.ticket.pending:
            await utterance.until(Progress, len(utterance.updates) + 1)
        assert engine.backlog_s == 0
        assert utterance.told == []


async def test_a_cancelled_utterance_is_silent(launch):
    async with running(launch) as engine:
        gone, there = Utterance(engine), Utterance(engine)
        gone.push()
        gone.ticket.cancel()
        there.push()
        assert text(await there.final()) == NUMBERS
        assert gone.updates == []
        assert gone.ticket.pending == engine.backlog_s == 0


async def test_a_step_that_raises_fails_one_utterance(launch):
    async with running(launch) as engine:
        bad, good = Utterance(engine, "raise@1"), Utterance(engine)
        for utterance in (bad, good):
            utterance.push()
        assert text(await good.final()) == NUMBERS
        final = await bad.final()
        assert (text(final), final.rejected) == ("", "failed")
        assert [type(update) for update in bad.updates] == [Restarted, Restarted, GaveUp, Decoded]
        assert not any(isinstance(update, Restarted) for update in good.updates)


async def test_a_step_that_raises_once_is_made_up_for(launch):
    async with running(launch) as engine:
        utterance = Utterance(engine, "raise@3:once")
        utterance.push(LEDGER[:16_000])
        await utterance.until(Decoded, 1)
        utterance.push(LEDGER[16_000:32_000])
        await utterance.until(Decoded, 2)
        utterance.push(LEDGER[32_000:])
        await utterance.until(Restarted)
        assert text(await utterance.final()) == NUMBERS


async def test_a_worker_lost_without_a_step_costs_no_utterance(launch):
    links, restart, metrics = [], asyncio.Event(), Metrics()
    async with running(watched(launch, links, restart), metrics=metrics) as engine:
        talking, finished = Utterance(engine), Utterance(engine, partials=False)
        talking.push(LEDGER[:32_000])
        finished.push()
        await talking.until(Decoded)
        links[0].kill()
        finished.ticket.finish(len(LEDGER))
        await talking.until(Restarted)
        assert not engine.ready
        with pytest.raises(Overloaded):
            engine.admit(1)
        late = Utterance(engine)
        late.push()
        talking.push(LEDGER[32_000:])
        restart.set()
        for utterance in (talking, finished, late):
            assert text(await utterance.final()) == NUMBERS
        assert engine.ready
        assert len(links) == 2
    assert metrics.registry.get_sample_value("stt_worker_restarts_total", {"model": "scripted"}) == 1


async def test_what_a_worker_process_uses_is_told_while_it_lives():
    metrics = Metrics()
    async with running(start_process, metrics=metrics):
        used = metrics.registry.get_sample_value("stt_workers_resident_memory_bytes", {"model": "scripted"})
        assert used is None if not PROC.exists() else used > 0
    assert metrics.registry.get_sample_value("stt_workers_resident_memory_bytes", {"model": "scripted"}) is None


async def test_a_crash_ends_the_guilty_utterance_alone():
    async with running() as engine:
        guilty, innocent = Utterance(engine, "exit@1"), Utterance(engine)
        for utterance in (innocent, guilty):
            utterance.push()
        final = await guilty.final()
        assert final.rejected == "failed"
        assert guilty.count(GaveUp) == 1
        assert innocent.count(Restarted) == DEATHS
        assert innocent.count(GaveUp) == 0
        assert text(await innocent.final()) == NUMBERS


async def test_stable_words_outlive_a_crash():
    async with running() as engine:
        utterance = Utterance(engine, "exit@2")
        utterance.push(LEDGER[:32_000], chunk=32_000)
        for start in (32_000, 40_000, 48_000):
            partial = (await utterance.until(Decoded, utterance.count(Restarted) + 1)).hypothesis
            utterance.push(LEDGER[start : start + 8_000], chunk=8_000)
            if start < 48_000:
                await utterance.until(Restarted, utterance.count(Restarted) + 1)
        await utterance.until(GaveUp)
        final = utterance.told[-1]
        assert final.final
        assert final.words == partial.words[: partial.agreed]
        assert len(final.words) >= 15


async def test_a_hanging_step_is_killed_and_made_up_for(tmp_path):
    spec = replace(SPEC, path=str(tmp_path))
    async with running(spec=spec, step_timeout_s=0.5) as engine:
        hanging, other = Utterance(engine, "hang@1:once"), Utterance(engine)
        for utterance in (hanging, other):
            utterance.push()
        assert text(await hanging.final()) == NUMBERS
        assert text(await other.final()) == NUMBERS
        restarted = await hanging.until(Restarted)
        assert "0.5 s" in restarted.message


async def test_utterances_go_where_least_is_pending():
    async with running(layouts=[Layout(2, 1)]) as engine:
        stuck = Utterance(engine, "hang@1")
        stuck.push()
        for _ in range(3):
            free = Utterance(engine)
            free.push()
            assert text(await free.final()) == NUMBERS
        assert stuck.told == []


async def test_a_model_that_loads_no_more_gives_up_finished_utterances_until_it_does(monkeypatch):
    monkeypatch.setattr(engine_module, "BACKOFF_S", 0.0)
    real, broken, links = registry.load, False, []

    def load(spec):
        if broken:
            raise OSError("/secret/model.bin is gone")
        return real(spec)

    monkeypatch.setattr(registry, "load", load)
    async with running(watched(in_thread(serve), links)) as engine:
        finished, talking = Utterance(engine), Utterance(engine)
        broken = True
        links[0].kill()
        assert (await finished.final()).rejected == "failed"
        assert "/secret" not in (await finished.until(GaveUp)).message
        assert "/secret" in engine.failure
        with pytest.raises(EngineFailed) as refused:
            engine.admit(1)
        assert "/secret" not in refused.value.message
        late = Utterance(engine)
        assert (await late.final()).rejected == "failed"
        broken = False
        talking.push()
        await talking.until(Decoded)
        assert text(await talking.final()) == NUMBERS
        assert (engine.ready, engine.failure) == (True, None)


async def test_an_engine_that_cannot_start_says_why(launch):
    engine = Engine(ModelSpec(name="x", kind="scripted", path="/nowhere"), layouts=[Layout(2, 1)], launch=launch)
    with pytest.raises(EngineFailed, match=r"model `x` can't be loaded: .*/nowhere"):
        await engine.start()
    assert not engine.ready


async def test_a_model_that_never_finishes_loading_is_a_failure(monkeypatch):
    monkeypatch.setattr(engine_module, "LOAD_S", 0.01)

    def load_for_ever(orders, report):
        while orders.get() is not None:
            pass

    with pytest.raises(EngineFailed, match="still loading"):
        await Engine(SPEC, launch=in_thread(load_for_ever)).start()


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="step_timeout_s"):
        EngineOptions(step_timeout_s=0.0)


def tried_out(rates, ended, most=4):
    """Workers that decode so many clips a second, by their threads, and note when they end; `most` can be loaded."""
    started = itertools.count(1)

    def work(orders, report):
        load = orders.get()
        if next(started) > most:
            report(LoadFailed("out of memory"))
            return
        report(Loaded(Scripted.card))
        while (order := orders.get()) is not None:
            if isinstance(order, Measure):
                report(Measured(rates[load.spec.threads]))
        ended.append(load.spec.threads)

    return in_thread(work)


@pytest.mark.parametrize(
    ("rates", "kept"), [({2: 5.0, 1: 4.0}, [1, 1]), ({2: 5.0, 1: 3.0}, [2]), ({2: 1.0, 1: 1.9}, [2])]
)
async def test_more_workers_have_to_decode_more_and_each_quickly(rates, kept):
    ended = []
    layouts = [Layout(1, 2), Layout(2, 1)]
    async with running(tried_out(rates, ended), layouts=layouts, clip=Path("clip.flac")) as engine:
        assert engine.ready
        assert sorted([*ended, *kept]) == [1, 1, 2]
    assert sorted(ended) == [1, 1, 2]


async def test_a_layout_that_cannot_be_had_is_done_without():
    ended = []
    layouts = [Layout(1, 2), Layout(2, 1)]
    async with running(tried_out({2: 5.0, 1: 9.0}, ended, most=2), layouts=layouts, clip=Path("clip.flac")) as engine:
        assert engine.ready
        assert ended == [1]


async def test_who_came_just_now_counts_before_it_is_measured(monkeypatch):
    asked = []
    async with running(in_thread(serve)) as engine:
        monkeypatch.setattr(engine._busyness, "overload", lambda now, unmeasured: asked.append(unmeasured))
        leases = [engine.admit(2), engine.admit(1), engine.admit(1)]
        for lease, age in zip(leases, (60, 5, 0), strict=True):
            lease.since -= age
        engine.require_room()
        leases[2].release()
        leases[2].release()
        engine.require_room()
        assert engine.channels == 3
    assert asked == pytest.approx([1.5 / 2.5, 0.5 / 2.5], abs=0.02)


async def test_an_engine_that_is_always_busy_has_no_room(monkeypatch):
    async with running(in_thread(serve)) as engine:
        engine.require_room()
        monkeypatch.setattr(engine._busyness, "overload", lambda now, unmeasured: "decoding takes 99 % of its time")
        with pytest.raises(Overloaded, match="99 %"):
            engine.require_room()


async def test_only_live_speech_makes_it_busy(monkeypatch):
    noted = []
    async with running(in_thread(serve)) as engine:
        monkeypatch.setattr(engine._busyness, "stepped", lambda *times: noted.append(times))
        monkeypatch.setattr(engine._busyness, "final", lambda *times: noted.append(times))
        for live in (False, True):
            utterance = Utterance(engine, live=live)
            utterance.push()
            await utterance.final()
            assert bool(noted) is live


async def test_speech_without_text_is_begun_again(monkeypatch):
    monkeypatch.setattr(engine_module, "SPEECH_WITHOUT_TEXT_S", 0.5)
    async with running(in_thread(serve)) as engine:
        utterance = Utterance(engine, "mute")
        utterance.push()
        told = await utterance.until(Restarted)
        assert "without text" in told.message
        assert (await utterance.final()).final
        assert utterance.count(Restarted) == 1


async def test_capacity_is_shared_by_channels_that_take_turns(monkeypatch):
    monkeypatch.setattr(Scripted, "card", replace(Scripted.card, capacity=2))
    async with running(in_thread(serve)) as engine:
        leases = [engine.admit(1), engine.admit(3)]
        with pytest.raises(Overloaded):
            engine.admit(1)
        leases[0].release()
        leases[0].release()
        with pytest.raises(Overloaded):
            engine.admit(2)
        engine.admit(1)


async def test_a_model_may_say_how_many_channels_it_has(monkeypatch):
    monkeypatch.setattr(Scripted, "card", replace(Scripted.card, capacity=4, channels=3))
    async with running(in_thread(serve)) as engine:
        engine.require_channel()
        lease = engine.admit(3)
        with pytest.raises(Overloaded):
            engine.require_channel()
        with pytest.raises(Overloaded):
            engine.admit(1)
        lease.release()
        engine.require_channel()


async def test_steps_that_fill_the_time_are_no_overload(monkeypatch):
    monkeypatch.setattr(load, "BUSY", 0.001)
    for tick_s, refusal in ((None, pytest.raises(Overloaded)), (0.08, nullcontext())):
        monkeypatch.setattr(Scripted, "card", replace(Scripted.card, tick_s=tick_s))
        async with running(in_thread(serve)) as engine:
            utterance = Utterance(engine, "slow=0.5")
            utterance.push(LEDGER[:3_200])
            await utterance.final()
            with refusal:
                engine.require_room()


async def test_who_changes_a_session_needs_no_second_place_for_it(monkeypatch):
    monkeypatch.setattr(Scripted, "card", replace(Scripted.card, capacity=1))
    async with running(in_thread(serve)) as engine, running(in_thread(serve)) as other:
        lease = engine.admit(2)
        assert engine.admit(2, lease)
        elsewhere = other.admit(2)
        with pytest.raises(Overloaded):
            engine.admit(1, elsewhere)


async def test_steps_are_counted(launch):
    metrics = Metrics()
    async with running(launch, metrics=metrics) as engine:
        utterance = Utterance(engine)
        await utterance.final()
        value = metrics.registry.get_sample_value
        assert value("stt_decode_seconds_count", {"model": "scripted"}) == 1
        assert value("stt_batch_size_sum", {"model": "scripted"}) == 1
        utterance = Utterance(engine, partials=False)
        utterance.push(LEDGER[:8_000])
        assert value("stt_backlog_seconds", {"model": "scripted"}) == 0.5


# -- chats ------------------------------------------------------------------------------------------------------------


CHATTING = ModelSpec(name="scripted-chat", kind="scripted-chat")


class Asked:
    """A request's view of one chat."""

    def __init__(self, engine, text, audio=LEDGER[:16_000]):
        self.updates = asyncio.Queue()
        self.ticket = engine.chat(self.updates.put_nowait)
        self._asked = Conversation(turns=(Turn("user", (Clip(len(audio)), text)),))
        self._audio = audio

    def begin(self):
        for at in range(0, len(self._audio), 1600):
            self.ticket.push(self._audio[at : at + 1600])
        self.ticket.begin(self._asked)
        return self

    async def delta(self):
        update = await asyncio.wait_for(self.updates.get(), 30)
        if isinstance(update, StreamError):
            raise update
        return update

    async def answer(self):
        said = [await self.delta()]
        while said[-1].finish is None:
            said.append(await self.delta())
        return "".join(delta.text for delta in said)


def chat_answer(text):
    return f"user: [1.0 s: {' '.join(f'w{number}' for number in range(10))}] {text}"


async def test_chats_are_answered_beside_utterances(launch):
    async with running(launch, CHATTING) as engine:
        chats = [Asked(engine, f"Question {number}").begin() for number in range(5)]
        utterance = Utterance(engine)
        utterance.push()
        assert [await chat.answer() for chat in chats] == [chat_answer(f"Question {number}") for number in range(5)]
        assert text(await utterance.final()) == NUMBERS
        assert engine._replicas[0].chats == {}


async def test_a_chat_that_is_cancelled_takes_no_more_steps():
    async with running(in_thread(serve), CHATTING) as engine:
        long, other = Asked(engine, "repeat=2000").begin(), Asked(engine, "Hi")
        while not (await long.delta()).text:
            pass
        long.ticket.cancel()
        assert list(engine._replicas[0].chats) == [other.ticket.id]
        assert await other.begin().answer() == chat_answer("Hi")
        said = long.updates.qsize()
        assert await Asked(engine, "Hi").begin().answer() == chat_answer("Hi")
        assert long.updates.qsize() == said


async def test_a_worker_that_dies_before_an_answer_costs_it_nothing(tmp_path):
    async with running(spec=replace(CHATTING, path=str(tmp_path))) as engine:
        guilty, bystander = Asked(engine, "exit@1:once"), Asked(engine, "Hi")
        half = Asked(engine, "Later")
        half.ticket.push(half._audio[:800])
        guilty.begin()
        assert await bystander.begin().answer() == chat_answer("Hi")
        assert await guilty.answer() == chat_answer("exit@1:once")
        half.ticket.push(half._audio[800:])
        half.ticket.begin(half._asked)
        assert await half.answer() == chat_answer("Later")


async def test_a_worker_that_dies_within_an_answer_ends_it_with_an_error():
    async with running(spec=CHATTING) as engine:
        chat = Asked(engine, "exit@4").begin()
        with pytest.raises(EngineFailed, match="the decoder died"):
            await chat.answer()
        assert await Asked(engine, "Hi").begin().answer() == chat_answer("Hi")


async def test_a_chat_that_kills_each_worker_is_given_up():
    async with running(spec=CHATTING) as engine:
        utterance = Utterance(engine)
        with pytest.raises(EngineFailed, match="the decoder died"):
            await Asked(engine, "exit@1").begin().answer()
        utterance.push()
        assert text(await utterance.final()) == NUMBERS


async def test_a_chat_that_raises_is_given_up_alone():
    async with running(in_thread(serve), CHATTING) as engine:
        bad, good = Asked(engine, "raise@1").begin(), Asked(engine, "Hi").begin()
        with pytest.raises(EngineFailed, match="the decoder failed"):
            await bad.answer()
        assert await good.answer() == chat_answer("Hi")


async def test_a_chat_whose_step_hangs_is_given_up():
    async with running(spec=CHATTING, step_timeout_s=0.3) as engine:
        with pytest.raises(EngineFailed, match=r"a step took over 0\.3 s"):
            await Asked(engine, "hang@3").begin().answer()


async def test_the_models_refusal_reaches_the_client():
    async with running(in_thread(serve), CHATTING) as engine:
        with pytest.raises(BadRequest, match="this model takes"):
            await Asked(engine, "a " * 40_000).begin().answer()


async def test_without_hope_for_a_worker_chats_are_given_up(monkeypatch):
    monkeypatch.setattr(engine_module, "BACKOFF_S", 0.0)
    links = []
    async with running(watched(failing_after(1), links), CHATTING) as engine:
        early = Asked(engine, "slow=9").begin()
        links[0].kill()
        with pytest.raises(EngineFailed, match="can't be loaded again"):
            await early.answer()
        with pytest.raises(EngineFailed, match="can't be loaded again"):
            await Asked(engine, "Hi").begin().answer()


def failing_after(count):
    """Launches so many workers in threads, then none."""
    left = [count]

    async def start():
        if not left[0]:
            raise OSError("no more")
        left[0] -= 1
        return await in_thread(serve)()

    return start
