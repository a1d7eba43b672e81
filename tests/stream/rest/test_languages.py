"""Every language that a Whisper knows has a name."""

from faster_whisper.tokenizer import _LANGUAGE_CODES

from stream.rest.languages import NAMES, SPACELESS, name


def test_every_code_of_whisper_has_a_name():
    assert set(_LANGUAGE_CODES) == NAMES.keys()
    assert len(set(NAMES.values())) == len(NAMES)
    assert all(each.islower() for each in NAMES.values())
    assert NAMES.keys() >= SPACELESS


def test_names():
    assert (name("de"), name("ht"), name("tlh"), name(None)) == ("german", "haitian creole", "tlh", "")
