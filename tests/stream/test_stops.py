"""stream/stops.py"""

from hypothesis import given
from hypothesis import strategies as st

from stream.stops import Stops


def told(stops, pieces):
    answer = Stops(stops)
    said = []
    for number, piece in enumerate(pieces, 1):
        said.append(answer.push(piece, last=number == len(pieces)))
        if answer.hit:
            break
    return "".join(said), answer.hit


def test_without_stops_everything_is_told_at_once():
    answer = Stops(())
    assert [answer.push("One."), answer.push(" Two")] == ["One.", " Two"]


def test_what_may_begin_a_stop_is_held_back():
    answer = Stops(["###"])
    assert [answer.push("a#"), answer.push("#"), answer.push("b"), answer.push("##", last=True)] == [
        "a",
        "",
        "##b",
        "##",
    ]
    assert not answer.hit


def test_an_answer_ends_before_the_first_stop():
    assert told(["two", "one"], ["zero on", "e two"]) == ("zero ", True)
    assert told(["b"], ["b"]) == ("", True)


@given(
    st.lists(st.text("ab", min_size=1, max_size=3), max_size=3),
    st.lists(st.text("abc", max_size=4), min_size=1, max_size=8),
)
def test_the_pieces_make_no_difference(stops, pieces):
    whole = "".join(pieces)
    places = [whole.find(stop) for stop in stops if stop in whole]
    said, hit = told(stops, pieces)
    assert hit == bool(places)
    assert whole.startswith(said)
    if not hit:
        assert said == whole
    else:
        assert any(whole.startswith(stop, len(said)) for stop in stops)
        assert not any(stop in said for stop in stops)
