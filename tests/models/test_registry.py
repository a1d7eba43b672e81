"""`models.registry`: what a model's name stands for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import ctranslate2
import pytest

from models import layouts, registry, weights
from models.base import ModelCard
from models.registry import Listed, ModelSpec, Resolved, load, resolve
from tests.models.hub_server import MODEL, VOXTRAL, Hub, lay_out, lay_out_cache, point_client_at, serving
from tests.models.random_whisper import build

BASE = "Systran/faster-whisper-base"
POCKETSPHINX = ModelSpec(name="pocketsphinx", kind="pocketsphinx")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def hub(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving() as hub:
        point_client_at(hub.endpoint, home, monkeypatch)
        yield hub


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 1)


@pytest.fixture
def no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 0)


def whisper(name: str, directory: Path, device: str = "cpu") -> ModelSpec:
    return ModelSpec(name=name, kind="whisper", path=str(directory), device=device)


# -- names ----------------------------------------------------------------------------------------------------------


def test_models_that_carry_their_own_weights(hub: Hub) -> None:
    scripted = ModelSpec(name="scripted", kind="scripted")
    assert resolve(["pocketsphinx", "scripted"], device="cpu") == [Resolved(POCKETSPHINX), Resolved(scripted)]
    assert hub.asked == []


@pytest.mark.parametrize("name", [*registry.SIZES, *registry.ALIASES])
def test_every_size_is_found_by_its_name(hub: Hub, home: Path, name: str) -> None:
    size = registry.SIZES[registry.ALIASES.get(name, name)]
    snapshot = lay_out_cache(home, size.repo, MODEL)
    spec = replace(whisper(name, snapshot), languages=size.languages, tasks=size.tasks)
    assert resolve([name], device="cpu") == [Resolved(spec)]
    assert hub.asked == []


def test_a_size_that_is_not_on_disk_is_fetched(hub: Hub) -> None:
    hub.repos[BASE] = MODEL
    [resolved] = resolve(["base"], device="cpu")
    assert resolved.spec == whisper("base", weights.find(BASE) or Path())


def test_a_hub_id_is_its_own_name(hub: Hub, home: Path) -> None:
    snapshot = lay_out_cache(home, "some-org/some-whisper", MODEL)
    assert resolve(["some-org/some-whisper"], device="cpu") == [Resolved(whisper("some-org/some-whisper", snapshot))]


@pytest.mark.parametrize("spelling", ["{parent}/mine", "{parent}/mine/", "mine", "./mine", "other/../mine"])
def test_a_directory_is_called_by_its_base_name(tmp_path: Path, spelling: str, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = lay_out(tmp_path / "mine", MODEL)
    lay_out(tmp_path / "other", {})
    monkeypatch.chdir(tmp_path)
    assert resolve([spelling.format(parent=tmp_path)], device="cpu") == [Resolved(whisper("mine", directory))]


def test_the_working_directory_has_a_base_name_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = lay_out(tmp_path / "mine", MODEL)
    monkeypatch.chdir(directory)
    assert resolve(["."], device="cpu")[0].spec.name == "mine"


def test_a_directory_that_looks_like_a_hub_id_is_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = lay_out(tmp_path / "org" / "name", MODEL)
    monkeypatch.chdir(tmp_path)
    assert resolve(["org/name"], device="cpu") == [Resolved(whisper("name", directory))]


def test_a_size_is_a_size_though_a_directory_has_its_name(
    hub: Hub, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(tmp_path / "base", MODEL)
    snapshot = lay_out_cache(home, BASE, MODEL)
    monkeypatch.chdir(tmp_path)
    assert resolve(["base"], device="cpu")[0].spec.path == str(snapshot)


def test_a_directory_that_lacks_files_names_them(tmp_path: Path) -> None:
    directory = lay_out(tmp_path / "transformers", {"config.json": b"{}", "tokenizer.json": b"{}", "vocab.json": b"{}"})
    with pytest.raises(weights.Incomplete) as incomplete:
        resolve([str(directory)], device="cpu")
    assert str(incomplete.value).endswith("no model.bin, vocabulary.json.")


@pytest.mark.parametrize(
    ("name", "hint"),
    [("larg-v3", "'large-v3'"), ("pocket-sphinx", "'pocketsphinx'"), ("zzz", "steno-server models"), ("", "models")],
)
def test_an_unknown_name_gets_a_hint(hub: Hub, name: str, hint: str) -> None:
    with pytest.raises(registry.UnknownName) as unknown:
        resolve([name], device="cpu")
    assert repr(name) in str(unknown.value)
    assert hint in str(unknown.value)
    assert hub.asked == []


@pytest.mark.parametrize("path", ["./nowhere", "../nowhere", "~/nowhere", "/nowhere", "/nowhere/at/all"])
def test_a_path_to_nothing_is_not_looked_for_on_the_hub(hub: Hub, path: str) -> None:
    with pytest.raises(registry.UnknownName):
        resolve([path], device="cpu")
    assert hub.asked == []


def test_names_that_clients_could_not_tell_apart_are_refused(tmp_path: Path) -> None:
    one, other = lay_out(tmp_path / "a" / "mine", MODEL), lay_out(tmp_path / "b" / "mine", MODEL)
    with pytest.raises(registry.DuplicateName) as duplicate:
        resolve([str(one), "pocketsphinx", str(other)], device="cpu")
    assert "'mine'" in str(duplicate.value)


def test_auto_may_collide_with_what_it_stands_for(hub: Hub, home: Path) -> None:
    lay_out_cache(home, BASE, MODEL)
    with pytest.raises(registry.DuplicateName):
        resolve(["auto", "base"], device="cpu")


# -- Voxtral --------------------------------------------------------------------------------------------------------

MINI = "mistralai/Voxtral-Mini-3B-2507"


@pytest.fixture
def torch_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "TORCH", ())


def voxtral(name: str, directory: Path, kind: str = "voxtral") -> ModelSpec:
    return ModelSpec(name=name, kind=kind, path=str(directory))


@pytest.mark.usefixtures("torch_extra")
def test_a_voxtral_of_the_hub_is_called_by_its_repository(hub: Hub) -> None:
    hub.repos[MINI] = VOXTRAL
    [resolved] = resolve([f"voxtral:{MINI}"], device="cpu")
    assert resolved == Resolved(voxtral(MINI, weights.find(MINI, layouts.VOXTRAL) or Path()))


@pytest.mark.usefixtures("torch_extra")
@pytest.mark.parametrize("kind", ["voxtral", "voxtral_realtime"])
def test_a_voxtral_directory_says_which_of_the_two_it_holds(tmp_path: Path, kind: str) -> None:
    directory = lay_out(tmp_path / "mine", VOXTRAL | {"config.json": b'{"model_type": "%s"}' % kind.encode()})
    assert resolve([f"voxtral:{directory}"], device="cpu") == [Resolved(voxtral("mine", directory, kind))]
    assert kind in registry.KINDS


@pytest.mark.usefixtures("torch_extra")
@pytest.mark.parametrize(
    ("config", "error", "saying"),
    [
        (b'{"model_type": "llama"}', registry.UnknownName, "'llama'"),
        (b"{}", weights.Incomplete, "config.json"),
        (b"[]", weights.Incomplete, "config.json"),
        (b"\xff", weights.Incomplete, "config.json"),
    ],
)
def test_a_directory_of_something_else_is_no_voxtral(
    tmp_path: Path, config: bytes, error: type[Exception], saying: str
) -> None:
    directory = lay_out(tmp_path / "mine", VOXTRAL | {"config.json": config})
    with pytest.raises(error) as other:
        resolve([f"voxtral:{directory}"], device="cpu")
    assert saying in str(other.value)


@pytest.mark.usefixtures("torch_extra")
def test_layouts_are_not_confused(tmp_path: Path) -> None:
    whisper, voxtral = lay_out(tmp_path / "whisper", MODEL), lay_out(tmp_path / "voxtral", VOXTRAL)
    with pytest.raises(weights.Incomplete) as incomplete:
        resolve([f"voxtral:{whisper}"], device="cpu")
    assert f"name it {whisper}" in str(incomplete.value)
    with pytest.raises(weights.Incomplete) as incomplete:
        resolve([str(voxtral)], device="cpu")
    assert f"name it voxtral:{voxtral}" in str(incomplete.value)


@pytest.mark.usefixtures("torch_extra")
@pytest.mark.parametrize("name", ["voxtral:", "voxtral:mini", "voxtral:./nowhere"])
def test_a_voxtral_needs_a_directory_or_a_hub_id(hub: Hub, name: str) -> None:
    with pytest.raises(registry.UnknownName) as unknown:
        resolve([name], device="cpu")
    assert f"voxtral:{MINI}" in str(unknown.value)
    assert hub.asked == []


def test_without_its_libraries_a_voxtral_says_what_to_install_before_anything_is_fetched(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "TORCH", ("json", "no_such_library"))
    with pytest.raises(registry.MissingExtra) as missing:
        resolve([f"voxtral:{MINI}"], device="cpu")
    assert "no_such_library: `pip install '.[torch]'`" in str(missing.value)
    assert hub.asked == []


# -- auto -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_cuda")
def test_auto_is_base_on_a_cpu(hub: Hub, home: Path) -> None:
    snapshot = lay_out_cache(home, BASE, MODEL)
    assert resolve(["auto"]) == [Resolved(whisper("base", snapshot))]


@pytest.mark.usefixtures("cuda")
def test_auto_is_turbo_on_cuda_and_fetched(hub: Hub) -> None:
    repo = "mobiuslabsgmbh/faster-whisper-large-v3-turbo"
    hub.repos[repo] = MODEL
    [resolved] = resolve(["auto"])
    spec = whisper("large-v3-turbo", weights.find(repo) or Path(), "cuda")
    assert resolved == Resolved(replace(spec, tasks=("transcribe",)))


def test_auto_without_whisper_is_pocketsphinx_and_says_why(hub: Hub) -> None:
    [resolved] = resolve(["auto"], device="cpu")
    assert resolved.spec == POCKETSPHINX
    assert resolved.note is not None
    assert "PocketSphinx" in resolved.note
    assert BASE in resolved.note
    assert hub.endpoint in resolved.note
    assert resolved.note.endswith("steno-server models get base")


def test_auto_offline_asks_nobody(hub: Hub) -> None:
    hub.repos[BASE] = MODEL
    [resolved] = resolve(["auto"], device="cpu", offline=True)
    assert resolved.spec == POCKETSPHINX
    assert "offline" in (resolved.note or "")
    assert hub.asked == []


def test_a_size_that_was_asked_for_is_never_replaced(hub: Hub) -> None:
    with pytest.raises(weights.NotOnDisk):
        resolve(["base"], device="cpu", offline=True)


# -- what it was trained for ------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    """A Whisper that has tokens for English, Chinese, German, and translation."""
    return {path.name: path.read_bytes() for path in build(tmp_path / "built").iterdir()}


def card(name: str) -> ModelCard:
    return load(resolve([name], device="cpu", offline=True)[0].spec).card


@pytest.mark.parametrize(
    ("name", "languages", "tasks"),
    [
        ("large-v3", ("en", "zh", "de"), ("transcribe", "translate")),
        ("large-v3-turbo", ("en", "zh", "de"), ("transcribe",)),
        ("turbo", ("en", "zh", "de"), ("transcribe",)),
        ("distil-large-v2", ("en",), ("transcribe",)),
        ("distil-large-v3", ("en",), ("transcribe",)),
        ("distil-large-v3.5", ("en",), ("transcribe",)),
    ],
)
def test_a_size_promises_what_it_was_trained_for(
    hub: Hub, home: Path, files: dict[str, bytes], name: str, languages: tuple[str, ...], tasks: tuple[str, ...]
) -> None:
    repo = registry.SIZES[registry.ALIASES.get(name, name)].repo
    lay_out_cache(home, repo, files)
    for called in (name, repo):
        assert (card(called).languages, card(called).tasks) == (languages, tasks)
        assert card(called).detects is (len(languages) > 1)


def test_what_a_directory_declares_counts_for_more(hub: Hub, home: Path, files: dict[str, bytes]) -> None:
    repo = registry.SIZES["distil-large-v3"].repo
    lay_out_cache(home, repo, files | {"steno.json": b'{"languages": ["de", "en"]}'})
    assert (card(repo).languages, card(repo).tasks) == (("de", "en"), ("transcribe",))


# -- devices and settings ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("cuda")
def test_settings_reach_whisper_and_nothing_else(tmp_path: Path) -> None:
    directory = lay_out(tmp_path / "mine", MODEL)
    resolved = resolve([str(directory), "pocketsphinx"], threads=3, compute_type="int8")
    assert [each.spec for each in resolved] == [
        ModelSpec(name="mine", kind="whisper", path=str(directory), device="cuda", compute_type="int8", threads=3),
        POCKETSPHINX,
    ]


@pytest.mark.usefixtures("cuda")
def test_a_cpu_can_be_asked_for(tmp_path: Path) -> None:
    directory = lay_out(tmp_path / "mine", MODEL)
    assert resolve([str(directory)], device="cpu") == [Resolved(whisper("mine", directory))]


@pytest.mark.usefixtures("no_cuda")
def test_cuda_without_cuda_is_an_error() -> None:
    with pytest.raises(registry.NoCuda):
        resolve(["pocketsphinx"], device="cuda")


# -- the catalogue --------------------------------------------------------------------------------------------------


def test_the_catalogue_says_what_is_on_disk_and_what_can_be_had(hub: Hub, home: Path) -> None:
    large = MODEL | {"model.bin": bytes(3_000_000)}
    lay_out_cache(home, BASE, large)
    lay_out_cache(home, "some-org/some-whisper", large)
    listed = registry.catalogue()
    assert Listed("base", to_fetch=148, on_disk=3) in listed
    assert Listed("small", to_fetch=487, on_disk=None) in listed
    assert listed[0] == Listed("pocketsphinx", to_fetch=None, on_disk=None)
    assert Listed(f"voxtral:{MINI}", to_fetch=9380, on_disk=None) in listed
    assert listed[-1] == Listed("some-org/some-whisper", to_fetch=None, on_disk=3)
    assert len(listed) == len(registry.SIZES) + len(registry.VOXTRALS) + 2
    assert hub.asked == []


# -- loading --------------------------------------------------------------------------------------------------------


def test_importing_it_loads_no_heavy_library() -> None:
    heavy = ("huggingface_hub", "ctranslate2", "pocketsphinx", "tokenizers", "torch", "transformers")
    code = f"import sys; from models import registry; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "[]\n"
