"""All that can be configured: options dataclasses, filled from flags, environment and defaults, in that order.

Each lies beside the code that reads it. A field with a `help` is a flag `--its-name` and a variable `STENO_ITS_NAME`; a
tuple is a flag that may be repeated, or a variable with commas. Knows nothing of what an option does.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from stream.access import AccessOptions
from stream.admission import AdmissionOptions
from stream.engine import EngineOptions
from stream.engines import ModelOptions
from stream.events import Limits
from stream.files import FileOptions
from stream.listener import ServingOptions
from stream.rest.desk import RecordingOptions
from stream.rest.fetch import FetchOptions
from stream.rules import RuleOptions
from stream.webhooks import WebhookOptions

Options = TypeVar("Options")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    serving: ServingOptions = field(default_factory=ServingOptions)
    models: ModelOptions = field(default_factory=ModelOptions)
    engine: EngineOptions = field(default_factory=EngineOptions)
    access: AccessOptions = field(default_factory=AccessOptions)
    admission: AdmissionOptions = field(default_factory=AdmissionOptions)
    limits: Limits = field(default_factory=Limits)
    files: FileOptions = field(default_factory=FileOptions)
    recordings: RecordingOptions = field(default_factory=RecordingOptions)
    fetch: FetchOptions = field(default_factory=FetchOptions)
    webhooks: WebhookOptions = field(default_factory=WebhookOptions)
    rules: RuleOptions = field(default_factory=RuleOptions)


KINDS = tuple(get_type_hints(Config).values())


def add_flags(parser: argparse.ArgumentParser, *kinds: type[Any]) -> None:
    for kind in kinds:
        hints = get_type_hints(kind)
        for option in _configurable(kind):
            taken = _plain(hints[option.name])
            choices = get_args(taken) if get_origin(taken) is Literal else None
            shown = "" if option.default in (None, (), False) else f" (default: {_told(option.default)})"
            flag: dict[str, Any] = {"dest": option.name, "default": None, "help": option.metadata["help"] + shown}
            if taken is bool:
                flag["action"] = argparse.BooleanOptionalAction
            elif choices:
                flag["choices"] = choices
            elif get_origin(taken) is tuple:
                flag |= {"action": "append", "type": get_args(taken)[0], "metavar": option.name.upper()}
            else:
                flag |= {"type": taken, "metavar": option.name.upper()}
            parser.add_argument("--" + option.name.replace("_", "-"), **flag)


def load(kind: type[Options], flags: Mapping[str, Any], environ: Mapping[str, str]) -> Options:
    """Options of one kind; raises ValueError naming the variable that can't be read."""
    hints = get_type_hints(kind)
    chosen: dict[str, Any] = {}
    for option in _configurable(kind):
        taken, variable = _plain(hints[option.name]), "STENO_" + option.name.upper()
        if (value := flags.get(option.name)) is not None:
            chosen[option.name] = tuple(value) if isinstance(value, list) else value
        elif variable in environ:
            try:
                chosen[option.name] = _parsed(environ[variable], taken)
            except ValueError as error:
                raise ValueError(f"{variable}: {error}") from None
    return kind(**chosen)


def load_all(flags: Mapping[str, Any], environ: Mapping[str, str]) -> Config:
    return Config(**{name: load(kind, flags, environ) for name, kind in get_type_hints(Config).items()})


def _configurable(kind: Any) -> list[Field[Any]]:
    return [option for option in fields(kind) if "help" in option.metadata]


def _plain(hint: Any) -> Any:
    """`str | None` is a `str` that may be left out."""
    return next(kind for kind in get_args(hint) if kind is not type(None)) if isinstance(hint, UnionType) else hint


def _told(default: Any) -> str:
    return ",".join(default) if isinstance(default, tuple) else str(default)


def _parsed(text: str, taken: Any) -> Any:
    if taken is bool:
        if text.lower() not in ("0", "1", "false", "true", "no", "yes"):
            raise ValueError(f"{text!r} is neither true nor false")
        return text.lower() in ("1", "true", "yes")
    if get_origin(taken) is tuple:
        return tuple(_parsed(part.strip(), get_args(taken)[0]) for part in text.split(",") if part.strip())
    if get_origin(taken) is Literal:
        if text not in get_args(taken):
            raise ValueError(f"{text!r} is none of {', '.join(get_args(taken))}")
        return text
    return taken(text)
