from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vad.detector import OFFSET
from vad.endpointer import CUT_WINDOW, JOINT, PATIENCE, TAIL, Endpoint, Endpointer, EndpointOptions, Onset

FRAME = 320
LOUD, QUIET = -20.0, -60.0
OPTIONS = EndpointOptions()

Frames = list[tuple[float, float]]


def speech(frames: int) -> Frames:
    return [(1.0, LOUD)] * frames


def pause(frames: int) -> Frames:
    return [(0.0, QUIET)] * frames


def hear(endpointer: Endpointer, frames: Frames) -> list[Onset | Endpoint]:
    """Push frames, those again that are asked for again; `frames[0]` lies at sample 0."""
    told = []
    while (number := endpointer.position // FRAME) < len(frames):
        settled = endpointer.settled
        happening = endpointer.push(*frames[number])
        assert endpointer.settled >= settled
        if happening:
            told.append(happening)
            if isinstance(happening, Onset):
                assert happening.start >= settled
    return told


def told(frames: Frames, options: EndpointOptions | None = OPTIONS) -> list[Onset | Endpoint]:
    return hear(Endpointer(options, FRAME), frames)


# -- options ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("silence_ms", 19),
        ("silence_ms", 10_001),
        ("min_speech_ms", -1),
        ("min_speech_ms", 501),
        ("preroll_ms", -1),
        ("preroll_ms", 1_001),
        ("max_segment_s", 1.9),
        ("max_segment_s", 30.1),
        ("max_segment_s", float("nan")),
        ("vad", "crystal ball"),
    ],
)
def test_option_out_of_range_is_named(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        replace(OPTIONS, **{field: value})  # type: ignore[arg-type]


def test_unknown_detector_names_the_choices() -> None:
    with pytest.raises(ValueError, match="webrtc"):
        EndpointOptions(vad="crystal ball")


# -- one utterance ------------------------------------------------------------------------------------------------


def test_utterance_from_preroll_to_tail() -> None:
    assert told(pause(50) + speech(30) + pause(25)) == [
        Onset(at=50 * FRAME, start=50 * FRAME - 4_800),
        Endpoint(end=80 * FRAME, last=80 * FRAME + TAIL, decided=105 * FRAME, reason="endpoint"),
    ]


def test_preroll_ends_at_the_channels_start() -> None:
    assert told(pause(2) + speech(4)) == [Onset(at=2 * FRAME, start=0)]


def test_speech_shorter_than_min_speech_is_noise() -> None:
    assert told(speech(3) + pause(50)) == []
    assert told(speech(3) + pause(50), replace(OPTIONS, min_speech_ms=60)) != []


def test_min_speech_of_nothing_takes_one_frame() -> None:
    assert told(speech(1), replace(OPTIONS, min_speech_ms=0)) == [Onset(at=0, start=0)]


def test_pause_shorter_than_silence_ends_nothing() -> None:
    frames = speech(10) + pause(24) + speech(10)
    assert told(frames) == [Onset(at=0, start=0)]
    assert len(told(frames, replace(OPTIONS, silence_ms=480))) == 3


def test_click_in_a_pause_does_not_prolong_it() -> None:
    (_, endpoint) = told(speech(10) + pause(12) + speech(1) + pause(12))
    assert endpoint.end == 10 * FRAME


def test_doubtful_frames_prolong_speech_and_do_not_begin_it() -> None:
    sure, doubtful = speech(1), [(0.4, LOUD)]
    assert told(doubtful * 100) == []
    assert told(sure + doubtful * 3) == [Onset(at=0, start=0)]
    (_, endpoint) = told(speech(10) + doubtful * 10 + pause(5) + doubtful * 20)
    assert endpoint.end == 20 * FRAME
    (_, endpoint) = told(speech(10) + pause(5) + sure + doubtful + pause(25))
    assert endpoint.end == 17 * FRAME


def test_an_onset_waits_while_it_is_in_doubt_and_loses_nothing() -> None:
    doubt = [(OFFSET, LOUD)] * 10
    assert told(speech(1) + doubt) == []
    assert told(speech(1) + doubt + pause(1) + speech(3)) == []
    assert told(speech(1) + doubt + speech(1)) == [Onset(at=0, start=0)]


def test_an_onset_waits_no_longer_than_its_patience() -> None:
    frames = speech(1) + [(OFFSET, LOUD)] * 100
    assert told(frames[: PATIENCE // FRAME - 1]) == []
    assert told(frames[: PATIENCE // FRAME]) == [Onset(at=0, start=0)]


def test_preroll_does_not_reach_into_the_utterance_before() -> None:
    options = replace(OPTIONS, silence_ms=100, preroll_ms=1_000)
    (_, first, second) = told(speech(10) + pause(5) + speech(10), options)
    assert (first.last, second.start) == (15 * FRAME, 15 * FRAME)


# -- length -------------------------------------------------------------------------------------------------------


def test_too_long_an_utterance_is_cut_at_its_quietest_point() -> None:
    frames = speech(1_000)
    frames[900:910] = [(1.0, -40.0)] * 10
    (_, endpoint, onset) = told(frames + speech(4))
    assert endpoint.reason == "max_length"
    assert 900 * FRAME <= endpoint.last <= 910 * FRAME
    assert endpoint.end == endpoint.last
    assert endpoint.decided == 1_000 * FRAME
    assert onset == Onset(at=endpoint.last, start=endpoint.last)


def test_quiet_point_is_looked_for_in_the_last_seconds_only() -> None:
    frames = speech(1_004)
    frames[840:850] = pause(10)
    (_, endpoint, _) = told(frames)
    assert endpoint.last > endpoint.decided - CUT_WINDOW


def test_one_quiet_frame_is_no_gap_between_words() -> None:
    frames = speech(1_004)
    frames[900] = (1.0, -50.0)
    frames[950:956] = [(1.0, -35.0)] * 6
    (_, endpoint, _) = told(frames)
    assert 950 * FRAME <= endpoint.last <= 956 * FRAME


def test_cut_in_a_pause_ends_where_speech_did() -> None:
    frames = speech(960) + pause(20) + speech(100)
    (_, endpoint, onset) = told(frames)
    assert endpoint.end == 960 * FRAME
    assert endpoint.end <= endpoint.last <= endpoint.end + TAIL
    assert onset.at == 980 * FRAME


def test_nearly_too_long_an_utterance_ends_at_the_next_breath() -> None:
    (_, endpoint, _) = told(speech(870) + pause(8) + speech(100))
    assert (endpoint.reason, endpoint.end) == ("max_length", 870 * FRAME)
    assert 870 * FRAME <= endpoint.last <= 878 * FRAME
    assert endpoint.decided == 878 * FRAME
    (_, endpoint, _) = told(speech(800) + pause(8) + speech(300))
    assert endpoint.decided == 1_000 * FRAME


def test_no_cut_goes_behind_what_is_promised() -> None:
    frames = speech(1_000)
    frames[900:906] = [(1.0, -40.0)] * 6
    frames[950:956] = [(1.0, -35.0)] * 6
    for promised, earliest, latest in ((800, 900, 906), (930, 950, 956), (1_000, 1_000, 1_000)):
        endpointer = Endpointer(OPTIONS, FRAME)
        hear(endpointer, frames[:999])
        endpointer.promise(promised * FRAME)
        (endpoint, *_) = hear(endpointer, frames)
        assert isinstance(endpoint, Endpoint)
        assert earliest * FRAME <= endpoint.last <= latest * FRAME


def test_an_utterance_of_more_than_half_its_length_ends_with_a_sentence() -> None:
    frames = speech(620)
    frames[560:566] = [(1.0, -40.0)] * 6
    frames[600:606] = [(1.0, -60.0)] * 6  # quieter, but inside a sentence
    endpointer = Endpointer(OPTIONS, FRAME)
    assert hear(endpointer, frames[:610]) == [Onset(at=0, start=0)]
    endpointer.promise(565 * FRAME, (565 * FRAME, 568 * FRAME))
    (endpoint, *_) = hear(endpointer, frames)
    assert isinstance(endpoint, Endpoint)
    assert (endpoint.reason, endpoint.decided) == ("max_length", 611 * FRAME)
    assert 560 * FRAME <= endpoint.last <= 566 * FRAME
    assert endpoint.end == endpoint.last


def test_a_sentence_ends_no_utterance_of_less_than_half_its_length() -> None:
    endpointer = Endpointer(OPTIONS, FRAME)
    hear(endpointer, speech(480))
    endpointer.promise(440 * FRAME, (440 * FRAME, 440 * FRAME))
    assert hear(endpointer, speech(499)) == []
    (endpoint, *_) = hear(endpointer, speech(520))
    assert isinstance(endpoint, Endpoint)
    assert endpoint.decided == 500 * FRAME


@pytest.mark.parametrize("joint", [None, (300, 305), (595, 610)], ids=["none", "long ago", "not heard to its end"])
def test_no_sentence_to_end_with_ends_nothing(joint: tuple[int, int] | None) -> None:
    endpointer = Endpointer(OPTIONS, FRAME)
    hear(endpointer, speech(600))
    endpointer.promise(300 * FRAME, joint and (joint[0] * FRAME, joint[1] * FRAME))
    assert hear(endpointer, speech(610)) == []


def test_a_sentence_that_turned_out_to_go_on_ends_nothing() -> None:
    endpointer = Endpointer(OPTIONS, FRAME)
    hear(endpointer, speech(600))
    endpointer.promise(500 * FRAME, (560 * FRAME, 562 * FRAME))
    endpointer.promise(500 * FRAME)
    assert hear(endpointer, speech(640)) == []


def test_without_endpointing_sentences_end_nothing() -> None:
    endpointer = Endpointer(None, FRAME)
    hear(endpointer, speech(700))
    endpointer.promise(600 * FRAME, (660 * FRAME, 660 * FRAME))
    assert hear(endpointer, speech(800)) == []


def test_where_a_sentence_ends_is_known_only_so_well() -> None:
    frames = speech(640)
    first = 600 - JOINT // FRAME
    frames[first - 12 : first - 6] = [(1.0, -60.0)] * 6
    frames[first + 1 : first + 6] = [(1.0, -40.0)] * 5
    endpointer = Endpointer(OPTIONS, FRAME)
    hear(endpointer, frames[:630])
    endpointer.promise(600 * FRAME, (600 * FRAME, 600 * FRAME))
    (endpoint, *_) = hear(endpointer, frames)
    assert isinstance(endpoint, Endpoint)
    assert (first + 1) * FRAME <= endpoint.last <= (first + 6) * FRAME


def test_without_endpointing_only_length_ends_an_utterance() -> None:
    (onset, endpoint) = told(pause(20) + speech(10) + pause(1_200), None)
    assert onset.at == 20 * FRAME
    assert endpoint.reason == "max_length"
    assert (endpoint.end, endpoint.last) == (30 * FRAME, 30 * FRAME + TAIL)


# -- cuts ---------------------------------------------------------------------------------------------------------


def test_cut_in_speech_is_exact_and_speech_goes_on() -> None:
    endpointer = Endpointer(OPTIONS, FRAME)
    hear(endpointer, speech(10))
    at = 10 * FRAME + 17
    assert endpointer.cut(at, "finalize") == Endpoint(end=at, last=at, decided=at, reason="finalize")
    assert endpointer.position == endpointer.settled == at
    for _ in range(3):
        assert endpointer.push(1.0, LOUD) is None
    assert endpointer.push(1.0, LOUD) == Onset(at=at, start=at)


def test_cut_in_a_pause_keeps_the_end_of_speech() -> None:
    endpointer = Endpointer(OPTIONS, FRAME)
    hear(endpointer, speech(10) + pause(20))
    endpoint = endpointer.cut(30 * FRAME, "stop")
    assert endpoint == Endpoint(end=10 * FRAME, last=10 * FRAME + TAIL, decided=30 * FRAME, reason="stop")


def test_cut_before_an_onset_makes_silence_of_it() -> None:
    endpointer = Endpointer(OPTIONS, FRAME)
    hear(endpointer, speech(3))
    assert endpointer.cut(3 * FRAME, "finalize") is None
    assert endpointer.settled == 3 * FRAME
    assert endpointer.push(1.0, LOUD) is None


def test_configure_never_reaches_back() -> None:
    endpointer = Endpointer(replace(OPTIONS, preroll_ms=100), FRAME)
    hear(endpointer, pause(50))
    settled = endpointer.settled
    endpointer.configure(replace(OPTIONS, preroll_ms=1_000), FRAME)
    assert hear(endpointer, pause(50) + speech(4)) == [Onset(at=50 * FRAME, start=settled)]


# -- anything -----------------------------------------------------------------------------------------------------

options = st.none() | st.builds(
    EndpointOptions,
    silence_ms=st.integers(20, 1_000),
    min_speech_ms=st.integers(0, 500),
    preroll_ms=st.integers(0, 1_000),
    max_segment_s=st.floats(2, 4),
)
runs = st.lists(
    st.tuples(st.sampled_from([0.0, OFFSET, 0.4, 1.0]), st.integers(-90, 0), st.integers(1, 150)),
    min_size=1,
    max_size=20,
)


@settings(max_examples=150, deadline=None)
@given(options, runs, st.sampled_from([320, 512]))
def test_utterances_are_ordered_disjoint_and_bounded(
    options: EndpointOptions | None, runs: list[tuple[float, int, int]], frame: int
) -> None:
    endpointer = Endpointer(options, frame)
    frames = [(probability, float(level)) for probability, level, count in runs for _ in range(count)]
    utterances: list[tuple[Onset, Endpoint]] = []
    onset = None
    pushes = 0
    while (number := endpointer.position // frame) < len(frames):
        pushes += 1
        settled = endpointer.settled
        match endpointer.push(*frames[number]):
            case Onset() as onset:
                assert settled <= onset.start <= onset.at
            case Endpoint() as endpoint:
                assert onset is not None
                utterances.append((onset, endpoint))
        assert endpointer.settled >= settled
    assert pushes <= 2 * len(frames), "frames are pushed again at most once or so"
    if endpoint := endpointer.cut(len(frames) * frame, "stop"):
        assert onset is not None
        utterances.append((onset, endpoint))
    longest = int((options or OPTIONS).max_segment_s * 16_000)
    for onset, endpoint in utterances:
        assert onset.start <= onset.at < endpoint.end <= endpoint.last <= endpoint.decided
        assert endpoint.last - onset.start <= longest
        assert endpoint.last <= endpoint.end + TAIL
    for (_, before), (after, _) in pairwise(utterances):
        assert after.start >= before.last
