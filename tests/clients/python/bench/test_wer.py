import random
from itertools import pairwise

import pytest

from steno.bench.wer import alike, errors, kept, normalized


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, World!", ["hello", "world"]),
        ("It’s O'Brien's dogs' bone", ["it's", "o'brien's", "dogs'", "bone"]),
        ("Mr. Smith, Mrs. Jones", ["mister", "smith", "missus", "jones"]),
        ("twenty-four_5", ["twenty", "four", "5"]),
        ("Grüße — „schön“", ["grüße", "schön"]),
        ("…", []),
    ],
)
def test_words_are_letters_digits_and_apostrophes_in_lower_case(text, words):
    assert normalized(text) == words


@pytest.mark.parametrize(
    ("reference", "heard", "wrong", "pairs"),
    [
        ("", "", 0, []),
        ("a b c", "", 3, []),
        ("", "a", 1, []),
        ("a b c", "a b c", 0, [(0, 0), (1, 1), (2, 2)]),
        ("a b c", "a x c", 1, [(0, 0), (2, 2)]),
        ("a b c", "a c", 1, [(0, 0), (2, 1)]),
        ("a c", "a b c", 1, [(0, 0), (1, 2)]),
        ("a b c d", "x b y d", 2, [(1, 1), (3, 3)]),
        ("the cat and the dog", "the dog", 3, [(0, 0), (4, 1)]),
        ("a b c d e", "b c x d e f", 3, [(1, 0), (2, 1), (3, 3), (4, 4)]),
        # Two errors either way: b and then a could both be replaced, but then nothing stays.
        ("b a", "a b", 2, [(1, 0)]),
    ],
)
def test_fewest_errors_and_what_they_leave(reference, heard, wrong, pairs):
    assert errors(reference.split(), heard.split()) == wrong
    assert kept(reference.split(), heard.split()) == pairs


def test_what_is_kept_leaves_no_more_errors_than_need_be():
    pick = random.Random(0)
    for _ in range(300):
        reference, heard = (pick.choices("abcd", k=pick.randint(0, 8)) for _ in range(2))
        pairs = kept(reference, heard)
        assert all(reference[i] == heard[j] for i, j in pairs)
        assert pairs == sorted(set(pairs))
        at = [(-1, -1), *pairs, (len(reference), len(heard))]
        between = [max(i - k, j - m) - 1 for (k, m), (i, j) in pairwise(at)]
        assert sum(between) == errors(reference, heard)


def test_leading_words_that_are_alike():
    assert [alike("abc", other) for other in ("abd", "abc", "ab", "abcd", "", "xbc")] == [2, 3, 2, 3, 0, 0]
