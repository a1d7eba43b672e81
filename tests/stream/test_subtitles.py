"""stream/subtitles.py"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.events import Final
from stream.subtitles import LINE, LONGEST_MS, PER_SECOND, SHORTEST_MS, Caption, Track, captions, srt, vtt
from tests.wire.captioned import SAMPLES_PER_MS, dump, final, made

GOLDEN = sorted((Path(__file__).parents[1] / "wire" / "captions").glob("*.json"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_captions(path: Path):
    expected = json.loads(path.read_text("utf-8"))
    assert made(expected) == expected
    assert dump(expected) == path.read_text("utf-8")


def test_there_are_golden_captions():
    assert len(GOLDEN) >= 15


def evenly(text: str, at: int = 0, step: int = 300) -> Final:
    return final([(f" {word}", at + n * step, at + n * step + step - 50) for n, word in enumerate(text.split())])


def lines_of(shown: list[Caption]) -> list[tuple[str, ...]]:
    return [caption.lines for caption in shown]


def test_a_caption_ends_with_a_sentence_rather_than_with_a_phrase():
    text = "we waited in the rain for a bus, which did not come along at all, and so we walked and walked and walked"
    assert captions([evenly(text)])[0].lines[-1].endswith("all,")
    assert captions([evenly(text.replace("bus,", "bus."))])[0].lines[-1].endswith("bus.")


def test_a_caption_stays_until_it_is_read_or_the_next_one_comes():
    text = "x" * 34
    (alone,) = captions([final([(text, 0, 500)])])
    assert (alone.start_ms, alone.end_ms) == (0, 2000)
    first, _ = captions([final([(text, 0, 500)]), final([("later", 1800, 2100)])])
    assert first.end_ms == 1800


def test_fast_speech_is_cut_where_there_is_time_to_read():
    fast = [(f" word{n}", 100 * n, 100 * n + 100) for n in range(12)]
    slow = [(f" then{n}", 1900 + 500 * n, 2400 + 500 * n) for n in range(8)]
    first, second = captions([final(fast + slow)])
    assert " ".join(first.lines).split()[-1] == "word11"
    assert (first.end_ms, second.start_ms) == (1900, 1900)


def test_captions_less_than_half_a_second_apart_follow_without_a_gap():
    first, second = captions([evenly("one two three four."), evenly("five six seven.", 1150 + 499)])
    assert (first.end_ms, second.start_ms) == (1649, 1649)
    first, second = captions([evenly("one two three four."), evenly("five six seven.", 1150 + 500)])
    assert (first.end_ms, second.start_ms) == (1150, 1650)


def test_a_final_that_is_cut_short_goes_on_with_the_next():
    assert lines_of(captions([evenly("Yes."), evenly("I think so.", 600)])) == [("Yes. I think so.",)]
    assert lines_of(captions([evenly("Yes."), evenly("I think so.", 1000)])) == [("Yes.",), ("I think so.",)]


def test_a_caption_without_time_of_its_own_waits_for_the_one_before():
    shown = captions([final([(" " + "x" * 40, 0, 100)] * 4 + [(" later", 3000, 3100)])])
    assert [(one.start_ms, one.end_ms) for one in shown] == [(0, 1000), (1000, 3000), (3000, 4000)]


def test_a_second_of_silence_ends_a_caption():
    def said_after(pause: int) -> list[tuple[str, ...]]:
        return lines_of(captions([final([(" Wait", 0, 400), (" for", 400 + pause, 1500), (" it", 1600, 1700)])]))

    assert said_after(999) == [("Wait for it",)]
    assert said_after(1000) == [("Wait",), ("for it",)]


def test_slow_speech_is_cut_after_seven_seconds():
    slow = [(f" word{n}", 1500 * n, 1500 * n + 1000) for n in range(8)]
    assert [caption.end_ms - caption.start_ms for caption in captions([final(slow)])] == [5500, 5500]
    (held,) = captions([final([("Ohm", 0, 9000)])])
    assert held.end_ms == 7000


def test_a_caption_covers_all_its_words_whichever_ends_last():
    (caption,) = captions([final([(" one", 0, 3000), (" two", 100, 200)])])
    assert caption.end_ms == 3000


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["字" * 11, "」", "字" * 10], ("字" * 11 + "」", "字" * 10)),
        (["字" * 10, "「", "字" * 11], ("字" * 10, "「" + "字" * 11)),
        (["字" * 10, "¿", "字" * 11], ("字" * 10, "¿" + "字" * 11)),
        (["a" * 26 + "\u00a0" + "b" * 9, " " + "c" * 15], ("a" * 26 + "\u00a0" + "b" * 9, "c" * 15)),
    ],
    ids=["closing", "opening", "upside down", "space that doesn't break"],
)
def test_lines_do_not_break_what_belongs_together(words: list[str], lines: tuple[str, ...]):
    assert lines_of(captions([final([(text, 1000 * n, 1000 * n + 1000) for n, text in enumerate(words)])])) == [lines]


def test_between_finals_is_a_space_where_the_language_writes_one():
    def joined(first: str, second: str) -> list[tuple[str, ...]]:
        return lines_of(captions([final([(first, 0, 200)]), final([(second, 500, 700)])]))

    assert joined("Yes.", "No.") == joined(" Yes.", " No.") == [("Yes. No.",)]
    assert joined("好。", "谢谢。") == joined("好。", " 谢谢。") == [("好。谢谢。",)]
    assert joined("네.", "아니요.") == [("네. 아니요.",)]


def test_wide_characters_take_two_columns_and_marks_none():
    assert lines_of(captions([final([("字" * 21, 0, 3000)])])) == [("字" * 21,)]
    assert lines_of(captions([final([("字" * 22, 0, 3000)])])) == [("字" * 21, "字")]
    assert lines_of(captions([final([("e\u0301" * 42, 0, 3000)])])) == [("e\u0301" * 42,)]


def test_half_milliseconds_are_rounded_as_protocols_round_seconds():
    said = final([("word", 0, 5000)])
    (caption,) = captions([replace(said, words=(said.words[0].moved(8, 5000),))])
    assert caption.start_ms == 1


def test_nothing_said_is_nothing_shown():
    assert captions([final([])]) == captions([final([(" ", 0, 100)])]) == captions([]) == []
    assert srt([]) == ""
    assert vtt([]) == "WEBVTT\n"


# -- what is true of all captions ---------------------------------------------------------------------------------

letters = st.text("ab.,?(«&<>-字。，「\u00a0\u0301한ש", min_size=1, max_size=8)
longer = st.text("ab字한ש", min_size=1, max_size=120)


@st.composite
def sessions(draw: st.DrawFn, most: int = 6) -> list[Final]:
    """Finals of three channels; words in order of their starts, some at the same time, over each other or far apart."""
    said = []
    clocks = [0, 0, 0]
    for _ in range(draw(st.integers(1, most))):
        channel = draw(st.integers(0, 2))
        words = []
        for text in draw(st.lists(letters | letters | letters | longer, min_size=1, max_size=40)):
            start = clocks[channel] + draw(st.sampled_from([0, 0, 20, 60, 100, 400, 1200]))
            end = start + draw(st.integers(1, 500) | st.integers(1, 9000))
            clocks[channel] = draw(st.sampled_from([start, end, end]))
            words.append((draw(st.sampled_from([" ", " ", ""])) + text, start, end))
        said.append(final(words, channel))
    return said


def columns(text: str) -> int:
    return sum(
        0 if unicodedata.category(one) in ("Mn", "Me", "Cf") else 1 + (unicodedata.east_asian_width(one) in "WF")
        for one in text
    )


def bare(texts) -> str:
    return re.sub(r"\s", "", "".join(texts))


def said_on(channel: int, finals: list[Final]) -> list:
    return [word for one in finals if one.channel == channel for word in one.words]


def every_word_is_shown_once_and_in_order(shown: list[Caption], finals: list[Final]) -> None:
    for channel in range(3):
        said = bare(word.text for word in said_on(channel, finals))
        assert bare(chain(*(one.lines for one in shown if one.channel == channel))) == said


def captions_fit_and_can_be_read(shown: list[Caption], finals: list[Final]) -> None:
    assert shown == sorted(shown, key=lambda one: one.start_ms)
    for channel in range(3):
        own = [one for one in shown if one.channel == channel]
        words = said_on(channel, finals)
        for one, following in pairwise([*own, None]):
            assert 1 <= len(one.lines) <= 2
            assert all(columns(line) <= LINE and line.strip() and line == line.strip(" ") for line in one.lines)
            assert SHORTEST_MS <= one.end_ms - one.start_ms <= LONGEST_MS
            wanted = one.start_ms + max(SHORTEST_MS, sum(map(columns, one.lines)) * 1000 // PER_SECOND)
            if following is None:
                last = max(word.end for word in words) // SAMPLES_PER_MS
                assert one.end_ms <= max(wanted + 60, last)
                assert one.end_ms >= wanted
            else:
                assert one.end_ms <= following.start_ms
                assert one.end_ms >= min(wanted, following.start_ms)
        if own:
            assert own[0].start_ms == next(word.start for word in words if word.text.strip()) // SAMPLES_PER_MS


@settings(max_examples=150, deadline=None)
@given(sessions(most=1))
def test_a_caption_waits_only_where_it_does_not_fit_into_the_one_before(finals):
    (one,) = finals
    shown = captions(finals)
    begins, before = {}, 0
    for word in one.words:
        if bare(word.text):
            begins[before] = word.start // SAMPLES_PER_MS
        before += len(bare(word.text))
    waited, before = [], 0
    for caption in shown:  # one that begins inside a word has a share of its time
        waited.append(caption.start_ms != begins.get(before, caption.start_ms))
        before += len(bare(caption.lines))
    for index, (first, second) in enumerate(pairwise(shown)):
        if waited[index + 1] and not waited[index]:
            until = shown[index + 2].start_ms if shown[index + 2 :] else second.end_ms
            spoken = max(word.end // SAMPLES_PER_MS for word in one.words if word.start // SAMPLES_PER_MS < until)
            assert len(first.lines) + len(second.lines) > 2 or spoken - first.start_ms > LONGEST_MS


def a_track_tells_the_same_as_the_finals_come_and_takes_nothing_back(shown: list[Caption], finals: list[Final]) -> None:
    tracks = [Track(channel) for channel in range(3)]
    told: list[list[Caption]] = [[], [], []]
    for one in finals:
        told[one.channel] += tracks[one.channel].push(one)
    for channel, track in enumerate(tracks):
        told[channel] += track.close()
        assert track.close() == []
        assert told[channel] == [caption for caption in shown if caption.channel == channel]


def test_a_track_holds_back_its_last_caption_only():
    track = Track(0)
    assert len(track.push(evenly("This is the first sentence of all that were said here. " * 4))) == 3
    (held,) = track.push(evenly("Then.", 60_000))
    assert held.lines == ("This is the first sentence", "of all that were said here.")


# -- documents, as players read them ------------------------------------------------------------------------------


def clock(text: str, point: str) -> int:
    hours, minutes, seconds, ms = map(int, re.fullmatch(rf"(\d\d+):(\d\d):(\d\d){point}(\d\d\d)", text).groups())
    assert minutes < 60
    assert seconds < 60
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms


def read_srt(document: str) -> list[tuple[int, int, list[str]]]:
    """Blocks of a number, times and text, each ended by a blank line."""
    cues = []
    for number, block in enumerate(document.split("\n\n")[:-1], 1):
        counted, times, *text = block.split("\n")
        assert counted == str(number)
        start, end = times.split(" --> ")
        cues.append((clock(start, ","), clock(end, ","), text))
    return cues


def read_vtt(document: str) -> list[tuple[int, int, list[str], str | None]]:
    """A header and cues, by the rules of the W3C's WebVTT: no `-->`, no bare `&` and no tags but voices in a text."""
    header, *blocks = document.removesuffix("\n").split("\n\n")
    assert header == "WEBVTT"
    cues = []
    for block in blocks:
        times, *text = block.split("\n")
        start, end = times.split(" --> ")
        voice = re.match(r"<v ([^<>&\n]+)>", text[0])
        text[0] = text[0][voice.end() :] if voice else text[0]
        assert not any(re.search("[<>]|&(?!amp;|lt;|gt;)", line) for line in text)
        assert clock(start, r"\.") < clock(end, r"\.")
        shown = [html.unescape(line) for line in text]
        cues.append((clock(start, r"\."), clock(end, r"\."), shown, voice and voice[1]))
    return cues


