"""models/voxtral_realtime.py, on a network that writes what the audio spells"""

import random

import pytest

from models.base import DecodeOptions, Hypothesis
from models.voxtral_realtime import VoxtralRealtime, channels_of, slots_for
from models.voxtral_stream import Stream
from models.voxtral_words import TOKEN
from tests.conformance.check_model import check_model
from tests.models.echo import FORMAT, MARK, PAD, PIECES, Echo, spell

SPEECH = spell(PAD, PAD, PAD, MARK, b" one", b"teen", PAD, PAD, PAD, MARK, b" two", b" three", PAD, PAD, PAD)


def model(slots: int = 4) -> tuple[VoxtralRealtime, Echo]:
    network = Echo(slots)
    return VoxtralRealtime(network, FORMAT), network


def begin(listening: VoxtralRealtime, *, finished: bool = False) -> Stream:
    stream = listening.begin(DecodeOptions())
    stream.accept(SPEECH, True)
    if finished:
        stream.finish(len(SPEECH))
    return stream


def final(listening: VoxtralRealtime, stream: Stream) -> Hypothesis:
    while stream.need:
        [told] = listening.step([stream])
    return told


def test_keeps_every_models_promises():
    speech = [spell(*[PAD] * 2, MARK, b" one", *[PAD] * 9), spell(MARK, b" two", *[PAD] * 12)]
    check_model(model()[0], speech)


def test_a_card_speaks_of_slots_and_of_the_channels_that_they_are_for():
    card = model(9)[0].card
    assert (card.capacity, card.max_batch, card.channels, card.tick_s) == (9, 9, 8, 0.08)


@pytest.mark.parametrize("channels", [1, 2, 7, 8, 9, 200])
def test_slots_are_some_more_than_channels(channels: int):
    assert channels < slots_for(channels) <= channels + channels // 8 + 1
    assert channels_of(slots_for(channels)) == channels


def test_all_that_are_due_share_a_step():
    listening, network = model()
    streams = [begin(listening) for _ in range(4)]
    listening.step(streams)
    assert network.batches == [4]
    assert {stream.need.key for stream in streams if stream.need} == {"tick"}


def test_one_too_many_waits_for_a_slot():
    listening, _ = model(2)
    first, second, third = (begin(listening) for _ in range(3))
    assert [stream.need is None for stream in (first, second, third)] == [False, False, True]
    listening.step([first, second])
    assert third.need is None
    listening.close(first)
    third.finish(len(SPEECH))
    listening.close(second)
    other, _ = model()
    assert final(listening, third) == final(other, begin(other, finished=True))


def test_a_slot_is_free_again_with_the_final_and_when_an_utterance_is_given_up():
    listening, network = model(2)
    for _ in range(3):
        final(listening, begin(listening, finished=True))
        abandoned = begin(listening)
        listening.step([abandoned])
        listening.close(abandoned)
        listening.close(abandoned)
    assert network.resets == 6
    assert [begin(listening).need is not None for _ in range(3)] == [True, True, False]


def test_who_talks_comes_before_recordings():
    listening, _ = model(3)
    recordings = [begin(listening, finished=True) for _ in range(4)]
    assert [each.need is not None for each in recordings] == [True, True, False, False]
    talking = begin(listening)
    assert talking.need is not None
    assert [each.need is not None for each in recordings] == [True, False, False, False]
    listening.step([talking])
    assert [each.need is not None for each in recordings] == [True, False, False, False]
    listening.step(recordings[:1])
    assert [each.need is not None for each in recordings[1:]] == [False, False, False]
    assert begin(listening).need is not None


def test_few_streams_lie_in_the_first_slots():
    listening, network = model(4)
    streams = [begin(listening) for _ in range(3)]
    listening.step(streams)
    listening.close(streams[0])
    listening.step([begin(listening)])
    assert [bool(rows) for rows in network.fed] == [True, True, True, False]


def test_neighbours_change_nothing_whenever_they_come_and_go():
    dice = random.Random(1)
    listening, _ = model(8)
    codes = [PAD, PAD, PAD, MARK, *range(2, len(PIECES))]
    clips = [spell(*dice.choices(codes, k=dice.randint(1, 40))) for _ in range(30)]
    alone = []
    for clip in clips:
        stream = listening.begin(DecodeOptions())
        stream.accept(clip, True)
        stream.finish(len(clip))
        alone.append(final(listening, stream))
    waiting, open_streams, finals = list(range(len(clips))), {}, {}
    while waiting or open_streams:
        if waiting and len(open_streams) < 10 and dice.random() < 0.3:
            number = waiting.pop()
            open_streams[number] = (listening.begin(DecodeOptions()), list(range(0, len(clips[number]), TOKEN)))
        for number, (stream, chunks) in list(open_streams.items()):
            if chunks and dice.random() < 0.7:
                at = chunks.pop(0)
                stream.accept(clips[number][at : at + TOKEN], True)
                if not chunks:
                    stream.finish(len(clips[number]))
        due = [(number, stream) for number, (stream, _) in open_streams.items() if stream.need]
        if due:
            for (number, _), told in zip(due, listening.step([stream for _, stream in due]), strict=True):
                if told.final:
                    finals[number] = told
                    del open_streams[number]
    assert [finals[number] for number in range(len(clips))] == alone
