"""The whole application on the scripted model, asked without a server, and recordings that it hears numbers in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from models.scripted import ledger_audio
from stream.access import Access, AccessOptions
from stream.admission import Admission, AdmissionOptions
from stream.app import Service, create_app
from stream.engine import Engine
from stream.events import Limits
from stream.files import FileOptions, FileStore
from stream.metrics import Metrics
from stream.rest.desk import RecordingOptions
from stream.rest.fetch import Fetcher
from tests.stream.inline import scripted_engine
from tests.stream.recordings import wav
from tests.vad.voice import silence

KEY, OTHER = "first-secret-5f3a", "second-secret-9c1b"
FIRST, SECOND = range(20), range(20, 30)
RECORDING = wav(
    np.concatenate([silence(0.5), ledger_audio(0, 20), silence(1.0), ledger_audio(20, 10), silence(0.5)]).tobytes()
)
"""Two utterances of 2 s and 1 s."""
TEXT = " ".join(f"w{number}" for number in range(30))
DURATION_S = 5.0


class Served:
    def __init__(self, engine: Engine, store: FileStore, service: Service, app: Any) -> None:
        self.engine, self.store, self.service, self.app = engine, store, service, app

    def client(self, key: str | None = None, **headers: str) -> httpx.AsyncClient:
        credentials = {} if key is None else {"Authorization": f"Bearer {key}"}
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(
            transport=transport, base_url="http://localhost:8765", headers=credentials | headers, timeout=30
        )

    def assert_idle(self) -> None:
        """Nothing of any request is left."""
        engines = self.service.admission.engines.values()
        assert self.engine.channels == 0
        assert [replica.chats for each in engines for replica in each._replicas] == [{}] * len(engines)
        assert self.store._arriving == 0, "whatever came with requests is gone"


@asynccontextmanager
async def served(
    folder: Path,
    *keys: str,
    kinds: tuple[str, ...] = ("scripted",),
    admission: AdmissionOptions | None = None,
    recordings: RecordingOptions | None = None,
    fetcher: Fetcher | None = None,
) -> AsyncIterator[Served]:
    engines = {kind: await scripted_engine(kind, kind) for kind in kinds}
    engine = engines[kinds[0]]
    store = FileStore(FileOptions(data_dir=str(folder / "data"), max_file_mb=1, max_store_mb=4))
    service = Service(Admission(engines, admission or AdmissionOptions()), Limits(), Metrics())
    app = create_app(service, Access(AccessOptions(), "127.0.0.1", keys), store, recordings, fetcher)
    try:
        server = Served(engine, store, service, app)
        yield server
        server.assert_idle()
    finally:
        store.close()
        for each in engines.values():
            await each.stop()
