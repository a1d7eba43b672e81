"""Builds a server from its configuration, and runs it.

Knows nothing of flags or of what is shown to anyone.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass

from stream import serving
from stream.access import Access, load_watching_keys
from stream.admission import Admission
from stream.app import Service, create_app
from stream.config import Config
from stream.engine import Engine
from stream.engines import build
from stream.files import FileStore
from stream.listener import listen
from stream.metrics import Metrics
from stream.rest.dial import Dialer
from stream.rest.fetch import Fetcher
from stream.rules import RuleFile
from stream.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Prepared:
    """A server that may be run, once. `notes` are what the operator should know about its models."""

    config: Config
    access: Access
    listener: socket.socket
    metrics: Metrics
    files: FileStore
    fetcher: Fetcher
    webhooks: Webhooks
    rules: RuleFile
    engines: dict[str, Engine]
    notes: list[str]


def prepare(config: Config, keys: Iterable[str] = (), twilio_tokens: Iterable[str] = ()) -> Prepared:
    """All that can go wrong before anything runs, and all that may take minutes: weights are fetched here.

    keys: API keys; without any, everyone who can reach the address may connect. twilio_tokens: see `Access`.

    Raises StreamError, ValueError, OSError or ImportError, each saying what is wrong with the configuration.
    """
    watching = load_watching_keys(config.access)
    access = Access(config.access, config.serving.host, keys, twilio_tokens, watching)
    listener = listen(config.serving)
    metrics = Metrics()
    files, fetcher = FileStore(config.files), Fetcher(config.fetch)
    webhooks = Webhooks(config.webhooks, metrics, Dialer())
    rules = RuleFile(config.rules)
    # Where nobody asks for files, none of its folders is made.
    if config.files.data_dir is not None or files.exists:
        files.open()
    engines, notes = build(config.models, config.engine, metrics)
    return Prepared(config, access, listener, metrics, files, fetcher, webhooks, rules, engines, notes)


async def run(prepared: Prepared, ready: Callable[[str], None]) -> None:
    """Serve until told to stop; `ready` gets the address once all models work. Raises EngineFailed if one doesn't."""
    config = prepared.config
    admission = Admission(prepared.engines, config.admission, prepared.webhooks)
    service = Service(admission, config.limits, prepared.metrics)
    app = create_app(service, prepared.access, prepared.files, config.recordings, prepared.fetcher, prepared.rules)
    with prepared.listener as listener, closing(prepared.files):
        await serving.serve(config.serving, listener, app, service, list(prepared.engines.values()), ready)
