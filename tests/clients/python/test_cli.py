import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

import steno
from steno import cli, commands
from steno.bench.command import Asked
from steno.bench.slo import Slo


@pytest.fixture
def called(monkeypatch):
    """What `steno` calls in place of a session: the command's name and its arguments."""
    calls = []

    async def transcribe(url, api_key, options, file, **how):
        calls.append(("transcribe", url, api_key, options, file, how))

    async def mic(url, api_key, options):
        calls.append(("mic", url, api_key, options))

    monkeypatch.setattr(commands, "transcribe", transcribe)
    monkeypatch.setattr(commands, "mic", mic)
    monkeypatch.delenv("STENO_API_KEY", raising=False)
    return calls


def test_only_what_was_asked_for_is_passed_on(called):
    assert cli.main(["transcribe", "a.wav"]) == 0
    assert cli.main(["mic", "--language", "en", "--language", "de", "--keyword", "Steno", "--url", "https://a/x"]) == 0
    how = {"realtime": False, "format": None, "output": None}
    assert called == [
        ("transcribe", "ws://127.0.0.1:8765/v1/stream", None, {"words": False}, "a.wav", how),
        ("mic", "wss://a/x/v1/stream", None, {"language": ["en", "de"], "keywords": ["Steno"]}),
    ]


@pytest.mark.parametrize(
    ("arguments", "format", "words"),
    [
        ([], None, False),
        (["--txt"], "txt", False),
        (["--srt"], "srt", True),
        (["--json"], "json", False),
        (["--json", "--words"], "json", True),
        (["-o", "a.vtt"], "vtt", True),
        (["-o", "a.vtt", "--json"], "json", False),
        (["-o", "a.text"], "txt", False),
    ],
)
def test_the_format_is_asked_for_or_told_by_the_output(called, arguments, format, words):
    assert cli.main(["transcribe", "a.wav", *arguments]) == 0
    (_, _, _, options, _, how) = called[0]
    assert (how["format"], options["words"]) == (format, words)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["sing"],
        ["transcribe"],
        ["transcribe", "a.wav", "--json", "--srt"],
        ["transcribe", "a.wav", "--words"],
        ["transcribe", "a.wav", "--words", "--txt"],
        ["transcribe", "a.wav", "--url", "ftp://a"],
        ["mic", "--url", "ws://a?key=secret"],
        ["mic", "--task", "sing"],
    ],
)
def test_wrong_usage_is_exit_code_2(called, arguments):
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    assert left.value.code == 2
    assert called == []


# -- steno bench --------------------------------------------------------------------------------------------------


@pytest.fixture
def benched(monkeypatch):
    """What `steno bench` calls in place of a server: its arguments."""
    calls = []

    async def bench(url, api_key, options, asked):
        calls.append((url, api_key, options, asked))

    monkeypatch.setattr("steno.bench.command.bench", bench)
    monkeypatch.setenv("STENO_API_KEY", "k3y")
    return calls


def test_a_bench_needs_a_server_and_a_corpus(benched):
    assert cli.main(["bench", "http://a:1", "talks"]) == 0
    assert benched == [("ws://a:1/v1/stream", "k3y", {"words": False}, Asked(corpus=Path("talks")))]


def test_a_bench_is_told_all_that_was_asked_for(benched):
    arguments = "--sessions 8 --seconds 30 --separate --ramp 9 --language detect --model base --words --seed 7"
    arguments += " --offline texts.jsonl --json a.json --plot a.png --files b.flac c.flac"
    assert cli.main(["bench", "ws://a", "talks", *arguments.split()]) == 0
    [(_, _, options, asked)] = benched
    assert options == {"words": True, "model": "base"}
    assert asked == Asked(
        corpus=Path("talks"),
        files=("b.flac", "c.flac"),
        sessions=8,
        seconds=30.0,
        separate=True,
        ramp_s=9.0,
        detect=True,
        seed=7,
        offline=Path("texts.jsonl"),
        json=Path("a.json"),
        plot=Path("a.png"),
    )


def test_the_largest_number_is_searched_for_a_minute_each(benched):
    assert cli.main(["bench", "ws://a", "talks", "--find-largest"]) == 0
    cli.main(["bench", "ws://a", "talks", "--find-largest", "--most", "9", "--seconds", "5", "--slo-word-s", "1"])
    first, second = (asked for _, _, _, asked in benched)
    assert (first.most, first.seconds, first.slo) == (1024, 60.0, Slo(word_s=2.5, final_s=0.8))
    assert (second.most, second.seconds, second.slo) == (9, 5.0, Slo(word_s=1.0, final_s=0.8))


