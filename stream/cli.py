"""The command `steno-server`: serve, transcribe, demo, models, rules, calibrate.

Knows nothing of how any of it works.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models import registry
from stream import calibrate, config, rules, transcribe
from stream.access import load_keys, load_twilio_tokens
from stream.engines import ModelOptions
from stream.errors import StreamError
from stream.transcribe import TranscribeOptions

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = vars(_parser().parse_args(arguments))
    command = chosen.pop("run")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # It warns of forms that can't be read, which is for those to hear who send them.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    try:
        code: int = command(chosen)
    except StreamError as error:
        return _complain(error.message, error.hint)
    except (ValueError, OSError, ImportError) as error:
        return _complain(str(error))
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="steno-server", description="Live speech-to-text on your own machine.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serving = commands.add_parser(
        "serve",
        help="serve live sessions",
        epilog="Every flag is also a variable: --max-sessions is STENO_MAX_SESSIONS.",
    )
    config.add_flags(serving, *config.KINDS)
    serving.set_defaults(run=_serve)
    transcribing = commands.add_parser("transcribe", help="transcribe recordings, without a server")
    transcribing.add_argument("file", nargs="+", type=Path, help="a recording: wav, flac, mp3, ogg, m4a, mp4, webm")
    config.add_flags(transcribing, TranscribeOptions, ModelOptions)
    transcribing.set_defaults(run=_transcribe)
    showing = commands.add_parser("demo", help="serve on a free port, stream a clip of speech and show what comes back")
    config.add_flags(showing, ModelOptions)
    showing.set_defaults(run=_demo)
    listing = commands.add_parser("models", help="what is on disk and what can be had")
    listing.set_defaults(run=_models)
    actions = listing.add_subparsers(metavar="ACTION")
    getting = actions.add_parser("get", help="fetch a model's weights")
    getting.add_argument("name", help="a Whisper size or a hub id")
    getting.set_defaults(run=_get)
    ruling = commands.add_parser("rules", help="print the example rules of the call view, or check your own")
    ruling.add_argument("file", nargs="?", type=Path, help="a TOML file to check")
    ruling.set_defaults(run=_rules)
    calibrating = commands.add_parser(
        "calibrate", help="try a Whisper with less context on your own recordings, and print the steno.json for it"
    )
    calibrating.add_argument("--model", required=True, help="a Whisper size, a hub id or a directory")
    calibrating.add_argument(
        "--audio",
        required=True,
        type=Path,
        metavar="DIR",
        help="recordings, and if you have them their texts: refs.jsonl",
    )
    calibrating.set_defaults(run=_calibrate)
    return parser


def _serve(flags: dict[str, Any]) -> int:
    # Here, as what a server is made of takes as long to load as all else, and no other command needs it.
    from stream import startup

    chosen = config.load_all(flags, os.environ)
    keys, tokens = load_keys(chosen.access, os.environ), load_twilio_tokens(chosen.access, os.environ)
    prepared = startup.prepare(chosen, keys, tokens)
    for note in prepared.notes:
        log.warning(note)
    asyncio.run(startup.run(prepared, ready=lambda address: print(f"Steno is ready at {address}", flush=True)))
    return 0


def _transcribe(flags: dict[str, Any]) -> int:
    options = config.load(TranscribeOptions, flags, {})
    return transcribe.run(flags["file"], options, config.load(ModelOptions, flags, os.environ))


def _demo(flags: dict[str, Any]) -> int:
    from stream import demo

    return demo.run(config.load(ModelOptions, flags, os.environ))


def _models(flags: dict[str, Any]) -> int:
    print(f"{'name':<47} {'on disk':>10} {'to fetch':>10}")
    for each in registry.catalogue():
        on_disk = "built in" if each.on_disk is None and each.to_fetch is None else _mb(each.on_disk)
        print(f"{each.name:<47} {on_disk:>10} {_mb(None if each.on_disk else each.to_fetch):>10}")
    print("\nFetch one with `steno-server models get NAME`, serve it with `steno-server serve --model NAME`.")
    return 0


def _rules(flags: dict[str, Any]) -> int:
    if flags["file"] is None:
        print(rules.EXAMPLE.read_text("utf-8"), end="")
    else:
        for rule in rules.read(flags["file"]).rules:
            print(f"{rule.severity:<8} {rule.side or 'either':<7} {rule.name}")
    return 0


def _calibrate(flags: dict[str, Any]) -> int:
    [resolved] = registry.resolve([flags["model"]], threads=os.cpu_count() or 1)
    if resolved.spec.kind != "whisper" or resolved.spec.path is None:
        return _complain(f"{resolved.spec.name} is no Whisper; only theirs is a choice of context")
    trials = []
    print(f"{'context behind':>16} {'finals wrong':>14} {'partials off':>14} {'a step':>10}")
    for trial in calibrate.calibrate(resolved.spec, flags["audio"]):
        behind = "30 s window" if trial.behind_s is None else f"{trial.behind_s:g} s"
        wrong, off = f"{100 * trial.finals_wrong:.2f} %", f"{100 * trial.partials_wrong:.2f} %"
        print(f"{behind:>16} {wrong:>14} {off:>14} {1000 * trial.step_s:>7.0f} ms", flush=True)
        trials.append(trial)
    context = calibrate.advice(trials)
    carries: list[calibrate.CarryTrial] = []
    for carried in calibrate.carries(resolved.spec, flags["audio"], context):
        if not carries:
            print(f"\n{'carried':>16} {'finals wrong':>14}")
        print(f"{carried.tokens:>9} tokens {100 * carried.wrong:>12.2f} %", flush=True)
        carries.append(carried)
    path = Path(resolved.spec.path) / "steno.json"
    lost = f"{calibrate.FINAL_POINTS:g} points at most, and partials {calibrate.PARTIAL_POINTS:g}"
    print(f"\n{path}, for finals that lose {lost}:")
    print(calibrate.declaration(path.parent, context, calibrate.carry_advice(carries)))
    return 0


def _get(flags: dict[str, Any]) -> int:
    [resolved] = registry.resolve([flags["name"]])
    if resolved.note:
        return _complain(resolved.note)
    print(f"{resolved.spec.name} is in {resolved.spec.path or 'its own package'}")
    return 0


def _mb(size: int | None) -> str:
    return "" if size is None else f"{size:,} MB"


def _complain(message: str, hint: str | None = None) -> int:
    print(f"steno-server: {message}" + (f" ({hint})" if hint else ""), file=sys.stderr)
    return 2
