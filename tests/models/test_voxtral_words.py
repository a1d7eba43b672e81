"""models/voxtral_words.py"""

import math

from hypothesis import given
from hypothesis import strategies as st

from models.base import Word
from models.voxtral_words import LONGEST, TOKEN, WrittenWords

SPOKEN = [(0, 1_000_000)]


def written(*tokens: bytes | str | None, speech: list[tuple[int, int]] = SPOKEN, promised: int = 0) -> WrittenWords:
    """Words of a token every 80 ms: text, "mark" or None for padding."""
    words = WrittenWords(speech, promised)
    for number, token in enumerate(tokens):
        if token is None:
            words.pad()
        elif isinstance(token, str):
            words.mark(number * TOKEN)
        else:
            words.write(token, number * TOKEN, -0.1)
    return words


def plain(words: WrittenWords) -> list[tuple[str, int, int]]:
    return [(word.text, word.start // TOKEN, word.end // TOKEN) for word in words.words]


def test_a_mark_tells_where_the_word_behind_it_ends():
    words = written(None, None, None, "mark", b" Good", None, None, "mark", b" mor", b"ning", None)
    assert plain(words) == [(" Good", 0, 3), (" morning", 3, 7)]
    assert words.words == tuple(words.complete)


def test_a_word_is_complete_when_something_else_follows():
    assert written("mark", b" mor").complete == []
    assert [word.text for word in written("mark", b" mor").words] == [" mor"]
    for behind in (None, "mark"):
        assert [word.text for word in written("mark", b" mor", behind).complete] == [" mor"]


def test_words_of_one_mark_share_its_time_by_their_letters():
    words = written(*[None] * 9, "mark", b" I", b" would", None)
    assert [(word.text, word.start, word.end) for word in words.words] == [
        (" I", 0, 9 * TOKEN * 2 // 8),
        (" would", 9 * TOKEN * 2 // 8, 9 * TOKEN),
    ]


def test_without_a_mark_a_word_ends_just_before_it_is_written():
    assert plain(written(None, None, None, None, b" yes", None)) == [(" yes", 0, 3)]


def test_what_is_written_long_behind_a_mark_is_not_of_its_group():
    tokens = [b" and"] + [b"on"] * 12 + [b" on", None]
    assert plain(written(*[None] * 5, "mark", *tokens)) == [(" and" + "on" * 12, 0, 5), (" on", 8, 18)]


def test_a_word_begins_where_speech_does_and_lasts_no_longer_than_words_do():
    after_pause = written(*[None] * 20, "mark", b" yes", None, speech=[(17 * TOKEN, 30 * TOKEN)])
    assert plain(after_pause) == [(" yes", 17, 20)]
    assert plain(written(*[None] * 20, "mark", b" yes", None)) == [(" yes", 20 - LONGEST // TOKEN, 20)]


def test_letters_may_be_cut_anywhere():
    first, second = "ü".encode()[:1], "ü".encode()[1:]
    assert [word.text for word in written("mark", b" f", first, second, b"r", None).words] == [" für"]
    assert [word.text for word in written("mark", b" f", first, None).words] == [" f\ufffd"]


def test_blanks_alone_are_no_word():
    assert written("mark", b" ", b"\n", None).words == ()
    assert [word.text for word in written("mark", b" ", b" yes \n", None).words] == [" yes"]


def test_confidence_is_the_mean_of_its_tokens():
    words = WrittenWords(SPOKEN)
    words.write(b" good", 5 * TOKEN, -0.2)
    words.write(b"ness", 6 * TOKEN, -0.4)
    assert words.words[0].confidence == math.exp(-0.3)


def test_what_is_promised_already_is_not_told_again():
    tokens = (*[None] * 4, "mark", b" one", None, None, "mark", b" two", None)
    assert written(*tokens, promised=4 * TOKEN).words == (written(*tokens).words[1],)
    late = written(*tokens, promised=5 * TOKEN).words
    assert [(word.text, word.start, word.end) for word in late] == [(" two", 5 * TOKEN, 8 * TOKEN)]


def test_a_stream_begun_anew_tells_nothing_before_it():
    words = written(*[None] * 4, "mark", b" one", None)
    words.restart(10 * TOKEN)
    words.mark(13 * TOKEN)
    words.write(b" two", 14 * TOKEN, 0.0)
    assert plain(words) == [(" one", 0, 4), (" two", 10, 13)]


@given(st.lists(st.sampled_from([None, "mark", b" a", b"b", b" ", b"\xc3"])), st.integers(0, 30))
def test_words_are_in_order_and_never_change_once_complete(tokens: list[bytes | str | None], promised: int):
    before: tuple[Word, ...] = ()
    for count in range(len(tokens) + 1):
        words = written(*tokens[:count], promised=promised * TOKEN)
        assert words.words[: len(before)] == before
        before = tuple(words.complete)
        edges = [edge for word in words.words for edge in (word.start, word.end)]
        assert edges == sorted(edges)
        assert all(word.start < word.end and word.text.strip() for word in words.words)
