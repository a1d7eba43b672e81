import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steno.captions import LINE, LONGEST_MS, SHORTEST_MS, captions, srt, vtt
from steno.events import Final, Latency, Word


def final(text, start=0.0, end=2.0, words=None, channel=0):
    return Final(
        seq=1,
        segment=0,
        channel=channel,
        start=start,
        end=end,
        text=text,
        language=None,
        confidence=None,
        reason="endpoint",
        latency=Latency(endpoint=0, queue=0, decode=0, send=0, total=0),
        words=words,
    )


def spoken(*timed, text=None, channel=0):
    """A final of (word, start, end), its text with spaces unless given."""
    words = tuple(Word(text=word, start=start, end=end) for word, start, end in timed)
    text = " ".join(word.text for word in words) if text is None else text
    return final(text, words[0].start, words[-1].end, words, channel)


def lines_of(shown):
    return [caption.lines for caption in shown]


# -- what the server and its clients agree on ---------------------------------------------------------------------

GOLDEN = sorted((Path(__file__).parents[2] / "wire" / "captions").glob("*.json"))


def told(words, channel):
    """A final as a server tells it: words are stripped, and their text is that of the segment."""
    text = "".join(word for word, _, _ in words).strip()
    timed = [(word.strip(), start / 1000, end / 1000) for word, start, end in words]
    return spoken(*timed, text=text, channel=channel)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_captions(path):
    golden = json.loads(path.read_text("utf-8"))
    finals = [told(one["words"], one["channel"]) for one in golden["finals"]]
    shown = [[one.channel, one.start_ms, one.end_ms, list(one.lines)] for one in captions(finals)]
    assert shown == golden["captions"]
    for name, write in (("srt", srt), ("vtt", vtt)):
        assert write(finals).splitlines() == golden.get(name, write(finals).splitlines())


def test_there_are_golden_captions():
    assert len(GOLDEN) >= 15


# -- where captions begin and end ---------------------------------------------------------------------------------


def test_a_short_final_is_one_caption_long_enough_to_read():
    (caption,) = captions([final("Yes.", 1.0, 1.2)])
    assert (caption.start_ms, caption.end_ms, caption.lines) == (1000, 2000, ("Yes.",))


def test_it_gives_way_to_the_next():
    first, second = captions([final("Yes, to be sure, I do.", 1.0, 1.2), final("No.", 2.1, 2.3)])
    assert (first.end_ms, second.start_ms) == (2100, 2100)


def test_one_too_short_to_be_read_is_shown_with_the_next():
    (both,) = captions([final("Yes.", 1.0, 1.2), final("No.", 1.5, 1.7)])
    assert (both.start_ms, both.end_ms, both.lines) == (1000, 2000, ("Yes. No.",))


def test_it_stays_until_it_is_read():
    said = "This was said in half a second, in which nobody could read it."
    (caption,) = captions([final(said, 1.0, 1.5)])
    assert caption.end_ms == 1000 + -(-len(said) * 1000 // 17)


def test_two_lines_are_about_as_long():
    (caption,) = captions([final("It was the best of times, it was the worst of times.")])
    assert caption.lines == ("It was the best of times,", "it was the worst of times.")


def test_a_pause_ends_a_caption():
    said = spoken(("Wait", 0, 0.4), ("for", 0.5, 0.7), ("it", 2.5, 3.0))
    shown = captions([said])
    assert lines_of(shown) == [("Wait for",), ("it",)]
    assert shown[1].start_ms == 2500


def in_time(text):
    """A final that is spoken evenly, without pauses."""
    return spoken(*((word, index * 0.3, index * 0.3 + 0.25) for index, word in enumerate(text.split())))


def test_a_sentence_ends_a_caption_before_a_phrase_does():
    phrase = "we waited in the rain for a bus, which did not come along at all, and so we walked and walked and walked"
    assert lines_of(captions([in_time(phrase)]))[0][-1].endswith("all,")
    sentence = phrase.replace("bus,", "bus.")
    assert lines_of(captions([in_time(sentence)]))[0][-1].endswith("bus.")


def test_words_without_their_punctuation_find_it_in_the_text():
    said = spoken(("He", 0, 1), ("said", 1, 2), ("hello", 6, 7), ("there", 7, 8), text="He said: “hello there!”")
    assert lines_of(captions([said])) == [("He said:",), ("“hello there!”",)]


def test_words_that_are_not_the_texts_are_left_aside():
    said = spoken(("something", 0, 1), ("else", 1, 2), text="This is it.")
    assert lines_of(captions([said])) == [("This is it.",)]


def test_text_without_spaces_is_broken_at_words():
    said = spoken(*(("你好", index * 0.2, index * 0.2 + 0.2) for index in range(30)), text="你好" * 30)
    shown = captions([said])
    assert lines_of(shown) == [("你好" * 10,), ("你好" * 10, "你好" * 10)]


def test_nothing_said_is_nothing_shown():
    assert captions([final("")]) == []
    assert captions([]) == []


text = st.text("ab ,.é你\n", max_size=400)


@st.composite
def session(draw):
    """Finals in order, with and without words, some of them longer than a line."""
    finals, now = [], 0
    for _ in range(draw(st.integers(1, 4))):
        now += draw(st.integers(0, 3000))
        words = []
        for one in draw(st.lists(st.text("ab.,你", min_size=1, max_size=100), min_size=1, max_size=20)):
            start = now + draw(st.integers(0, 1500))
            now = start + draw(st.integers(1, 9000))
            words.append((one, start / 1000, now / 1000))
        said = spoken(*words)
        if draw(st.booleans()):
            said = final(said.text, said.start, said.end)
        finals.append(said)
    return finals


@settings(max_examples=100, deadline=None)
@given(session())
def test_captions_can_be_read_and_say_everything_once(finals):
    shown = captions(finals)
    for caption in shown:
        assert 1 <= len(caption.lines) <= 2
        assert all(0 < len(line) <= LINE for line in caption.lines)
        assert SHORTEST_MS <= caption.end_ms - caption.start_ms <= LONGEST_MS
    for before, after in pairwise(shown):
        assert before.end_ms <= after.start_ms
    said = "".join(one.text for one in finals)
    assert re.sub(r"\s", "", "".join(line for one in shown for line in one.lines)) == re.sub(r"\s", "", said)
    assert shown[0].start_ms == round(finals[0].start * 1000)


@settings(max_examples=50, deadline=None)
@given(text, st.floats(0, 10_000), st.floats(0.001, 30))
def test_any_text_without_words_is_shown_whole(said, start, length):
    shown = captions([final(said, start, start + length)])
    assert re.sub(r"\s", "", "".join(line for one in shown for line in one.lines)) == re.sub(r"\s", "", said)


# -- documents ----------------------------------------------------------------------------------------------------

TWO = [final("One & <two>.", 3661.5, 3663.5), final("Three.", 3662.0, 3664.25, channel=1)]


def test_srt():
    assert srt(TWO) == (
        "1\n01:01:01,500 --> 01:01:03,500\nOne & <two>.\n\n2\n01:01:02,000 --> 01:01:04,250\nThree.\n\n"
    )
    assert srt([]) == ""


def test_vtt():
    assert vtt(TWO[:1]) == "WEBVTT\n\n01:01:01.500 --> 01:01:03.500\nOne &amp; &lt;two&gt;.\n"
    assert vtt([]) == "WEBVTT\n"


def test_vtt_names_the_voices_of_several_channels():
    assert re.findall("<v .*", vtt(TWO)) == ["<v Channel 1>One &amp; &lt;two&gt;.", "<v Channel 2>Three."]