def documents_say_what_the_captions_are(shown: list[Caption], finals: list[Final]) -> None:
    assert read_srt(srt(finals)) == [(one.start_ms, one.end_ms, list(one.lines)) for one in shown]
    voices = len({one.channel for one in shown}) > 1
    assert read_vtt(vtt(finals)) == [
        (one.start_ms, one.end_ms, list(one.lines), f"Channel {one.channel + 1}" if voices else None) for one in shown
    ]


@settings(max_examples=150, deadline=None)
@given(sessions())
def test_what_is_true_of_all_captions(finals):
    """All at once, as it takes longer to make up a session than to look at its captions."""
    shown = captions(finals)
    every_word_is_shown_once_and_in_order(shown, finals)
    captions_fit_and_can_be_read(shown, finals)
    a_track_tells_the_same_as_the_finals_come_and_takes_nothing_back(shown, finals)
    documents_say_what_the_captions_are(shown, finals)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=20))
def test_no_text_breaks_a_document(texts):
    said = [final([(f" {text}", n * 400, n * 400 + 300) for n, text in enumerate(texts)])]
    shown = captions(said)
    assert bare(chain(*(one.lines for one in shown))) == bare(texts)
    assert [text for _, _, text in read_srt(srt(said))] == [list(one.lines) for one in shown]
    assert [text for _, _, text, _ in read_vtt(vtt(said))] == [list(one.lines) for one in shown]


def test_a_cue_of_more_than_99_hours_can_be_told():
    assert "100:00:01,000" in srt([final([("late", 360_000_000, 360_000_400)])])
