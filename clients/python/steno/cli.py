"""The `steno` command: its arguments, its key, its exit codes.

Knows nothing of sessions; the files that need the extra [cli] are imported when a command runs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from steno.errors import ConnectError, IncompleteError, StenoError
from steno.fetch import fetch
from steno.formats import FORMATS, WITH_WORDS
from steno.options import Options
from steno.protocol import endpoint

EXIT_CODES = "exit codes: 0 complete, 1 failed, 2 wrong usage, 3 cut short (what came is written), 130 interrupted"
EXTRA = {"matplotlib", "numpy", "rich", "sounddevice", "soundfile"}
FIND_S = 60.0
"""How long `steno bench --find-largest` measures each number of sessions."""


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
        extra = "bench" if args.command == "bench" else "cli"
        return _failed(f"`steno {args.command}` needs {missing.name}: install steno-client with its extra [{extra}]")
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
    key = argparse.ArgumentParser(add_help=False)
    key.add_argument("--api-key-file", metavar="FILE", type=Path, help="its key; else STENO_API_KEY is taken")
    server = argparse.ArgumentParser(add_help=False, parents=[key])
    server.add_argument("--url", type=_address, default="ws://127.0.0.1:8765", help="the server (%(default)s)")

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

    _add_bench(commands.add_parser("bench", parents=[key], help="measure a server", epilog=EXIT_CODES))
    return parser


def _add_bench(bench: argparse.ArgumentParser) -> None:
    bench.set_defaults(run=_bench)
    bench.description = "Measure a server: sessions at once, in real time, over recordings whose words are known."
    bench.add_argument("url", metavar="URL", type=_address, help="the server")
    bench.add_argument("corpus", metavar="CORPUS", type=Path, help="a folder of recordings with a refs.jsonl")
    bench.add_argument("--sessions", type=_count, default=1, metavar="N", help="at once (%(default)s)")
    bench.add_argument("--seconds", type=float, help="how long they talk; else until each recording was played once")
    bench.add_argument("--files", nargs="+", default=[], metavar="FILE", help="only these of the corpus")
    bench.add_argument("--separate", action="store_true", help="a session for each recording, not one for many")
    bench.add_argument("--ramp", type=float, metavar="S", help="sessions begin at random within so long (3 s)")
    bench.add_argument("--language", choices=("row", "detect"), default="row", help="the corpus's (default), or none")
    bench.add_argument("--model", help="one of `steno models`; else the server's default")
    bench.add_argument("--words", action="store_true", help="ask for times of words, and measure them")
    bench.add_argument("--offline", type=Path, metavar="FILE", help="texts to compare with: lines of {file, text}")
    bench.add_argument("--seed", type=int, default=0, help="of who plays what when (%(default)s)")
    bench.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    bench.add_argument("--plot", type=Path, metavar="FILE.png", help="draw latencies there")
    finding = bench.add_argument_group("the largest number of sessions")
    finding.add_argument("--find-largest", action="store_true", help="that keeps an SLO, beginning with --sessions")
    finding.add_argument("--most", type=_count, default=1024, metavar="N", help="to try (%(default)s)")
    finding.add_argument("--slo-word-s", type=float, default=2.5, metavar="S", help="p95, word's end to shown for good")
    finding.add_argument("--slo-final-s", type=float, default=0.8, metavar="S", help="p95, endpoint to final")


def _address(url: str) -> str:
    try:
        return endpoint(url, "ws", "stream")
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return int(text)


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


def _bench(args: argparse.Namespace) -> None:
    from steno.bench.command import Asked, bench
    from steno.bench.plan import RAMP_S
    from steno.bench.slo import Slo

    options: Options = {"words": args.words}
    if args.model:
        options["model"] = args.model
    asked = Asked(
        corpus=args.corpus,
        files=tuple(args.files),
        sessions=args.sessions,
        most=args.most if args.find_largest else None,
        seconds=args.seconds or (FIND_S if args.find_largest else None),
        separate=args.separate,
        ramp_s=RAMP_S if args.ramp is None else args.ramp,
        detect=args.language == "detect",
        seed=args.seed,
        slo=Slo(word_s=args.slo_word_s, final_s=args.slo_final_s),
        offline=args.offline,
        json=args.json,
        plot=args.plot,
    )
    asyncio.run(bench(args.url, _key(args), options, asked))


def _models(args: argparse.Namespace) -> None:
    """Print the names that `GET /v1/models` lists, one a line, without those that stand for another."""
    address = endpoint(args.url, "http", "models")
    try:
        for model in json.loads(fetch(address, _key(args)))["data"]:
            if not model.get("alias_of"):
                print(model["id"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConnectError(f"no list of models at {address}: {error}") from None
