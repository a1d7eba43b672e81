"""Who gets a seat and which engine; every option that a model can't honour is refused."""

from types import SimpleNamespace
from typing import Any

import pytest

from models.base import ModelCard
from models.registry import ModelSpec
from stream.admission import Admission, AdmissionOptions, fitted
from stream.engine import Engine
from stream.errors import Draining, Overloaded, QuotaExceeded, UnknownModel, Unsupported
from stream.events import SessionOptions


def engine(name: str, **card: Any) -> Any:
    return SimpleNamespace(
        name=name,
        ready=True,
        require_ready=lambda: None,
        require_channel=lambda: None,
        require_room=lambda: None,
        card=ModelCard(**{"kind": "fake", "languages": ("en", "de"), **card}),
    )


def admission(**options: Any) -> Admission:
    engines = [
        engine("plain"),
        engine("able", detects=True, tasks=("transcribe", "translate"), prompt=True, keywords=True),
    ]
    return Admission({each.name: each for each in engines}, AdmissionOptions(**options))


def test_the_first_model_is_the_default():
    assert admission().engine(SessionOptions()).name == "plain"
    assert admission().engine(SessionOptions(model="able")).name == "able"


def test_hints_are_left_out_where_that_is_asked_for():
    options = SessionOptions(prompt="Steno", keywords=("refund",), lenient=True)
    plain = admission().engine(options)
    assert fitted(options, plain) == SessionOptions(lenient=True)
    assert fitted(options, admission().engines["able"]) == options
    with pytest.raises(Unsupported, match="fr"):
        fitted(SessionOptions(languages=("fr",), lenient=True), plain)


def test_an_unknown_model_is_named_with_those_that_there_are():
    with pytest.raises(UnknownModel, match="nobody") as caught:
        admission().engine(SessionOptions(model="nobody"))
    assert "`able`" in str(caught.value.hint)


@pytest.mark.parametrize(
    "options",
    [
        {"languages": ("fr",)},
        {"languages": ("en", "de")},
        {"task": "translate"},
        {"prompt": "Steno"},
        {"keywords": ("refund",)},
    ],
)
def test_what_a_model_cannot_honour_is_refused(options: dict[str, Any]):
    with pytest.raises(Unsupported, match="plain"):
        admission().engine(SessionOptions(**options))
    if options.get("languages") != ("fr",):
        assert admission().engine(SessionOptions(model="able", **options)).name == "able"


def test_one_that_detects_among_all_its_languages_takes_one_or_none():
    broad = Admission({"broad": engine("broad", detects=True, narrows=False)}, AdmissionOptions())
    assert broad.engine(SessionOptions()).name == broad.engine(SessionOptions(languages=("de",))).name == "broad"
    with pytest.raises(Unsupported, match="among some languages only"):
        broad.engine(SessionOptions(languages=("en", "de")))


def test_a_model_that_is_not_loaded_takes_nobody_yet():
    waiting = Admission({"slow": Engine(ModelSpec(name="slow", kind="scripted"))}, AdmissionOptions())
    with pytest.raises(Overloaded, match="slow"):
        waiting.engine(SessionOptions())


def test_one_language_is_fine_where_none_can_be_detected():
    assert admission().engine(SessionOptions(languages=("de",))).name == "plain"


def test_seats_are_limited_and_given_back():
    room = admission(max_sessions=2)
    with room.seat(None), room.seat(None), pytest.raises(Overloaded) as caught, room.seat(None):
        pass
    assert caught.value.retry_after_s
    with room.seat(None), room.seat(None):
        pass


def test_one_key_cannot_take_anothers_seats():
    room = admission(max_sessions_per_key=1)
    with room.seat("a"), room.seat("b"), pytest.raises(QuotaExceeded), room.seat("a"):
        pass


def test_a_draining_server_takes_nobody():
    room = admission()
    room.draining = True
    with pytest.raises(Draining), room.seat(None):
        pass


def full() -> None:
    raise Overloaded("at its limit", retry_after_s=10)


def test_an_engine_at_its_limit_takes_no_more():
    room = admission()
    room.engines["plain"].require_room = full
    with pytest.raises(Overloaded, match="limit"):
        room.engine(SessionOptions())
    with room.seat(None):
        assert room.engine(SessionOptions(model="able")).name == "able"
    room.engines["able"].require_room = full
    with pytest.raises(Overloaded, match="limit"), room.seat(None):
        pass


def test_no_number_of_sessions_stands_for_a_channel():
    room = admission(max_sessions=1)
    room.engines["plain"].require_channel = full
    with room.seat(None):
        pass
    room.engines["able"].require_channel = full
    with pytest.raises(Overloaded, match="limit"), room.seat(None):
        pass


def test_a_number_of_sessions_stands_for_the_measure():
    room = admission(max_sessions=1)
    for each in room.engines.values():
        each.require_room = full
    with room.seat(None):
        assert room.engine(SessionOptions()).name == "plain"


def test_a_vendors_name_stands_for_the_model_that_can_do_it():
    assert admission().engine(SessionOptions(model="whisper-1")).name == "plain"
    assert admission().engine(SessionOptions(model="whisper-1", task="translate")).name == "able"


def test_places_for_recordings_are_limited_and_given_back():
    room = admission(max_recordings=1, max_recordings_per_key=2)
    with room.place("a"), room.place("a"), pytest.raises(QuotaExceeded) as caught, room.place("a"):
        pass
    assert caught.value.retry_after_s
    with room.place("a"), room.place("a"), room.place("b"):
        pass
    room.draining = True
    with pytest.raises(Draining), room.place("a"):
        pass


def test_recordings_that_wait_are_few(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("stream.admission.WAITING", 2)
    room = admission(max_recordings=1)
    with room.place(None), room.place(None), pytest.raises(Overloaded), room.place(None):
        pass
