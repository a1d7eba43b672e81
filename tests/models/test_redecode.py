from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.base import SAMPLE_RATE, DecodeOptions, Hypothesis, Kind, ModelCard, Rejection, Samples, Word
from models.redecode import CLEAN, FORGOTTEN, GRID, KEPT, REMEMBERED, TAIL, Decoded, Redecode, Sound, Window
from tests.conformance.check_model import Listener, check_model, listen, step

TICK = 320
WORD = 6_400
OPTIONS = DecodeOptions(languages=("en",))


def clip(seconds: float, start: int = 1) -> Samples:
    """Audio that says where it is: each sample holds the number of its 20 ms, from `start` on."""
    return (start + np.arange(int(seconds * SAMPLE_RATE)) // TICK).astype(np.int16)


def said(until: int, start: int = 1) -> list[str]:
    """The words that are spoken in full before a sample of `clip(..., start)`: one each 0.4 s of the audio's clock."""
    origin = (start - 1) * TICK
    first = -(-origin // WORD)
    return [f" w{n}" for n in range(first, (origin + until) // WORD)]


class Audio:
    """A `Sound` that is nothing but its samples."""

    def __init__(self) -> None:
        self.samples = np.empty(0, np.int16)

    def push(self, samples: Samples) -> None:
        self.samples = np.concatenate([self.samples, samples])

    def trim(self, start: int) -> None:
        assert start % GRID == 0
        self.samples = self.samples[start:]


@dataclass
class Ledger:
    """A `Decoder` that reads `clip` exactly, but for what it is told to do wrong.

    The word at the window's end, if cut, is misheard otherwise at each length. `trips`: what guards say, in order of
    calls. `cap`: words that fit into one window. `sure`: how sure it is. `heard`, `origins`: windows so far, and
    where in the clip they began.
    """

    trips: list[Rejection | None] = field(default_factory=list)
    cap: int = 1_000
    sure: float = 0.9
    carries: bool = False
    window: int = 30 * SAMPLE_RATE
    passage: int = 30 * SAMPLE_RATE
    heard: list[Window] = field(default_factory=list)
    origins: list[int] = field(default_factory=list)
    hop = SAMPLE_RATE // 2
    card = ModelCard(kind="ledger", languages=("en", "de"), detects=True, prompt=True, keywords=True, max_batch=4)

    def sound(self) -> Sound:
        return Audio()

    def key(self, window: Window) -> Hashable:
        return (len(window.options.prompt or ""), window.kind is Kind.RETRY)

    def decode(self, windows: Sequence[Window]) -> list[Decoded]:
        self.heard += windows
        return [self._decode(window) for window in windows]

    def _decode(self, window: Window) -> Decoded:
        assert window.end <= self.window
        samples = window.sound.samples[: window.end]
        origin = (int(samples[0]) - 1) * TICK
        origin += TICK - 1 - int(np.argmax(samples[:TICK] != samples[0]) - 1) % TICK
        self.origins.append(origin)
        end = origin + len(samples)
        words = []
        for n in range(-(-origin // WORD), -(-end // WORD)):
            whole = (n + 1) * WORD <= end
            text = f" w{n}" if whole else f" cut{window.end}"
            words.append(Word(text, n * WORD - origin, min((n + 1) * WORD, end) - origin, self.sure))
        for i, text in enumerate(window.prefix):
            words[i] = words[i].spelled(text)
        return Decoded(
            words=tuple(words[: self.cap]),
            language=window.language or "de",
            tripped=self.trips.pop(0) if self.trips else None,
            complete=len(words) <= self.cap,
        )


def told(ledger: Ledger, samples: Samples, options: DecodeOptions = OPTIONS) -> list[Hypothesis]:
    return listen(Redecode(ledger), [samples], options)[0]


def texts(hypothesis: Hypothesis) -> list[str]:
    return [word.text for word in hypothesis.words]


def test_keeps_the_contract() -> None:
    check_model(Redecode(Ledger()), [clip(3), clip(2.5, 400), clip(4, 800)])


def test_a_partial_early_and_then_each_hop_then_the_final() -> None:
    hypotheses = told(Ledger(), clip(2))
    assert [hypothesis.covers for hypothesis in hypotheses] == [3_200, 11_200, 19_200, 27_200, 32_000]
    assert [hypothesis.agreed for hypothesis in hypotheses] == [0, 0, 0, 1, 5]
    assert texts(hypotheses[-1]) == said(32_000)


@pytest.mark.parametrize("trip", ["noise", None])
def test_what_is_not_understood_is_decoded_ever_less_often(trip: Rejection | None) -> None:
    class Deaf(Ledger):
        def _decode(self, window: Window) -> Decoded:
            heard = super()._decode(window)
            return replace(heard, words=heard.words if trip and window.kind is not Kind.FINAL else (), tripped=trip)

    ledger = Deaf()
    told(ledger, clip(16))
    partials = [window.end / SAMPLE_RATE for window in ledger.heard if window.kind in (Kind.FIRST, Kind.PARTIAL)]
    assert partials == [0.2, 0.4, 0.6, 0.8, 1.0, 1.4, 2.2, 3.8, 7.0, 10.2, 13.4]


def test_a_few_doubts_delay_nothing_and_trust_ends_them_all() -> None:
    ledger = Ledger(trips=["noise", None, "noise", "noise", "noise", "noise", "noise", None])
    told(ledger, clip(6))
    partials = [window.end / SAMPLE_RATE for window in ledger.heard if window.kind in (Kind.FIRST, Kind.PARTIAL)]
    assert partials == [0.2, 0.4, 0.9, 1.4, 1.9, 2.4, 2.9, 3.9, 4.4, 4.9, 5.4, 5.9]


def test_what_is_not_understood_is_looked_at_twice_only_at_its_end() -> None:
    ledger = Ledger(trips=["noise"] * 20)
    model = Redecode(ledger)
    listener = Listener(model, OPTIONS)
    for start in range(0, 6, 2):
        listener.accept(clip(1.5, 1 + start * 50))
        step(model, [listener])
        listener.accept(clip(0.5, 76 + start * 50), speech=False)
        step(model, [listener])
    kinds = [window.kind for window in ledger.heard]
    assert kinds.count(Kind.SPECULATIVE) == 3
    assert kinds.count(Kind.RETRY) == 1
    listener.finish()
    step(model, [listener])
    assert [window.kind for window in ledger.heard[-2:]] == [Kind.FINAL, Kind.RETRY]


def test_without_partials_there_is_one_step() -> None:
    ledger = Ledger()
    told(ledger, clip(3), DecodeOptions(languages=("en",), partials=False))
    assert len(ledger.heard) == 1


def test_needs_by_kind() -> None:
    model = Redecode(Ledger())
    utterance = model.begin(OPTIONS)
    utterance.accept(clip(0.1), True)
    assert utterance.need is None
    utterance.accept(clip(0.5, 6), True)
    assert utterance.need is not None
    assert utterance.need.kind is Kind.FIRST
    model.step([utterance])
    assert utterance.need is None
    utterance.accept(clip(0.6, 31), True)
    assert utterance.need is not None
    assert utterance.need.kind is Kind.PARTIAL
    utterance.finish(19_200)
    assert utterance.need.kind is Kind.FINAL


def test_silence_needs_nothing() -> None:
    utterance = Redecode(Ledger()).begin(OPTIONS)
    utterance.accept(clip(10), False)
    assert utterance.need is None


def test_a_pause_is_taken_for_the_end() -> None:
    """Decoded once on suspicion; the endpoint then costs no step, and speech that goes on takes it for a partial."""
    for goes_on in (False, True):
        ledger = Ledger()
        model = Redecode(ledger)
        listener = Listener(model, replace(OPTIONS, partials=False))
        listener.accept(clip(1))
        listener.accept(clip(0.1, 51), speech=False)
        assert listener.need is None
        listener.accept(clip(0.1, 56), speech=False)
        assert listener.need is not None
        assert listener.need.kind is Kind.SPECULATIVE
        step(model, [listener])
        listener.accept(clip(0.3, 61), speech=False)
        assert listener.need is None
        if goes_on:
            listener.accept(clip(0.5, 76), speech=True)
            assert listener.need is None
        listener.finish(40_000 if goes_on else 19_200)
        step(model, [listener])
        assert len(ledger.heard) == 1 + goes_on
        assert texts(listener.told[-1]) == said(32_000 if goes_on else 19_200)


def test_speech_that_goes_on_cancels_the_suspicion() -> None:
    utterance = Redecode(Ledger()).begin(replace(OPTIONS, partials=False))
    utterance.accept(clip(1), True)
    utterance.accept(clip(0.2, 51), False)
    assert utterance.need is not None
    utterance.accept(clip(0.02, 61), True)
    assert utterance.need is None


def test_a_suspicion_that_trips_is_tried_with_care_at_once() -> None:
    ledger = Ledger(trips=["noise"])
    model = Redecode(ledger)
    listener = Listener(model, replace(OPTIONS, partials=False))
    listener.accept(clip(1))
    listener.accept(clip(0.3, 51), speech=False)
    step(model, [listener])
    listener.finish(19_200)
    step(model, [listener])
    assert [window.kind for window in ledger.heard] == [Kind.SPECULATIVE, Kind.RETRY]
    assert texts(listener.told[-1]) == said(19_200)


def test_partials_that_are_decoded_with_less_care_settle_no_final() -> None:
    class Cheap(Ledger):
        def key(self, window: Window) -> Hashable:
            return (window.kind in (Kind.FIRST, Kind.PARTIAL),)

    for ledger, decoded in ((Ledger(), [Kind.FIRST]), (Cheap(), [Kind.FIRST, Kind.FINAL])):
        model = Redecode(ledger)
        listener = Listener(model, OPTIONS)
        listener.accept(clip(1))
        step(model, [listener])
        listener.finish()
        step(model, [listener])
        assert [window.kind for window in ledger.heard] == decoded


# -- what was said before --------------------------------------------------------------------------------------------


def told_before(ledger: Ledger, carry: str | None, options: DecodeOptions = OPTIONS) -> tuple[str, str | None]:
    """What the next utterance's last window is told, and the carry of its final."""
    listener = Listener(Redecode(ledger), replace(options, partials=False), carry=carry)
    listener.accept(clip(0.8))
    listener.finish()
    step(Redecode(ledger), [listener])
    return ledger.heard[-1].before, listener.told[-1].carry


def test_an_utterance_is_told_what_was_said_before() -> None:
    ledger = Ledger(carries=True)
    before, first = told_before(ledger, None)
    assert (before, first) == ("", "en: w0 w1")
    assert told_before(ledger, first) == (" w0 w1", "en: w0 w1 w0 w1")
    _, long = told_before(ledger, "en:" + "x" * REMEMBERED)
    assert long == "en:" + "x" * (REMEMBERED - 6) + " w0 w1"


def test_a_decoder_that_carries_nothing_is_told_nothing() -> None:
    assert told_before(Ledger(), "en: so far") == ("", None)


def test_after_a_pause_what_was_said_is_forgotten() -> None:
    for pause, before in ((FORGOTTEN, " so far"), (FORGOTTEN + 1, "")):
        told = told_before(Ledger(carries=True), "en: so far", replace(OPTIONS, pause=pause))
        assert told == (before, f"en:{before} w0 w1")


def test_what_was_said_in_a_language_that_may_not_occur_is_forgotten() -> None:
    for languages, before in ((("de",), ""), (("de", "en"), " so far"), ((), " so far")):
        assert told_before(Ledger(carries=True), "en: so far", DecodeOptions(languages=languages))[0] == before


def test_a_guard_that_trips_ends_what_is_carried() -> None:
    ledger = Ledger(trips=["repetition"], carries=True)
    assert told_before(ledger, "en: so far") == ("", "en:")
    assert [window.before for window in ledger.heard] == [" so far", ""]


def test_words_that_are_doubted_are_not_carried() -> None:
    assert told_before(Ledger(sure=CLEAN - 0.01, carries=True), "en: so far") == (" so far", "en:")
    assert told_before(Ledger(sure=CLEAN, carries=True), None)[1] == "en: w0 w1"


def test_an_utterance_without_words_ends_what_is_carried() -> None:
    listener = Listener(Redecode(Ledger(carries=True)), OPTIONS, carry="en: so far")
    listener.accept(clip(1), speech=False)
    listener.finish()
    step(Redecode(Ledger()), [listener])
    assert listener.told[-1].carry == "en:"


# -- windows that move ----------------------------------------------------------------------------------------------


def test_windows_are_trimmed_between_settled_words() -> None:
    ledger = Ledger()
    assert texts(told(ledger, clip(20))[-1]) == said(20 * SAMPLE_RATE)
    assert max(window.end for window in ledger.heard) <= TAIL + ledger.hop
    left = [after - ledger.hop for before, after in pairwise(window.end for window in ledger.heard) if after < before]
    assert len(left) >= 3
    assert all(KEPT[0] <= length <= KEPT[1] + WORD for length in left)


def test_no_window_is_cut_between_words_whose_times_are_estimates() -> None:
    class Untimed(Ledger):
        card = replace(Ledger.card, word_times="estimated")

    ledger = Untimed()
    hypotheses = told(ledger, clip(12))
    assert set(ledger.origins) == {0}
    assert texts(hypotheses[-1]) == said(12 * SAMPLE_RATE)


def test_a_window_knows_where_its_speech_lies() -> None:
    ledger = Ledger()
    model = Redecode(ledger)
    listener = Listener(model, OPTIONS)
    samples = clip(14)
    for at in range(0, len(samples), 1_600):
        listener.accept(samples[at : at + 1_600], speech=at // 1_600 % 20 < 15)
        step(model, [listener])
    listener.finish()
    step(model, [listener])
    cut = [(window, origin) for window, origin in zip(ledger.heard, ledger.origins, strict=True) if origin]
    assert cut
    for window, origin in cut:
        whole = [(start, start + 24_000) for start in range(0, len(samples), 32_000)]
        assert window.speech == tuple(
            (max(0, start - origin), min(window.end, stop - origin))
            for start, stop in whole
            if start - origin < window.end and stop > origin
        )


def test_a_trimmed_window_begins_with_the_words_that_are_settled() -> None:
    ledger = Ledger()
    told(ledger, clip(12))
    assert max(ledger.origins) > 4 * SAMPLE_RATE
    partials = [
        (window, -(-origin // WORD))
        for window, origin in zip(ledger.heard, ledger.origins, strict=True)
        if window.kind is Kind.PARTIAL
    ]
    for window, first in partials:
        assert list(window.prefix) == [f" w{first + i}" for i in range(len(window.prefix))]
    assert len(partials[-1][0].prefix) > 2


def test_what_may_be_the_final_is_heard_without_a_prefix() -> None:
    ledger = Ledger()
    told(ledger, clip(12))
    assert ledger.heard[-1].kind is Kind.FINAL
    assert ledger.heard[-1].prefix == ()


@pytest.mark.parametrize(("partials", "passage"), [(True, 30 * SAMPLE_RATE), (False, TAIL)])
def test_a_window_begins_with_its_last_sentence(partials: bool, passage: int) -> None:
    class Sentences(Ledger):
        """Each fifth word ends one."""

        def _decode(self, window: Window) -> Decoded:
            decoded = super()._decode(window)
            words = [w.spelled(w.text + "." * (w.text[-1] in "49" and w.text[-1:] != ".")) for w in decoded.words]
            return replace(decoded, words=tuple(words))

    ledger = Sentences(passage=passage)
    hypotheses = told(ledger, clip(12), DecodeOptions(languages=("en",), partials=partials))
    assert [text.rstrip(".") for text in texts(hypotheses[-1])] == said(12 * SAMPLE_RATE)
    firsts = {-(-origin // WORD) for origin in ledger.origins}
    assert len(firsts) > (3 if partials else 2)
    assert all(first % 5 == 0 for first in firsts)


@pytest.mark.parametrize(
    ("silence_s", "end_s", "decoded"), [(0.5, 1.2, 1), (0.5, 1.5, 1), (0.0, 1.0, 1), (0.5, 0.9, 2)]
)
def test_the_final_is_not_decoded_where_the_last_step_heard_it_all(
    silence_s: float, end_s: float, decoded: int
) -> None:
    ledger = Ledger()
    model = Redecode(ledger)
    listener = Listener(model, OPTIONS)
    listener.accept(clip(1))
    listener.accept(clip(silence_s, 51), speech=False)
    step(model, [listener])
    listener.finish(int(end_s * SAMPLE_RATE))
    step(model, [listener])
    assert listener.told[-1].final
    assert len(ledger.heard) == decoded


def test_audio_behind_the_end_does_not_count() -> None:
    model = Redecode(Ledger())
    listener = Listener(model, OPTIONS)
    listener.accept(clip(3))
    listener.finish(16_000)
    step(model, [listener])
    assert texts(listener.told[-1])[:2] == said(16_000)
    assert listener.told[-1].covers == 16_000


def test_words_behind_a_cut_in_the_past_are_left_to_the_next_utterance() -> None:
    model = Redecode(Ledger())
    listener = Listener(model, OPTIONS)
    for number in range(8):
        listener.accept(clip(0.5, 1 + 25 * number))
        step(model, [listener])
    assert listener.told[-1].agreed > 5
    end = 5 * WORD - WORD // 4
    listener.finish(end)
    while listener.need:
        step(model, [listener])
    said_words = listener.told[-1].words
    assert [word.text for word in said_words[:4]] == said(4 * WORD)
    assert len(said_words) == 5
    assert said_words[-1].end <= end


def test_a_language_is_kept_once_heard_for_long() -> None:
    ledger = Ledger()
    hypotheses = told(ledger, clip(4), DecodeOptions())
    assert [window.language for window in ledger.heard] == [None] * 5 + ["de"] * 4
    assert hypotheses[-1].language == "de"


def test_a_pinned_language_is_not_detected() -> None:
    ledger = Ledger()
    told(ledger, clip(1))
    assert {window.language for window in ledger.heard} == {"en"}


def test_a_tripped_partial_is_not_shown_and_costs_the_prompt() -> None:
    ledger = Ledger(trips=[None, "repetition"])
    hypotheses = told(ledger, clip(2), DecodeOptions(prompt="Once upon"))
    assert [hypothesis.trusted for hypothesis in hypotheses] == [True, False, True, True, True]
    assert [window.options.prompt for window in ledger.heard] == ["Once upon", "Once upon", None, None, None]
    assert not any(window.kind is Kind.RETRY for window in ledger.heard)
    assert texts(hypotheses[-1]) == said(32_000)


def test_a_tripped_final_is_tried_once_more_with_care() -> None:
    ledger = Ledger(trips=["noise"])
    hypotheses = told(ledger, clip(1), DecodeOptions(prompt="Once upon", partials=False))
    assert [(hypothesis.trusted, hypothesis.final) for hypothesis in hypotheses] == [(False, False), (True, True)]
    assert [(window.kind, window.options.prompt) for window in ledger.heard] == [
        (Kind.FINAL, "Once upon"),
        (Kind.RETRY, None),
    ]


def test_a_final_that_trips_twice_is_rejected() -> None:
    ledger = Ledger(trips=["noise", "repetition"])
    final = told(ledger, clip(1), DecodeOptions(partials=False))[-1]
    assert (final.final, final.words, final.rejected) == (True, (), "repetition")


def test_a_loop_that_fills_the_window_is_rejected_as_one() -> None:
    ledger = Ledger(trips=["repetition", "repetition"], cap=2)
    assert told(ledger, clip(2), DecodeOptions(partials=False))[-1].rejected == "repetition"


def test_what_was_promised_outlives_a_rejection() -> None:
    ledger = Ledger(trips=[None] * 7 + ["noise", "noise"])
    final = told(ledger, clip(3.5))[-1]
    assert texts(final) == said(56_000)[:5]
    assert final.rejected is None


def test_an_utterance_begun_again_says_nothing_before_it_is_there_once_more() -> None:
    ledger = Ledger()
    stable = [Word(f" {text}", n * WORD, (n + 1) * WORD) for n, text in enumerate(("W0", "was", "W2"))]
    hypotheses = listen(Redecode(ledger), [clip(3.2)], OPTIONS, stable)[0]
    assert hypotheses[0].covers >= stable[-1].end
    assert texts(hypotheses[-1]) == [" W0", " was", " W2", *said(51_200)[3:]]


def test_more_audio_than_a_window_loses_nothing() -> None:
    assert texts(told(Ledger(), clip(76))[-1]) == said(76 * SAMPLE_RATE)


def test_more_audio_than_a_window_at_once_loses_nothing() -> None:
    ledger = Ledger()
    assert texts(told(ledger, clip(76), DecodeOptions(partials=False))[-1]) == said(76 * SAMPLE_RATE)
    assert len(ledger.heard) == 3


@pytest.mark.parametrize("words", [TAIL // WORD, TAIL // WORD + 1, 60, 240])
def test_without_partials_it_is_heard_passage_by_passage(words: int) -> None:
    ledger = Ledger(passage=TAIL)
    samples = clip(words * WORD / SAMPLE_RATE)
    hypotheses = told(ledger, samples, DecodeOptions(partials=False))
    assert texts(hypotheses[-1]) == said(len(samples))
    assert max(window.end for window in ledger.heard) == min(TAIL, len(samples))
    assert len(ledger.heard) <= 1 + len(samples) / (2 * SAMPLE_RATE)
    assert {window.kind for window in ledger.heard} == {Kind.FINAL}


def test_more_words_than_a_window_holds_lose_nothing() -> None:
    assert texts(told(Ledger(cap=10), clip(12))[-1]) == said(12 * SAMPLE_RATE)


def test_a_failed_step_can_be_taken_again() -> None:
    class Failing(Ledger):
        def decode(self, windows: Sequence[Window]) -> list[Decoded]:
            if len(windows) > 1:
                raise RuntimeError("out of memory")
            return super().decode(windows)

    model = Redecode(Failing())
    utterances = [model.begin(OPTIONS) for _ in range(2)]
    for utterance in utterances:
        utterance.accept(clip(1), True)
        utterance.finish(16_000)
    with pytest.raises(RuntimeError):
        model.step(utterances)
    finals = [model.step([utterance])[0] for utterance in utterances]
    assert all(final.final for final in finals)


chunks = st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=25)
trips = st.lists(st.sampled_from([None, None, None, "repetition", "noise"]), max_size=12)


@settings(max_examples=60, deadline=None)
@given(chunks, trips, st.floats(0, 1), st.sampled_from([2, 30]), st.sampled_from([3, 1_000]), st.integers(1, 4))
def test_however_it_comes(
    lengths: list[tuple[int, bool]], tripped: list[Rejection | None], cut: float, window_s: int, cap: int, pace: int
) -> None:
    """`Listener` holds the contract; beyond it, text is in order, and whole unless a guard tripped."""
    ledger = Ledger(trips=list(tripped), window=window_s * SAMPLE_RATE, cap=cap)
    model = Redecode(ledger)
    listener = Listener(model, OPTIONS)
    audio = clip(sum(length for length, _ in lengths) / 10)
    at = 0
    for i, (length, speech) in enumerate(lengths):
        listener.accept(audio[at : at + length * 1_600], speech)
        at += length * 1_600
        if i % pace == 0:
            step(model, [listener])
    promised = [word.end for hypothesis in listener.told for word in hypothesis.words[: hypothesis.agreed]]
    end = max(int(cut * at), *promised[-1:], 0)
    listener.finish(end)
    step(model, [listener])
    final = listener.told[-1]
    assert final.final
    whole = [text for text in texts(final) if text.startswith(" w")]
    numbers = [int(text[2:]) for text in whole]
    assert numbers == sorted(set(numbers))
    if not ledger.trips and not any(tripped) and final.words:
        assert whole[: end // WORD] == said(end)[: len(whole)]


@pytest.mark.parametrize(("seconds", "settled"), [(1.5, 0), (4, 5)])
def test_a_hypothesis_that_comes_late_settles_words_by_itself(seconds: float, settled: int) -> None:
    listener = Listener(Redecode(Ledger()), OPTIONS)
    listener.accept(clip(seconds))
    step(Redecode(Ledger()), [listener])
    assert listener.told[0].agreed == settled


def test_words_lie_where_the_detector_heard_speech() -> None:
    model = Redecode(Ledger())
    listener = Listener(model, OPTIONS)
    audio = clip(2)
    listener.accept(audio[:5_000], False)
    listener.accept(audio[5_000:26_000])
    step(model, [listener])
    listener.accept(audio[26_000:], False)
    listener.finish()
    step(model, [listener])
    partial, final = listener.told[0], listener.told[-1]
    assert (partial.words[0].start, final.words[0].start) == (5_000, 5_000)
    assert (final.words[3].end, final.words[3].text) == (25_600, " w3")
    assert (final.words[4].start, final.words[4].end) == (25_600, 26_000)
