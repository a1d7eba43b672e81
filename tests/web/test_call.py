"""The call page on a real server: a recording, two devices, and calls of others', to what is downloaded of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, expect
from websockets.sync.client import connect

from models.scripted import ledger_audio
from tests.e2e.conftest import Server, say
from tests.stream import calls as twilio
from tests.vad.voice import silence
from tests.web.calls import HEARD, Sound, finals, heard, said, write_stereo
from tests.web.conftest import GONE, settle, write_wav

KEY = "call-5f3a91"
RULES = """
[[rule]]
name = "Five"
hint = "Say six."
phrases = ["w5 w6"]
side = "caller"
severity = "urgent"

[[rule]]
name = "Agent's seven"
hint = "Say eight."
phrases = ["w107"]
side = "agent"

[[rule]]
name = "Beat"
hint = "Go on."
phrases = ["s1 s2"]
severity = "warning"
"""
CALLER: Sound = np.concatenate([silence(0.5), ledger_audio(0, 20), silence(1.2), ledger_audio(20, 8), silence(0.8)])
AGENT: Sound = np.concatenate([silence(1.8), ledger_audio(100, 15), silence(0.8)])
"""The agent begins while the caller talks, and ends later."""


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rules") / "my.toml"
    path.write_text(RULES)
    return path


@pytest.fixture(scope="module")
def keyed(start_server: Callable[..., Server], rules: Path) -> Server:
    return start_server("--model", "scripted", "--drain-s", "0", "--rules", str(rules), STENO_API_KEYS=KEY)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stereo(tmp_path_factory.mktemp("call") / "call.wav", CALLER, AGENT)


@pytest.fixture
def opened(open_page: Callable[..., Page], keyed: Server) -> Callable[..., Page]:
    """Opens /call with a key that was given before."""

    def opened(query: str = "", key: str = KEY) -> Page:
        page = open_page("about:blank")
        page.add_init_script(HEARD)
        page.add_init_script(f"if (location.origin !== 'null') sessionStorage['steno.key'] = {json.dumps(key)}")
        page.goto(f"{keyed.http}/call{query}")
        return page

    return opened


def play(page: Page, file: Path, pace: str) -> None:
    page.locator("#file").set_input_files(file)
    page.locator("#pace").select_option(pace)
    page.get_by_role("button", name="Start").click()


def over(page: Page) -> None:
    expect(page.locator("#status")).to_have_text("The call is over", timeout=20_000)
    settle(page)


def stable_at(page: Page, side: int, words: str) -> float:
    """When some words of a side had come and were not to change any more."""
    at: float = page.evaluate(
        """([side, words]) => heard.find(({ message: { type, channel, text, stable } }) =>
             channel === side && text?.slice(0, type === "final" ? undefined : stable).includes(words)).at""",
        [side, words],
    )
    return at


def downloaded(page: Page, name: str) -> tuple[str, str]:
    """A file's name and text."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name=f"Download as {name}").click()
    return waiting.value.suggested_filename, waiting.value.path().read_text("utf-8")


def bearer(key: str = KEY) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


# -- a recording ------------------------------------------------------------------------------------------------------


def test_a_recording_is_played_and_its_cards_come_within_a_second(opened: Callable[..., Page], recording: Path):
    page = opened()
    play(page, recording, "play")
    expect(page.locator("#status")).to_contain_text("Live")
    over(page)
    assert said(page) == finals(heard(page))
    assert said(page)[0].split()[:3] == ["w0", "w1", "w2"]
    assert "w100" in said(page)[1]
    assert page.locator("#cards h3").all_text_contents() == ["Agent's seven", "Five"]
    expect(page.locator("#alarm")).to_have_text("Note: Agent's seven. Say eight.")
    due = [stable_at(page, 0, "w5 w6"), stable_at(page, 1, "w107")]
    waits = [shown - stable for shown, stable in zip(page.evaluate("shown"), due, strict=True)]
    assert all(0 <= wait <= 1000 for wait in waits), waits