@pytest.mark.parametrize(
    "arguments",
    [[], ["ws://a"], ["ftp://a", "talks"], ["ws://a", "talks", "--sessions", "0"], ["ws://a", "talks", "--most", "x"]],
)
def test_a_bench_that_cannot_be_is_exit_code_2(benched, arguments):
    with pytest.raises(SystemExit) as left:
        cli.main(["bench", *arguments])
    assert left.value.code == 2
    assert benched == []


def test_a_bench_without_a_corpus_is_a_failure(tmp_path, capsys):
    assert cli.main(["bench", "ws://a", str(tmp_path)]) == 1
    assert "refs.jsonl" in capsys.readouterr().err


# -- the key and failures -----------------------------------------------------------------------------------------


def test_the_key_comes_from_a_file_before_the_environment(called, monkeypatch, tmp_path):
    monkeypatch.setenv("STENO_API_KEY", "from-environment")
    (tmp_path / "key").write_text("from-file\n")
    cli.main(["mic"])
    cli.main(["mic", "--api-key-file", str(tmp_path / "key")])
    assert [call[2] for call in called] == ["from-environment", "from-file"]


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (steno.IncompleteError("lost", received=2, durable=1), 3, "steno: lost"),
        (steno.ConnectError("nothing there"), 1, "steno: nothing there"),
        (PermissionError(13, "Permission denied", "out.srt"), 1, "out.srt"),
        (
            ModuleNotFoundError("No module named 'rich'", name="rich"),
            1,
            "needs rich: install steno-client with its extra [cli]",
        ),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_failures_are_told_in_a_line_and_by_exit_code(called, monkeypatch, capsys, error, code, told):
    async def fail(*arguments, **how):
        raise error

    monkeypatch.setattr(commands, "mic", fail)
    assert cli.main(["mic"]) == code
    assert told in capsys.readouterr().err


def test_a_bug_is_not_mistaken_for_a_missing_extra(called, monkeypatch):
    async def fail(*arguments, **how):
        raise ModuleNotFoundError("No module named 'steno.sing'", name="steno.sing")

    monkeypatch.setattr(commands, "mic", fail)
    with pytest.raises(ModuleNotFoundError):
        cli.main(["mic"])


WITHOUT_EXTRA = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in ("matplotlib", "numpy", "rich", "sounddevice", "soundfile"):
            raise ModuleNotFoundError(name=name)

sys.meta_path.insert(0, Missing())
import steno.sync
from steno.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["transcribe", "a.wav"], "`steno transcribe` needs rich: install steno-client with its extra [cli]"),
        (["bench", "ws://a", "talks"], "`steno bench` needs rich: install steno-client with its extra [bench]"),
    ],
)
def test_without_the_extra_the_library_works_and_the_command_says_what_is_missing(arguments, told):
    command = [sys.executable, "-c", WITHOUT_EXTRA, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"steno: {told}\n"


# -- steno models -------------------------------------------------------------------------------------------------


async def ask_for_models(server, status, body, *more):
    """Exit code of `steno models` where HTTP answers so, and the request."""
    requests = []

    def answer(connection, request):
        requests.append(request)
        return connection.respond(status, body)

    async with server(None, process_request=answer) as url:
        code = await asyncio.to_thread(cli.main, ["models", "--url", url, *more])
    return code, requests[0]


async def test_models_are_named_one_a_line(server, capsys, monkeypatch):
    monkeypatch.setenv("STENO_API_KEY", "k3y")
    code, request = await ask_for_models(server, 200, json.dumps({"data": [{"id": "pocketsphinx"}, {"id": "base"}]}))
    assert code == 0
    assert request.path == "/v1/models"
    assert request.headers["Authorization"] == "Bearer k3y"
    assert capsys.readouterr().out == "pocketsphinx\nbase\n"


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (401, '{"error":{"code":"unauthorized","message":"no key"}}', "no key (unauthorized, HTTP 401)"),
        (404, "<html>", "HTTP 404"),
        (200, "<html>", "no list of models at http://"),
        (200, "[]", "no list of models at http://"),
    ],
)
async def test_no_models_are_a_failure(server, capsys, status, body, told):
    code, _ = await ask_for_models(server, status, body)
    assert code == 1
    assert told in capsys.readouterr().err


async def test_no_server_is_a_failure(server, capsys):
    async with server(None) as url:
        pass
    assert await asyncio.to_thread(cli.main, ["models", "--url", url]) == 1
    assert "no list of models" in capsys.readouterr().err


def test_help_tells_the_exit_codes(capsys):
    with pytest.raises(SystemExit):
        cli.main(["transcribe", "--help"])
    assert "3 cut short" in capsys.readouterr().out
