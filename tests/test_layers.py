"""The layering of the code: who may import whom, read from the sources without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CLIENT = ROOT / "clients/python"

LAYERS = (
    "automata usage",
    "audio costs credentials errors inflow media_messages metrics pace patterns rest rest.counts rest.languages stops "
    "text tracks",
    "batch beat channel echo events listener load media_child messages multipart outcomes pages promise rules secret "
    "trial twilio_signature",
    "rest.addresses rest.fields rest.names",
    "rest.dial",
    "chat_ticket chats files link links outbox protocols.base rest.dialect rest.intake rest.segments subtitles ticket "
    "tokens",
    "transcript worker",
    "calibrate engine media protocols.native protocols.passage protocols.twilio protocols.vosk "
    "rest.envelope rest.fetch rest.request webhooks",
    "rest.chat_request",
    "protocols.openai_items protocols.openai_session",
    "protocols.openai_beta",
    "protocols.openai_messages",
    "rest.deepgram_words unpack",
    "protocols.deepgram_query",
    "protocols.deepgram",
    "access admission engines protocols.mistral protocols.openai rest.answer rest.descriptions transcriber",
    "chatting protocols recording rest.chat_descriptions rest.deepgram rest.failures rest.sse session",
    "hearing rest.chat_answer rest.files rest.models rest.rules rest.tokens watch",
    "rest.desk rest.sessions",
    "rest.chat_body rest.telling",
    "rest.transcriptions",
    "rest.chat rest.listen",
    "app config",
    "serving transcribe",
    "startup",
    "demo",
    "cli",
    "__main__",
)
"""The files of `stream`, lowest first: each imports only from rows above its own."""
LAYER = {f"stream.{name}": layer for layer, names in enumerate(LAYERS) for name in names.split()}

ROOMS = {"stream": {"stream", "vad", "models"}, "vad": {"vad"}, "models": {"models"}, "steno": {"steno"}}
"""Which of our packages each package may import. Only the demo, which is a user of both, joins client and server."""
DEMO = "stream.demo"

IMPURE = {"asyncio", "concurrent", "multiprocessing", "queue", "selectors", "socket", "subprocess", "threading", "time"}
PURE = {
    *(
        f"stream.{name}"
        for name in (
            "audio",
            "batch",
            "channel",
            "costs",
            "credentials",
            "echo",
            "errors",
            "events",
            "load",
            "media_messages",
        )
    ),
    *(
        f"stream.{name}"
        for name in (
            "beat",
            "messages",
            "multipart",
            "outbox",
            "pace",
            "promise",
            "stops",
            "subtitles",
            "text",
            "tracks",
        )
    ),
    *("stream.automata", "stream.patterns"),
    *("stream.transcriber", "stream.transcript", "stream.twilio_signature"),
    *("stream.protocols", "stream.protocols.base", "stream.protocols.mistral", "stream.protocols.native"),
    *("stream.protocols.passage", "stream.protocols.twilio", "stream.protocols.vosk", "stream.protocols.openai"),
    *(f"stream.protocols.openai_{part}" for part in ("beta", "items", "messages", "session")),
    *("stream.protocols.deepgram", "stream.protocols.deepgram_query"),
    *(f"stream.rest.{name}" for name in ("addresses", "answer", "chat_answer", "chat_request", "counts", "deepgram")),
    *(f"stream.rest.{name}" for name in ("dialect", "envelope", "fields")),
    *(f"stream.rest.{name}" for name in ("deepgram_words", "languages", "names", "request", "segments", "sse")),
    *("vad.detector", "vad.endpointer", "vad.energy", "vad.registry", "vad.tones", "vad.webrtc"),
    *("models.agreement", "models.base", "models.chat", "models.context", "models.features", "models.layouts"),
    *("models.redecode", "models.spelling", "models.times", "models.tokens", "models.voxtral_stream"),
    "models.voxtral_words",
    *("steno.captions", "steno.errors", "steno.events", "steno.formats", "steno.inbox", "steno.options"),
    *("steno.protocol", "steno.bench.accuracy", "steno.bench.bootstrap", "steno.bench.document", "steno.bench.heard"),
    *("steno.bench.losses", "steno.bench.plan", "steno.bench.play", "steno.bench.quantiles", "steno.bench.reference"),
    *("steno.bench.report", "steno.bench.run", "steno.bench.slo", "steno.bench.stability", "steno.bench.table"),
    *("steno.bench.timing", "steno.bench.wer"),
}
"""Neither I/O nor clocks nor threads: what goes in is all that decides what comes out."""

HEAVY = {
    "av": {"stream.media_child"},
    "ctranslate2": {"models.whisper", "models.registry"},  # the registry asks it, when need be, whether there is CUDA
    "faster_whisper": set(),  # brings the file of vad.silero, which finds it without importing all the rest
    "huggingface_hub": {"models.weights"},
    "matplotlib": {"steno.bench.plot"},
    "mistral_common": {"models.tekken", "models.voxtral_load"},
    "onnxruntime": {"vad.silero"},
    "pocketsphinx": {"models.pocketsphinx"},
    "ray": set(),
    "sounddevice": {"steno.microphone"},
    # A model is tried on the demo's clip before it is trusted.
    "soundfile": {"stream.calibrate", "stream.trial", "stream.demo", "steno.recording"},
    "tokenizers": {"models.tokens"},
    "safetensors": {"models.placement"},
    "torch": {
        *("models.continuation", "models.placement", "models.voxtral", "models.voxtral_chat"),
        *("models.voxtral_load", "models.voxtral_slots"),
    },
    "transformers": {
        *("models.continuation", "models.placement", "models.voxtral", "models.voxtral_chat"),
        *("models.voxtral_load", "models.voxtral_slots"),
    },
    "uvicorn": {"stream.serving"},
    "webrtcvad": {"vad.webrtc"},
}
"""Libraries that take long to import or are missing somewhere, and the files that may: the rest runs without them."""


def _modules() -> Iterator[tuple[str, Path]]:
    for base, package in ((ROOT, "stream"), (ROOT, "vad"), (ROOT, "models"), (CLIENT, "steno")):
        for path in sorted((base / package).rglob("*.py")):
            yield ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__"), path


MODULES = dict(_modules())


@cache
def _imports(module: str) -> set[str]:
    """All that a module imports, anywhere in it, as dotted names of modules."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute here"
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in MODULES else str(node.module) for name in full}
    return names


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_what_it_owns(module: str):
    tree = ast.parse(MODULES[module].read_text())
    assert ast.get_docstring(tree) or not tree.body, f"{MODULES[module]} begins without a docstring"