def test_all_that_is_downloaded(opened: Callable[..., Page], recording: Path):
    page = opened()
    page.locator("#file").set_input_files(recording)
    play(page, recording, "fast")
    over(page)
    page.get_by_label("Name of the caller").fill("Ana <b>")
    page.get_by_role("button", name="Dismiss Five").click()
    sent = [each for each in heard(page) if each["type"] == "final"]

    name, text = downloaded(page, "JSON")
    record = json.loads(text)
    assert re.fullmatch(r"call-\d{4}-\d\d-\d\d-\d{4}\.json", name)
    assert (record["format"], record["model"], record["complete"]) == ("steno-call-1", "scripted", True)
    assert record["speakers"] == ["Ana <b>", "Agent"]
    for side in (0, 1):
        turns = [each for each in record["turns"] if each["speaker"] == side]
        assert " ".join(each["text"] for each in turns) == finals(sent)[side]
        words = [word for each in turns for word in each["words"]]
        assert words == [word for each in sent if each["channel"] == side for word in each["words"]]
    assert [(card["rule"], card["text"], card["dismissed"]) for card in record["cards"]] == [
        ("Five", "w5 w6", True),
        ("Agent's seven", "w107", False),
    ]
    told = record["statistics"]
    talked = [sum(each["end"] - each["start"] for each in sent if each["channel"] == side) for side in (0, 1)]
    assert [side["talk_s"] for side in told["sides"]] == pytest.approx(talked, abs=0.01)
    assert told["duration_s"] == pytest.approx(len(CALLER) / 16_000, abs=0.05)
    assert 0.4 < told["overlap_s"] < 1.2
    assert told["interruptions"] == [{"at": pytest.approx(1.8, abs=0.2), "by": 1, "yielded": True}]

    name, text = downloaded(page, "VTT")
    assert name.endswith(".vtt")
    cues = re.findall(r"^(\d\d:\d\d:\d\d\.\d{3}|\d\d:\d\d\.\d{3}) --> .*\n((?:.+\n)+)", text, re.M)
    assert text.startswith("WEBVTT\n")
    assert cues
    assert all(said.startswith(("<v Ana ", "<v Agent>")) for _, said in cues)
    spoken = " ".join(re.sub(r"<[^>]*>", "", said).strip() for _, said in cues if said.startswith("<v Agent>")).split()
    assert spoken == finals(sent)[1].split()


def test_a_recording_that_is_no_call_is_named_as_such(opened: Callable[..., Page], tmp_path: Path):
    page = opened()
    expect(page.locator("#status")).to_have_text("Ready")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#complaint")).to_have_text("Choose a recording first.")
    write_wav(tmp_path / "mono.wav", CALLER)
    play(page, tmp_path / "mono.wav", "fast")
    expect(page.locator("#complaint")).to_contain_text("This recording is mono, and a call has two sides")
    (tmp_path / "text.wav").write_text("no sound")
    play(page, tmp_path / "text.wav", "fast")
    expect(page.locator("#complaint")).to_contain_text("This is no recording")


