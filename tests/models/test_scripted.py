"""models/scripted.py"""

import numpy as np
import pytest
import webrtcvad
from hypothesis import given, settings
from hypothesis import strategies as st

from models.base import DecodeOptions, Kind
from models.registry import ModelSpec, load
from models.scripted import BLOCK, CELL, HOP, Scripted, ledger_audio
from tests.conformance.check_model import check_model

SPEC = ModelSpec(name="scripted", kind="scripted")


def decode(*chunks, end=None, model=None, **options):
    """The final of chunks of speech."""
    model = model or Scripted()
    utterance = model.begin(DecodeOptions(**options))
    for chunk in chunks:
        utterance.accept(chunk, True)
    utterance.finish(sum(map(len, chunks)) if end is None else end)
    return model.step([utterance])[0]


def text(hypothesis):
    return "".join(word.text for word in hypothesis.words)


def hum(seconds):
    """Audio without a code."""
    return np.full(int(seconds * 16_000), 1000, np.int16)


def test_it_keeps_what_every_model_promises():
    check_model(load(SPEC), [ledger_audio(0, 30), ledger_audio(100, 25)])
    check_model(load(SPEC), [hum(3), hum(2)])


def test_ledger_audio_is_speech():
    audio = ledger_audio(0, 300)
    for mode in (2, 3):
        vad = webrtcvad.Vad(mode)
        frames = [audio[at : at + 320].tobytes() for at in range(0, len(audio), 320)]
        assert sum(vad.is_speech(frame, 16_000) for frame in frames) > 0.98 * len(frames)
    loudness = 20 * np.log10(np.sqrt(np.mean((audio / 32_768) ** 2)))
    assert -25 < loudness < -10


def test_words_are_the_numbers_in_the_audio_with_their_times():
    final = decode(np.zeros(777, np.int16), ledger_audio(41, 3))
    assert text(final) == " w41 w42 w43"
    assert [(word.start, word.end) for word in final.words] == [
        (777 + i * BLOCK, 777 + (i + 1) * BLOCK) for i in range(3)
    ]


@settings(max_examples=50)
@given(st.lists(st.integers(0, 4 * BLOCK), max_size=6))
def test_chunks_do_not_matter(cuts):
    audio = ledger_audio(7, 4)
    assert text(decode(*np.split(audio, sorted(cuts)))) == " w7 w8 w9 w10"


@settings(max_examples=100)
@given(st.integers(0, 4 * BLOCK))
def test_of_two_utterances_a_block_is_cut_into_exactly_one_has_its_word(cut):
    audio = ledger_audio(0, 4)
    # The first may have been given more than counts.
    assert text(decode(audio, end=cut)) + text(decode(audio[cut:])) == " w0 w1 w2 w3"


@settings(max_examples=100)
@given(st.integers(CELL, 2 * BLOCK), st.integers(1, 3 * BLOCK))
def test_lost_and_doubled_audio_shows_but_for_the_first_and_last_few_samples(at, length):
    audio = ledger_audio(0, 6)
    expected = text(decode(audio))
    assert text(decode(audio[:at], audio[at : at + length], audio[at:])) != expected
    assert text(decode(audio[:at], audio[at + length :])) != expected


def test_audio_without_a_code_has_a_word_for_each_quarter_second_of_speech():
    assert text(decode(hum(1.1))) == " s0 s1 s2 s3"
    assert text(decode(hum(1), prompt="say=one_two_three")) == " one two three one"
    assert text(decode(hum(0.5), keywords=("zygote",))) == " zygote zygote"
    assert text(decode(hum(0.5), task="translate")) == " S0 S1"


def test_only_speech_counts():
    model = Scripted()
    utterance = model.begin(DecodeOptions())
    for speech in (True, False, True):
        utterance.accept(hum(0.2), speech)
    utterance.finish(9_600)
    (final,) = model.step([utterance])
    assert [(word.start, word.end) for word in final.words] == [(3_200, 7_200)]


def test_a_partial_is_due_with_each_hop_of_speech():
    model = Scripted()
    utterance = model.begin(DecodeOptions())
    needs = []
    for _ in range(3):
        utterance.accept(hum(1)[: HOP - 1], True)
        needs.append(utterance.need)
        utterance.accept(hum(1)[:1], True)
        needs.append(utterance.need.kind)
        model.step([utterance])
    utterance.accept(hum(1), False)
    assert [*needs, utterance.need] == [None, Kind.FIRST, None, Kind.PARTIAL, None, Kind.PARTIAL, None]


def test_the_carry_counts_utterances():
    model = Scripted()
    carry = None
    for _ in range(3):
        utterance = model.begin(DecodeOptions(), carry=carry)
        utterance.finish(0)
        carry = model.step([utterance])[0].carry
    assert carry == "3"


def test_a_rejected_final():
    final = decode(hum(1), prompt="reject")
    assert (final.words, final.rejected) == ((), "noise")


def test_a_fault_comes_with_its_step_and_leaves_the_neighbours_alone():
    model = Scripted()
    bad, good = (model.begin(DecodeOptions(prompt=prompt)) for prompt in ("raise@2", None))
    for utterance in (bad, good):
        utterance.accept(hum(1), True)
    model.step([bad, good])
    before = good.steps
    for _ in range(2):
        with pytest.raises(RuntimeError):
            model.step([good, bad])
    assert good.steps == before


def test_a_fault_that_comes_once_is_remembered_where_there_is_a_place(tmp_path):
    for spec in (SPEC, ModelSpec(name="scripted", kind="scripted", path=str(tmp_path))):
        model = load(spec)
        with pytest.raises(RuntimeError):
            decode(model=model, prompt="raise@1:once")
        assert decode(model=model, prompt="raise@1:once").final
    assert decode(model=load(spec), prompt="raise@1:once").final
    with pytest.raises(RuntimeError):
        decode(model=load(SPEC), prompt="raise@1:once")


def test_slow_steps_take_their_share_of_the_audio(monkeypatch):
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    decode(hum(3), prompt="slow=0.5")
    assert slept == [1.5]