@pytest.mark.parametrize("module", [module for module in MODULES if module.startswith("stream.")])
def test_a_file_of_stream_imports_from_lower_layers(module: str):
    assert module in LAYER, f"put {module} into LAYERS, in a row below all that it imports"
    imported = {name for name in _imports(module) if name.startswith("stream.")}
    assert {name for name in imported if LAYER[name] >= LAYER[module]} == set()


@pytest.mark.parametrize("module", MODULES)
def test_a_room_imports_only_the_rooms_below(module: str):
    allowed = ROOMS[module.partition(".")[0]] | ({"steno"} if module == DEMO else set())
    imported = {name.partition(".")[0] for name in _imports(module)} & ROOMS.keys()
    assert imported <= allowed


@pytest.mark.parametrize("module", sorted(PURE))
def test_a_pure_file_has_no_clock_and_no_io(module: str):
    assert not {name.partition(".")[0] for name in _imports(module)} & IMPURE


@pytest.mark.parametrize("library", HEAVY)
def test_a_heavy_library_is_imported_by_its_file_only(library: str):
    assert {m for m in MODULES if library in {name.partition(".")[0] for name in _imports(m)}} == HEAVY[library]


def test_no_layer_is_left_of_a_file_that_is_gone():
    assert LAYER.keys() <= MODULES.keys()
