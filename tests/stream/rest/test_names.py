"""Vendors' names stand for the best of our models, other names for nothing."""

import pytest
from mistralai.client.models import BaseModelCard, ModelList
from openai.types import Model

from models.base import ModelCard
from stream.errors import UnknownModel, Unsupported
from stream.rest.names import ALIASES, entries, entry, resolve, resolve_chat

ENGLISH = ModelCard(kind="pocketsphinx", languages=("en",))
TURBO = ModelCard(kind="whisper", languages=("en", "de"), detects=True)
BASE = ModelCard(kind="whisper", languages=("en", "de"), detects=True, tasks=("transcribe", "translate"))
VOXTRAL = ModelCard(kind="voxtral", languages=("en", "de"))
CARDS = {"sphinx": ENGLISH, "turbo": TURBO, "base": BASE, "voxtral-mini": VOXTRAL}


def test_an_own_name_is_itself_even_where_it_is_a_vendors():
    assert resolve("base", CARDS) == "base"
    assert resolve("whisper-1", {"first": BASE, "whisper-1": TURBO}) == "whisper-1"


def test_no_name_is_the_operators_first():
    assert resolve(None, CARDS) == "sphinx"


@pytest.mark.parametrize(
    ("alias", "own"),
    [
        ("whisper-1", "turbo"),
        ("gpt-4o-transcribe", "sphinx"),
        ("voxtral-mini-2507", "voxtral-mini"),
        ("voxtral-mini-transcribe-realtime-2602", "voxtral-mini"),
        ("voxtral-small-latest", "voxtral-mini"),
        ("nova-3", "sphinx"),
    ],
)
def test_a_vendors_name_is_the_first_of_its_kind(alias: str, own: str):
    assert resolve(alias, CARDS) == own


@pytest.mark.parametrize("order", [("offline", "realtime"), ("realtime", "offline")])
def test_of_two_of_a_family_a_vendors_name_is_the_one_it_says(order: tuple[str, str]):
    both = {"offline": VOXTRAL, "realtime": ModelCard(kind="voxtral_realtime", languages=("en", "de"))}
    cards = {"sphinx": ENGLISH, **{name: both[name] for name in order}}
    assert resolve("voxtral-mini-2507", cards) == "offline"
    assert resolve("voxtral-mini-transcribe-realtime-latest", cards) == "realtime"
    assert resolve("voxtral-mini-2507", {"sphinx": ENGLISH, "realtime": both["realtime"]}) == "realtime"


def test_without_one_of_its_kind_it_is_the_first():
    assert resolve("voxtral-mini-2507", {"sphinx": ENGLISH, "base": BASE}) == "sphinx"


def test_what_is_asked_counts_for_more_than_kind_and_order():
    assert resolve("whisper-1", CARDS, "translate") == "base"
    assert resolve("voxtral-mini-latest", CARDS, "translate") == "base"
    assert resolve("nova-3", CARDS, languages=["de"]) == "turbo"


def test_one_that_is_not_ready_is_the_last_choice():
    assert resolve("whisper-1", {"turbo": None, "base": BASE}) == "base"
    assert resolve("whisper-1", {"turbo": None, "large": None}) == "turbo"


@pytest.mark.parametrize("name", ["gpt-4o-transcribe-diarize", "nova-3-medical", "", "Base", "x" * 5000])
def test_any_other_name_is_unknown(name: str):
    with pytest.raises(UnknownModel, match="no model") as caught:
        resolve(name, CARDS)
    assert caught.value.status == 404
    assert "`sphinx`" in str(caught.value.hint)
    assert len(caught.value.message) < 200


def test_the_list_holds_our_models_and_every_alias_once():
    listed = entries(CARDS, 1)
    assert [each["id"] for each in listed[:4]] == list(CARDS)
    assert sorted(each["id"] for each in listed) == sorted([*CARDS, *ALIASES])
    of = {each["id"]: each["alias_of"] for each in listed}
    assert of["whisper-1"] == "turbo"
    assert of["turbo"] is None
    assert "whisper-1" in listed[1]["aliases"]


def test_both_vendors_parse_every_entry():
    listed = entries({"base": BASE, "late": None}, 1)
    for each in listed:
        Model.model_validate(each, strict=True)
        assert BaseModelCard.model_validate(each).capabilities.audio_transcription
    assert all(isinstance(each, BaseModelCard) for each in ModelList.model_validate({"data": listed}).data or ())
    assert {each["id"]: each["ready"] for each in listed} | {"base": True, "late": False} == {
        each["id"]: each["ready"] for each in listed
    }


def test_one_entry():
    assert entry("nova-3", CARDS, 1)["alias_of"] == "sphinx"
    assert entry("base", CARDS, 1)["tasks"] == ["transcribe", "translate"]
    with pytest.raises(UnknownModel):
        entry("nobody", CARDS, 1)


# -- chats ------------------------------------------------------------------------------------------------------------

TALKER = ModelCard(kind="other", languages=("en",), chat_audio_s=60.0)
MINI = ModelCard(kind="voxtral", languages=("en",), chat_audio_s=60.0)
CHATTING = {"base": BASE, "talker": TALKER, "mini": MINI, "late": None}


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("talker", "talker"),
        ("late", "late"),
        (None, "talker"),
        ("voxtral-mini-2507", "mini"),
        ("voxtral-small-latest", "mini"),
    ],
)
def test_chats_are_answered_by_the_best_that_can(name: str | None, own: str):
    assert resolve_chat(name, CHATTING) == own


def test_without_one_of_its_kind_another_that_can_chat_answers():
    assert resolve_chat("voxtral-mini-2507", {"base": BASE, "talker": TALKER}) == "talker"


def test_one_that_is_not_ready_may_be_one_that_can():
    assert resolve_chat("voxtral-mini-2507", {"base": BASE, "late": None}) == "late"


@pytest.mark.parametrize(
    ("name", "error"),
    [("base", Unsupported), ("whisper-1", Unsupported), ("nova-3", Unsupported), ("gpt-4o", UnknownModel)],
)
def test_what_can_not_chat_names_what_can(name: str, error: type[Exception]):
    with pytest.raises(error) as caught:
        resolve_chat(name, CHATTING)
    assert caught.value.hint == "`talker`, `mini` can chat"  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["base", "voxtral-mini-2507", None])
def test_without_any_it_is_said_how_to_get_one(name: str | None):
    with pytest.raises(Unsupported) as caught:
        resolve_chat(name, {"base": BASE})
    assert "--model voxtral:" in str(caught.value.hint)


def test_the_list_says_who_can_chat():
    listed = {each["id"]: each["capabilities"]["completion_chat"] for each in entries(CHATTING, 1)}
    able = {name for name, alias in ALIASES.items() if alias.chats}
    assert {name for name, can in listed.items() if can} == {"talker", "mini"} | able
    assert not any(each["capabilities"]["completion_chat"] for each in entries(CARDS, 1))
