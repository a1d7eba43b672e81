"""models/voxtral_stream.py, on a network that writes what the audio spells"""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.base import SAMPLE_RATE, DecodeOptions, Hypothesis, Kind, Samples, Word
from models.voxtral_realtime import VoxtralRealtime
from models.voxtral_stream import BEFORE, BEHIND, KEPT, RUT, Row, Stream, Written
from models.voxtral_words import TOKEN
from stream.engine import SPEECH_WITHOUT_TEXT_S
from tests.models.echo import DELAY, FORMAT, MARK, PAD, Echo, spell

SPEECH = spell(PAD, PAD, PAD, MARK, b" one", b"teen", PAD, PAD, PAD, MARK, b" two", b" three", PAD)


class Deaf(Echo):
    """It writes nothing but padding until it has been reset `times`."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self._times = times

    def write(self, row: Row) -> Written:
        written = super().write(row)
        return written if self.resets > self._times else Written(PAD, 0.0)


def drain(model: VoxtralRealtime, stream: Stream) -> list[Hypothesis]:
    told = []
    while stream.need:
        told += model.step([stream])
    return told


def listen(
    network: Echo,
    samples: Samples,
    *,
    chunk: int = TOKEN,
    end: int | None = None,
    stable: Sequence[Word] = (),
    speech: bool = True,
) -> list[Hypothesis]:
    model = VoxtralRealtime(network, FORMAT)
    stream = model.begin(DecodeOptions(), stable)
    told = []
    for at in range(0, len(samples), chunk):
        stream.accept(samples[at : at + chunk], speech)
        told += drain(model, stream)
    stream.finish(len(samples) if end is None else end)
    return told + drain(model, stream)


def plain(hypothesis: Hypothesis) -> list[tuple[str, int, int]]:
    return [(word.text, word.start // TOKEN, word.end // TOKEN) for word in hypothesis.words]


WORDS = [(" oneteen", 0, 3), (" two", 3, 5), (" three", 5, 9)]


def test_words_are_told_as_they_are_written_and_stay():
    *partials, final = listen(Echo(), SPEECH)
    assert plain(final) == WORDS
    news = [(plain(partial)[-1][0], partial.agreed) for partial in partials if partial.trusted]
    assert news == [(" one", 0), (" oneteen", 0), (" oneteen", 1), (" two", 1), (" three", 1), (" three", 3)]
    assert (final.agreed, final.covers, final.rejected) == (3, len(SPEECH), None)


def test_what_is_said_is_told_the_delay_later():
    *partials, _ = listen(Echo(), SPEECH)
    first = next(partial for partial in partials if partial.words)
    # " one" is spelled in the fifth token, which is heard to its end with a bit of what follows.
    assert first.covers == (5 + DELAY) * TOKEN


def test_tokens_that_say_nothing_new_are_no_news():
    told = listen(Echo(), spell(PAD, MARK, b" one", *[PAD] * 20))
    assert sum(hypothesis.trusted for hypothesis in told) == 3  # written, complete, final
    assert all(hypothesis.words == () for hypothesis in told if not hypothesis.trusted)


def test_at_the_end_silence_follows_until_all_is_written():
    network = Echo()
    listen(network, SPEECH)
    [rows] = [rows for rows in network.fed if rows]
    assert [row.position for row in rows] == list(
        range(FORMAT.given, FORMAT.left + len(SPEECH) // TOKEN + FORMAT.right - 1)
    )
    heard = np.concatenate([row.piece[BEFORE:-BEHIND] for row in rows])
    silence = np.zeros((FORMAT.right - 1) * TOKEN, np.int16)
    assert np.array_equal(heard, np.concatenate([silence[:TOKEN], SPEECH, silence]))


def test_a_piece_reaches_into_what_is_around_its_token():
    network = Echo()
    samples = np.arange(1, 3 * TOKEN, dtype=np.int16) % 7
    listen(network, samples)
    [rows] = [rows for rows in network.fed if rows]
    padded = np.pad(samples, (TOKEN + BEFORE, FORMAT.right * TOKEN))
    for number, row in enumerate(rows):
        assert np.array_equal(row.piece, padded[number * TOKEN :][: len(row.piece)])


@given(st.lists(st.integers(0, 3 * TOKEN), max_size=12), st.integers(0, TOKEN))
def test_how_audio_is_cut_changes_nothing(cuts: list[int], more: int):
    samples = np.concatenate([SPEECH, np.full(more, PAD, np.int16)])
    network = Echo()
    model = VoxtralRealtime(network, FORMAT)
    stream = model.begin(DecodeOptions())
    for piece in np.split(samples, np.minimum(np.cumsum(cuts), len(samples))):
        stream.accept(piece, True)
        drain(model, stream)
    stream.finish(len(samples))
    assert drain(model, stream)[-1] == listen(Echo(), samples)[-1]


def test_words_behind_the_end_are_left_out():
    final = listen(Echo(), SPEECH, end=4 * TOKEN)[-1]
    assert plain(final) == WORDS[:1]
    assert final.covers == 4 * TOKEN


@pytest.mark.parametrize("end", [TOKEN, 4 * TOKEN, 10 * TOKEN + 100, len(SPEECH)])
def test_how_far_it_is_when_the_end_is_told_changes_nothing(end: int):
    in_time, late = Echo(), Echo()
    final = listen(in_time, SPEECH, end=end)[-1]
    assert listen(late, SPEECH, chunk=len(SPEECH), end=end)[-1].words == final.words
    model = VoxtralRealtime(late, FORMAT)
    stream = model.begin(DecodeOptions())
    stream.accept(SPEECH, True)
    stream.finish(end)
    assert drain(model, stream)[-1].words == final.words


def test_what_was_heard_behind_the_end_spares_as_much_silence():
    network = Echo()
    listen(network, SPEECH, end=10 * TOKEN)
    [rows] = [rows for rows in network.fed if rows]
    assert rows[-1].position == FORMAT.left + 10 + FORMAT.right - 2


@pytest.mark.parametrize("end", [0, len(SPEECH)])
def test_where_nobody_speaks_nothing_is_fed(end: int):
    network = Echo()
    model = VoxtralRealtime(network, FORMAT)
    stream = model.begin(DecodeOptions())
    stream.accept(SPEECH, end == 0)
    stream.finish(end)
    assert stream.need
    [final] = drain(model, stream)
    assert (final.words, final.final, final.rejected) == ((), True, "no_speech")
    assert network.batches == []


def test_nothing_is_told_before_someone_speaks():
    model = VoxtralRealtime(Echo(), FORMAT)
    stream = model.begin(DecodeOptions())
    stream.accept(SPEECH, False)
    assert {hypothesis.words for hypothesis in drain(model, stream)} == {()}
    stream.finish(len(SPEECH))
    assert [(final.words, final.rejected) for final in drain(model, stream)] == [((), "no_speech")]


def test_begun_again_it_goes_on_behind_what_was_promised():
    stable = [Word(" something", 0, 2 * TOKEN), Word(" else", 2 * TOKEN, 3 * TOKEN)]
    *partials, final = listen(Echo(), SPEECH, stable=stable)
    assert [word.text for word in final.words] == [" something", " else", " two", " three"]
    assert all(not partial.trusted for partial in partials if partial.covers < 3 * TOKEN)
    assert all(list(partial.words[:2]) == stable for partial in partials if partial.trusted)


@pytest.mark.parametrize(("languages", "told"), [((), None), (("de",), "de"), (("de", "fr"), None)])
def test_it_says_no_language_but_the_one_it_was_told(languages: tuple[str, ...], told: str | None):
    model = VoxtralRealtime(Echo(), FORMAT)
    stream = model.begin(DecodeOptions(languages=languages))
    stream.accept(SPEECH, True)
    stream.finish(len(SPEECH))
    assert drain(model, stream)[-1].language == told


LONG = np.concatenate([spell(MARK, b" one"), spell(*[PAD] * (RUT // TOKEN - 4)), SPEECH, spell(*[PAD] * 10)])


def test_speech_without_a_word_is_heard_anew(caplog: pytest.LogCaptureFixture):
    final = listen(Deaf(1), LONG)[-1]
    assert [word.text for word in final.words] == [" one", " oneteen", " two", " three"]
    assert "without a word" in caplog.text


def test_heard_anew_words_are_where_they_would_have_been(caplog: pytest.LogCaptureFixture):
    late = np.concatenate([spell(*[PAD] * (KEPT // TOKEN)), LONG])
    assert plain(listen(Deaf(1), late)[-1])[-3:] == plain(listen(Echo(), late)[-1])[-3:]


def test_what_was_told_is_not_heard_anew(caplog: pytest.LogCaptureFixture):
    network = Echo()
    samples = spell(MARK, b" one", *[PAD] * (RUT // TOKEN + 5))
    told = listen(network, samples)[-1]
    assert network.resets == 2
    [rows] = [rows for rows in network.fed if rows]
    assert np.array_equal(rows[1].piece[BEFORE:-BEHIND], samples[told.words[0].end :][:TOKEN])


def test_a_rut_is_noticed_before_the_server_begins_the_utterance_again():
    assert RUT < SPEECH_WITHOUT_TEXT_S * SAMPLE_RATE


def test_silence_is_no_rut(caplog: pytest.LogCaptureFixture):
    network = Echo()
    model = VoxtralRealtime(network, FORMAT)
    stream = model.begin(DecodeOptions())
    stream.accept(SPEECH, True)
    stream.accept(spell(*[PAD] * (2 * RUT // TOKEN)), False)
    drain(model, stream)
    assert network.resets == 1


def test_a_rut_costs_no_more_than_as_much_again(caplog: pytest.LogCaptureFixture):
    network = Deaf(1_000)
    listen(network, spell(*[PAD] * (60 * SAMPLE_RATE // TOKEN)))
    assert sum(network.batches) < 2.5 * 60 * SAMPLE_RATE / TOKEN


def test_memory_does_not_grow_with_what_was_heard():
    model = VoxtralRealtime(Echo(), FORMAT)
    stream = model.begin(DecodeOptions())
    most = 0
    for _ in range(200):
        stream.accept(SPEECH, True)
        drain(model, stream)
        most = max(most, len(stream._pcm))
    assert most <= 2 * (KEPT + 3 * SAMPLE_RATE)


def test_finals_are_asked_for_as_such():
    model = VoxtralRealtime(Echo(), FORMAT)
    stream = model.begin(DecodeOptions())
    stream.accept(SPEECH[: BEHIND - 1], True)
    assert stream.need is None
    stream.accept(SPEECH[BEHIND - 1 : TOKEN], True)
    assert stream.need
    assert stream.need.kind is Kind.PARTIAL
    stream.finish(TOKEN)
    assert stream.need.kind is Kind.FINAL
