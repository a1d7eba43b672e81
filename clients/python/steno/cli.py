"""The `steno` command: its arguments, its key, its exit codes.

Knows nothing of sessions; the files that need the extra [cli] are imported when a command runs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from steno.errors import ConnectError, IncompleteError, StenoError
from steno.formats import FORMATS, WITH_WORDS
from steno.options import Options
from steno.protocol import endpoint, refusal

EXIT_CODES = "exit codes: 0 complete, 1 failed, 2 wrong usage, 3 cut short (what came is written), 130 interrupted"
EXTRA = {"numpy", "rich", "sounddevice", "soundfile"}


def main(argv: Sequence[str] | None = None) -> int:
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        args.run(args)
    except argparse.ArgumentError as error:
        parser.error(str(error))
    except ModuleNotFoundError as missing:
        if missing.name not in EXTRA:
            raise
        return _failed(f"`steno {args.command}` needs {missing.name}: install steno-client with its extra [cli]")
    except IncompleteError as error:
        _failed(str(error))
        return 3
    except (StenoError, OSError) as error:
        return _failed(str(error))
    except KeyboardInterrupt:
        return 130
    return 0


def _failed(message: str) -> int:
    print(f"steno: {message}", file=sys.stderr)
    return 1


# -- arguments ----------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    server = argparse.ArgumentParser(add_help=False)
    server.add_argument("--url", type=_address, default="ws://127.0.0.1:8765", help="the server (%(default)s)")
    server.add_argument("--api-key-file", metavar="FILE", type=Path, help="its key; else STENO_API_KEY is taken")

    speech = argparse.ArgumentParser(add_help=False)
    speech.add_argument("--model", help="one of `steno models`; else the server's default")
    speech.add_argument(
        "--language", action="append", metavar="CODE", help="one, or several that may occur; else detected"
    )
    speech.add_argument("--task", choices=("transcribe", "translate"))
    speech.add_argument("--prompt", help="what it is about")
    speech.add_argument(
        "--keyword", action="append", dest="keywords", metavar="WORD", help="to be favoured; repeatable"
    )

    parser = argparse.ArgumentParser(prog="steno", description="Live speech-to-text.", epilog=EXIT_CODES)
    commands = parser.add_subparsers(dest="command", required=True)

    transcribe = commands.add_parser("transcribe", parents=[server, speech], help="an audio file", epilog=EXIT_CODES)
    transcribe.set_defaults(run=_transcribe)
    transcribe.add_argument("file", metavar="FILE", help="wav, flac, ogg, mp3 …; each of its channels by itself")
    transcribe.add_argument("--realtime", action="store_true", help="at the pace it was spoken")
    transcribe.add_argument(
        "-o", "--output", metavar="OUT", type=Path, help="write there; its suffix can say the format"
    )
    transcribe.add_argument("--words", action="store_true", help="times of words; implied by --srt and --vtt")
    formats = transcribe.add_mutually_exclusive_group()
    for name in FORMATS:
        formats.add_argument(f"--{name}", dest="format", action="store_const", const=name)

    mic = commands.add_parser("mic", parents=[server, speech], help="the microphone, until Ctrl-C", epilog=EXIT_CODES)
    mic.set_defaults(run=_mic)

    models = commands.add_parser("models", parents=[server], help="what the server can run")
    models.set_defaults(run=_models)
    return parser


def _address(url: str) -> str:
    try:
        return endpoint(url, "ws", "stream")
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _key(args: argparse.Namespace) -> str | None:
    if args.api_key_file:
        return str(args.api_key_file.read_text().strip())
    return os.environ.get("STENO_API_KEY")


def _options(args: argparse.Namespace) -> Options:
    """What was asked for and nothing else: the defaults are the server's."""
    asked = {name: getattr(args, name) for name in ("model", "language", "task", "prompt", "keywords")}
    return cast(Options, {name: value for name, value in asked.items() if value is not None})


# -- commands -----------------------------------------------------------------------------------------------------


def _transcribe(args: argparse.Namespace) -> None:
    from steno import commands

    format = args.format
    if args.output and not format:
        suffix = args.output.suffix.removeprefix(".")
        format = suffix if suffix in FORMATS else "txt"
    if args.words and format not in WITH_WORDS:
        raise argparse.ArgumentError(None, f"--words needs a format that has them: {', '.join(WITH_WORDS)}")
    options = _options(args)
    options["words"] = args.words or format in ("srt", "vtt")
    asyncio.run(
        commands.transcribe(
            args.url, _key(args), options, args.file, realtime=args.realtime, format=format, output=args.output
        )
    )


def _mic(args: argparse.Namespace) -> None:
    from steno import commands

    asyncio.run(commands.mic(args.url, _key(args), _options(args)))


def _models(args: argparse.Namespace) -> None:
    """Print the names that `GET /v1/models` lists, one a line."""
    request = urllib.request.Request(endpoint(args.url, "http", "models"))
    if key := _key(args):
        # "Unredirected": wherever a redirect leads, the key stays here.
        request.add_unredirected_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            for model in json.load(answer)["data"]:
                print(model["id"])
    except urllib.error.HTTPError as error:
        with error:
            raise refusal(error.code, error.headers.get("Retry-After"), error.read()) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConnectError(f"no list of models at {request.full_url}: {error}") from None
