"""The package as npm has it: what is in it, and that it works in an empty folder."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

from tests import needs

SDK = Path(__file__).parents[3] / "clients" / "js"
IMPORTS = """
import { connect, ConnectError, watch } from "steno-client";
import { AudioError, capture, microphone, sharedAudio } from "steno-client/capture";
import { pcm16 } from "steno-client/pcm";
import { captions, srt, txt, vtt } from "steno-client/subtitles";
console.log(srt([{ channel: 0, start: 1, end: 2, text: "Hello." }]));
"""
CALL = """
import { connect } from "steno-client";
await connect("ws://127.0.0.1:9").catch((error) => console.log(error.message));
"""


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    npm("pack", str(SDK), "--pack-destination", str(folder), cwd=folder)
    [packed] = folder.iterdir()
    return packed


def npm(*arguments: str, cwd: Path) -> None:
    options = ("--offline", "--no-audit", "--no-fund", "--silent")
    ran = subprocess.run(
        [needs.command("npm"), *arguments, *options], cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def run(script: str, folder: Path, *flags: str) -> str:
    node = [needs.command("node"), *flags, "--input-type=module", "--eval", script]
    return subprocess.run(node, cwd=folder, capture_output=True, text=True, timeout=60, check=True).stdout


def test_the_package_holds_the_sdk_and_nothing_else(tarball: Path):
    with tarfile.open(tarball) as packed:
        names = {name.removeprefix("package/") for name in packed.getnames()}
    sources = {path.name for path in SDK.iterdir() if path.name.endswith((".js", ".d.ts"))}
    assert names == sources | {"package.json", "README.md", "LICENSE"}


def test_it_carries_its_license():
    assert (SDK / "LICENSE").read_text() == (SDK.parents[1] / "LICENSE").read_text()


def test_it_works_in_an_empty_folder(tarball: Path, tmp_path: Path):
    npm("install", str(tarball), cwd=tmp_path)
    assert run(IMPORTS, tmp_path) == "1\n00:00:01,000 --> 00:00:02,000\nHello.\n\n\n"
    # Where Node brings no WebSocket, the package `ws` is what is missing.
    assert run("delete globalThis.WebSocket;" + CALL, tmp_path).startswith("there is no WebSocket here")
    (tmp_path / "node_modules" / "ws").symlink_to(needs.npm_package("ws"))
    called = run("delete globalThis.WebSocket;" + CALL, tmp_path)
    assert called == "no session at ws://127.0.0.1:9/v1/stream: nothing answers there\n"
