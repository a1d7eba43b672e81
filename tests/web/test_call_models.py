"""A real model behind the call page: both sides of a recording at once, and the example rules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from playwright.sync_api import Page, expect

from tests.e2e.command import ROOT
from tests.e2e.conftest import ONE_WORKER, Server
from tests.web.calls import HEARD, finals, heard, said, write_stereo
from tests.web.conftest import settle

CLIPS = ROOT / "tests/fixtures/clips"


@pytest.mark.parametrize("model", ["tests/fixtures/whisper-micro"])
def test_a_caller_who_wants_to_cancel(
    start_server: Callable[..., Server], open_page: Callable[..., Page], tmp_path: Path, model: str
):
    sides = [soundfile.read(CLIPS / name, dtype="int16")[0] for name in ("000000.flac", "000004.flac")]
    server = start_server("--model", model, *ONE_WORKER, "--drain-s", "0")
    page = open_page("about:blank")
    page.add_init_script(HEARD)
    page.goto(server.http + "/call")
    page.locator("#file").set_input_files(write_stereo(tmp_path / "call.wav", *sides))
    page.locator("#pace").select_option("fast")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#status")).to_have_text("The call is over", timeout=30_000)
    settle(page)
    assert said(page) == finals(heard(page))
    assert "cancel" in said(page)[0]
    assert said(page)[1]
    expect(page.locator("#cards h3")).to_have_text(["Cancellation"])
