from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from models.agreement import LONE_MARGIN, MARGIN, agreed, continuation, distant, joint, spoken
from models.base import Word

FAR = 1_000_000


def words(text: str, step: int = 6_400) -> list[Word]:
    return [Word(f" {word}", i * step, (i + 1) * step) for i, word in enumerate(text.split())]


def test_agrees_up_to_the_first_difference() -> None:
    assert agreed(words("the cat sat on"), words("the cat set on"), FAR) == 2


def test_case_and_inner_punctuation_do_not_matter() -> None:
    assert agreed(words("well, The cat"), words("Well the cat"), FAR) == 3


def test_punctuation_behind_the_last_word_must_be_settled() -> None:
    assert agreed(words("the cat. it"), words("the cat is"), FAR) == 1
    assert agreed(words("the cat. it"), words("the cat. is"), FAR) == 2


def test_words_near_the_end_of_the_audio_wait() -> None:
    heard = words("the cat sat")
    assert agreed(heard, heard, heard[1].end + MARGIN) == 2
    assert agreed(heard, heard, heard[1].end + MARGIN - 1) == 1


def test_what_lies_far_back_needs_no_second_hearing() -> None:
    heard = words("the cat sat")
    assert distant(heard, heard[1].end + LONE_MARGIN) == 2
    assert distant(heard, heard[1].end + LONE_MARGIN - 1) == 1


def test_the_same_word_elsewhere_is_another_word() -> None:
    late = [Word(" no", 16_000, 22_400)]
    assert agreed(words("no"), late, FAR) == 0


def test_a_sentence_ends_at_the_last_promised_word_or_behind_it() -> None:
    heard = words("one two. three four. five six. seven")
    places = [joint(heard, agreed) for agreed in range(8)]
    assert places == [(12_800, 12_800)] * 3 + [(25_600, 25_600)] * 2 + [(38_400, 38_400)] * 2 + [None]


def test_a_sentence_has_ended_once_the_next_is_heard() -> None:
    assert joint(words("one two."), 1) is None
    assert joint((), 0) is None
    assert joint([Word(" Yes.", 0, 10), Word(" No.", 14, 20)], 1) == (10, 14)


def texts(heard: tuple[Word, ...]) -> str:
    return "".join(word.text for word in heard).strip()


def test_continuation_of_what_is_said_again() -> None:
    assert texts(continuation(words("the cat"), words("The cat, sat down"))) == "sat down"
    assert texts(continuation((), words("the cat"))) == "the cat"
    assert texts(continuation(words("the cat"), words("the"))) == ""


def test_continuation_counts_repeated_words() -> None:
    assert texts(continuation(words("no no"), words("no no no"))) == "no"


def test_continuation_of_what_is_said_otherwise() -> None:
    assert texts(continuation(words("the cat sat"), words("a cat sat down"))) == "down"
    assert texts(continuation(words("see you later"), words("see you late her down", step=4_800))) == "down"


def test_continuation_of_another_text_goes_by_time() -> None:
    assert texts(continuation(words("one two"), words("eins zwei drei"))) == "drei"


def test_continuation_does_not_care_how_characters_are_grouped() -> None:
    stable = [Word("你好", 0, 6_400)]
    again = [Word("你", 0, 3_200), Word("好", 3_200, 6_400), Word("吗", 6_400, 9_600)]
    assert texts(continuation(stable, again)) == "吗"


def test_spoken_leaves_case_and_punctuation_out() -> None:
    assert spoken(Word(" Don't,", 0, 1)) == "dont"
    assert spoken(Word(" ♪", 0, 1)) == "♪"
    assert spoken(Word(" हिंदी", 0, 1)) == "हिंदी"


vocabulary = st.lists(st.sampled_from(["no", "yes", "No,", "cat", "cat."]), max_size=6).map(" ".join)


@given(vocabulary, vocabulary, st.integers(0, 60_000))
def test_what_is_agreed_is_in_both(before: str, now: str, covers: int) -> None:
    old, new = words(before), words(now)
    count = agreed(old, new, covers)
    assert [spoken(word) for word in old[:count]] == [spoken(word) for word in new[:count]]
    assert all(word.end + MARGIN <= covers for word in new[:count])
    assert continuation(new[:count], new) == tuple(new[count:])