def test_a_recording_can_be_stopped_and_another_call_begun(opened: Callable[..., Page], recording: Path):
    page = opened()
    play(page, recording, "play")
    expect(page.locator("#turns li").first).to_be_visible()
    page.get_by_role("button", name="Mute").click()
    expect(page.get_by_role("button", name="Mute")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#status")).to_have_text("Paused")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#status")).to_contain_text("Live")
    page.get_by_role("button", name="Stop").click()
    over(page)
    assert said(page) == finals(heard(page))
    page.get_by_role("button", name="New call").click()
    expect(page.get_by_role("heading", name="Follow a call")).to_be_visible()
    play(page, recording, "fast")
    over(page)
    assert "w27" in said(page)[0]


# -- two devices ------------------------------------------------------------------------------------------------------


def test_two_microphones_are_two_sides(opened: Callable[..., Page]):
    page = opened()
    page.get_by_text("Two devices").click()
    for select in ("#caller-source", "#agent-source"):
        page.locator(select).select_option("")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#complaint")).to_contain_text("Both sides are the same device")
    found = page.locator("#agent-source option").evaluate_all("all => all.map(({ value }) => value)")
    page.locator("#agent-source").select_option(next(value for value in found if value not in ("", "shared")))
    page.get_by_role("button", name="Start").click()
    for side in (0, 1):
        expect(page.locator(f"#turns li[data-side='{side}']").first).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    over(page)
    assert said(page) == finals(heard(page))
    assert all(said(page))


# -- calls of others' -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["by its name", "from the list"])
def test_a_call_of_twilios_is_watched(opened: Callable[..., Page], keyed: Server, way: str):
    talk = list(twilio.streamed(twilio.side(3.0, (0.2, 1.2)), twilio.side(3.0, (1.6, 0.8))))
    address = keyed.http.replace("http", "ws", 1) + "/twilio"
    with connect(address, additional_headers=bearer(), compression=None) as call:
        for message in (twilio.CONNECTED, twilio.start()):
            say(call, **message)
        while not httpx.get(f"{keyed.http}/v1/sessions?label=callSid:CA1", headers=bearer()).json()["data"]:
            pass
        page = opened("?watch=CA1" if way == "by its name" else "")
        if way == "from the list":
            page.get_by_text("A live call").click()
            expect(page.locator("#session option")).to_contain_text("CA1 · scripted")
            page.get_by_role("button", name="Start").click()
        expect(page.locator("#status")).to_have_text("Watching")
        for message in (*talk, twilio.STOP):
            say(call, **message)
        over(page)
    assert said(page) == finals(heard(page))
    assert all(said(page))
    assert page.locator("#cards h3").all_text_contents() == ["Beat"]
    record = json.loads(downloaded(page, "JSON")[1])
    assert (record["complete"], record["turns"][0]["words"]) == (True, None)


def test_a_call_that_is_not_there_is_said_to_be(opened: Callable[..., Page], complaints: Any):
    complaints.expect("404", "failed")
    page = opened("?watch=CA404")
    expect(page.locator("#status")).to_contain_text("CA404")
    expect(page.locator("#status")).to_have_attribute("data-tone", "wrong")
    expect(page.get_by_role("heading", name="Follow a call")).to_be_visible()


# -- rules, keys, and a server that is gone ---------------------------------------------------------------------------


def test_rules_that_have_become_wrong_are_said_to_be_and_those_before_hold(
    opened: Callable[..., Page], rules: Path, recording: Path
):
    rules.write_text(RULES.replace("urgent", "red"))
    try:
        page = opened()
        play(page, recording, "fast")
        over(page)
        expect(page.locator("#rules")).to_contain_text('my.toml, line 2, rule 1 "Five": Invalid enum value')
        assert page.locator("#cards h3").all_text_contents() == ["Agent's seven", "Five"]
    finally:
        rules.write_text(RULES)


def test_a_wrong_key_is_asked_for_again(
    keyed: Server, open_page: Callable[..., Page], complaints: Any, recording: Path
):
    complaints.expect("401")
    page = open_page(f"{keyed.http}/call")
    key = page.get_by_label("API key or token")
    for given, complaint in (("wrong", "needed"), (KEY, "No such API key")):
        expect(page.locator("dialog [role=alert]")).to_contain_text(complaint)
        key.fill(given)
        page.get_by_role("button", name="Use it").click()
    expect(page.locator("#status")).to_have_text("Ready")
    play(page, recording, "fast")
    over(page)
    assert KEY not in page.url


def test_a_token_in_the_fragment_opens_a_call_and_its_rules(keyed: Server, open_page: Callable[..., Page]):
    with keyed.connect("?channels=2", additional_headers=bearer(), close_timeout=0.1) as call:
        session = json.loads(call.recv())["session"]
        asked = {"scope": "watch", "session": session}
        token = httpx.post(f"{keyed.http}/v1/tokens", json=asked, headers=bearer()).json()["token"]
        page = open_page(f"{keyed.http}/call?watch={session}#token={token}")
        expect(page.locator("#status")).to_have_text("Watching")
        assert page.url == f"{keyed.http}/call?watch={session}"
        expect(page.locator("#rules")).to_be_empty()
        frames = np.stack([CALLER, np.zeros_like(CALLER)], axis=1).tobytes()
        for start in range(0, len(frames), 32_000):
            call.send(frames[start : start + 32_000])
        expect(page.locator("#cards h3")).to_have_text(["Five"])


def test_a_server_that_is_gone(start_server: Callable[..., Server], open_page: Callable[..., Page], complaints: Any):
    complaints.expect(*GONE)
    server = start_server("--model", "scripted", "--drain-s", "0")
    with server.connect("?channels=2") as call:
        session = json.loads(call.recv())["session"]
        page = open_page(f"{server.http}/call?watch={session}")
        expect(page.locator("#status")).to_have_text("Watching")
        expect(page.locator("#rules")).to_contain_text("examples")
        server.process.kill()
        server.process.join()
    expect(page.locator("#status")).to_contain_text("Reconnecting…")
    page.get_by_role("button", name="Leave").click()
    expect(page.locator("#status")).to_have_text("You have left the call")
    page.get_by_role("button", name="New call").click()
    expect(page.locator("#status")).to_contain_text("The server is gone")
