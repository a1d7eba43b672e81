"""What is in the two wheels, and what they ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from importlib import import_module
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.build import build_wheel
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
SERVER, CLIENT = "steno-server", "steno-client"
SOURCES = {SERVER: (ROOT, ("stream", "vad", "models")), CLIENT: (ROOT / "clients/python", ("steno",))}
ASSETS = {f"stream/assets/{name}" for name in ("README.md", "demo.flac", "demo.json", "rules.toml")}
PAGES = {
    f"{inside}/{path.relative_to(ROOT / folder)}"
    for folder, inside in {"clients/web": "stream/web", "clients/js": "stream/web/js"}.items()
    for path in (ROOT / folder).rglob("*")
    if path.is_file()
}
EXTRA_FILES = {SERVER: ASSETS | PAGES, CLIENT: {"steno/py.typed"}}
COMMANDS = {SERVER: "steno-server = stream.cli:main", CLIENT: "steno = steno.cli:main"}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ZipFile]]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("wheels")
        built = {}
        for name, (root, _) in SOURCES.items():
            patch.chdir(root)
            built[name] = ZipFile(folder / build_wheel(str(folder)))
    yield built
    for wheel in built.values():
        wheel.close()


def metadata(wheel: ZipFile, file: str = "METADATA") -> str:
    [path] = [path for path in wheel.namelist() if path.endswith(f".dist-info/{file}")]
    return wheel.read(path).decode()


def fields(wheel: ZipFile) -> Message:
    return Parser().parsestr(metadata(wheel))


def requirements(wheel: ZipFile) -> list[Requirement]:
    return [Requirement(line) for line in fields(wheel).get_all("Requires-Dist", [])]


@pytest.mark.parametrize("name", SOURCES)
def test_a_wheel_holds_its_packages_and_nothing_else(wheels: dict[str, ZipFile], name: str):
    root, packages = SOURCES[name]
    modules = {str(path.relative_to(root)) for package in packages for path in (root / package).rglob("*.py")}
    installed = {path for path in wheels[name].namelist() if ".dist-info/" not in path}
    assert installed == modules | EXTRA_FILES[name]


@pytest.mark.parametrize("name", SOURCES)
def test_a_wheel_carries_its_license(wheels: dict[str, ZipFile], name: str):
    assert fields(wheels[name])["License-Expression"] == "Apache-2.0"
    assert metadata(wheels[name], "licenses/LICENSE") == (ROOT / "LICENSE").read_text()


@pytest.mark.parametrize("name", SOURCES)
def test_a_wheel_brings_its_command(wheels: dict[str, ZipFile], name: str):
    assert metadata(wheels[name], "entry_points.txt").split("\n", 1) == ["[console_scripts]", COMMANDS[name] + "\n"]
    module, function = COMMANDS[name].split(" = ")[1].split(":")
    assert callable(getattr(import_module(module), function))


@pytest.mark.parametrize("name", SOURCES)
def test_no_wheel_asks_for_one_of_ours_by_name(wheels: dict[str, ZipFile], name: str):
    """Someone else could register it."""
    asked = {re.sub(r"[-_.]+", "-", requirement.name).lower() for requirement in requirements(wheels[name])}
    assert asked
    assert not {each for each in asked if each.startswith("steno")}


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_each_python_gets_a_pocketsphinx_that_has_a_wheel_for_it(wheels: dict[str, ZipFile], python: str):
    environment = {"python_version": python, "extra": ""}
    asked = [
        str(each.specifier)
        for each in requirements(wheels[SERVER])
        if each.name == "pocketsphinx" and (each.marker is None or each.marker.evaluate(environment))
    ]
    assert asked == ["==5.0.4" if python == "3.12" else "<6,>=5.1.1"]


@pytest.mark.parametrize(
    ("system", "machine", "names"),
    [("linux", "x86_64", ["nvidia-cublas-cu12"]), ("linux", "aarch64", []), ("darwin", "arm64", [])],
)
def test_cuda_brings_cublas_where_ctranslate2_has_cuda(
    wheels: dict[str, ZipFile], system: str, machine: str, names: list[str]
):
    environment = {"sys_platform": system, "platform_machine": machine}
    asked = [
        each.name
        for each in requirements(wheels[SERVER])
        if each.marker
        and each.marker.evaluate(environment | {"extra": "cuda"})
        and not each.marker.evaluate(environment | {"extra": ""})
    ]
    assert asked == names


def test_the_client_needs_nothing_but_websockets(wheels: dict[str, ZipFile]):
    needed = [each.name for each in requirements(wheels[CLIENT]) if not each.marker]
    assert needed == ["websockets"]
