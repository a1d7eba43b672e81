"""Makes a model of Whisper base's shape that says the very words of a micro model, at the cost of a base.

    python -m tests.micro.widen [--model tests/fixtures/whisper-micro] [--quantization int8|float32]

Every vector is the micro's, four times over; heads too. So each sum over such a vector is four times as large as it
should be, and its weights are divided by four. Rows that were quantized come out with the same integers again, as they
hold their largest value still, and so do activations. Layers that the micro lacks add nothing. Knows nothing of audio,
text or training.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from ctranslate2.specs import WhisperSpec
from ctranslate2.specs.model_spec import index_spec
from filelock import FileLock

from models.ct2_file import Variables, read
from tests.micro.vocabulary import FIXTURE

TILES = 4
"""Width 128, 2 heads and feed-forward 512 become 512, 8 and 2048."""
LAYERS = 6
NOTE = "widened.sha256"
"""What a wide model was made of, and what it was when it was made."""

OUTPUTS = ("self_attention/linear_1/weight", "/attention/linear_2/weight", "ffn/linear_1/weight")
"""What layers add to the residual stream passes these."""
NOTHING = 1e-20
"""How large a missing layer's outputs are: lost when added to anything. Zeros would be equal, so they would be stored
as one, and one that stays in the processor's cache costs less than those of a base do."""


def widened(model: Path, quantization: str, cache: Path) -> Path:
    """The directory of a wide `model` in `cache`; it is written unless it is there, whole and of this very model.

    `quantization` is how weights are stored, as CTranslate2 names it.
    """
    place = cache / f"whisper-micro-wide-{quantization}"
    partial = place.with_name(f"{place.name}.partial")
    source = _hash([*_files(model), Path(__file__)])
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(place.with_name(f"{place.name}.lock")):
        if not _kept(place, source):
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            _write(model, quantization, partial)
            (partial / NOTE).write_text(_note(source, partial))
            shutil.rmtree(place, ignore_errors=True)
            partial.rename(place)
    return place


def wide(narrow: Variables) -> Variables:
    """All arrays of a wide model, dequantized as `narrow` is; numbers that describe the model are left out."""
    width = len(narrow["encoder/layer_norm/gamma"])
    tiled = {name: _tiled(name, array, width) for name, array in narrow.items() if array.ndim}
    return tiled | dict(_missing_layers(tiled))


def _dequantized(variables: Variables) -> Variables:
    """The same without scales: each row of a weight that has them is divided by its own."""
    whole = {name: array for name, array in variables.items() if not name.endswith("_scale")}
    for name, array in whole.items():
        if (scale := variables.get(f"{name}_scale")) is not None:
            whole[name] = array / scale.reshape(-1, *[1] * (array.ndim - 1))
    return whole


def _tiled(name: str, array: np.ndarray, width: int) -> np.ndarray:
    if name.endswith(("/encodings", "/embeddings/weight", "/projection/weight")):
        return np.concatenate([array] * TILES, axis=1)
    # Queries, keys and values may be one array; each of them has heads of its own.
    blocks = len(array) // width if "attention/linear" in name else 1
    rows = np.concatenate([part for block in np.split(array, blocks) for part in [block] * TILES])
    if name == "encoder/conv1/weight":  # mels stay what they are
        return rows
    if name.endswith("/weight"):
        return np.concatenate([rows / TILES] * TILES, axis=1)
    if name.startswith("decoder/layer_norm/"):  # for the projection, which is the embedding and can't be divided
        return rows / TILES
    return rows


def _missing_layers(tiled: Variables) -> Iterator[tuple[str, np.ndarray]]:
    random = np.random.default_rng(0)
    for stack in ("encoder", "decoder"):
        first = {name: array for name, array in tiled.items() if name.startswith(f"{stack}/layer_0/")}
        present = sum(f"{stack}/layer_{number}/ffn/linear_0/weight" in tiled for number in range(LAYERS))
        for number in range(present, LAYERS):
            for name, array in first.items():
                if name.endswith("/weight"):
                    scale = NOTHING if name.endswith(OUTPUTS) else 0.1 / np.sqrt(array.shape[1])
                    added = random.standard_normal(array.shape, np.float32) * np.float32(scale)
                else:
                    added = np.full_like(array, name.endswith("/gamma"))
                yield name.replace("layer_0", f"layer_{number}"), added


# -- files --------------------------------------------------------------------------------------------------------


def _write(model: Path, quantization: str, directory: Path) -> None:
    narrow = _dequantized(read(model / "model.bin"))
    heads = TILES * int(narrow["encoder/num_heads"])
    spec = WhisperSpec(LAYERS, heads, LAYERS, heads)
    for name, array in wide(narrow).items():
        part, _, field = name.rpartition("/")
        setattr(index_spec(spec, part), field, array)
    spec.register_vocabulary(json.loads((model / "vocabulary.json").read_text()))
    spec.validate()
    spec.optimize(quantization=quantization)
    spec.save(str(directory))
    for path in model.glob("*.json"):  # layers and heads for alignment are where they were
        shutil.copyfile(path, directory / path.name)


def _kept(place: Path, source: str) -> bool:
    note = place / NOTE
    return note.is_file() and note.read_text() == _note(source, place)


def _note(source: str, directory: Path) -> str:
    return f"{source}  made of\n{_hash(_files(directory))}  made\n"


def _files(directory: Path) -> list[Path]:
    return [directory / "model.bin", *sorted(directory.glob("*.json"))]


def _hash(paths: Sequence[Path]) -> str:
    """SHA-256 of names and contents; a file that isn't there is another hash."""
    lines = [f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in paths if path.is_file()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def main() -> None:
    from huggingface_hub import constants

    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--model", type=Path, default=FIXTURE, help="the micro model")
    flags.add_argument("--quantization", choices=("int8", "float32"), default="int8")
    chosen = flags.parse_args()
    print(widened(chosen.model, chosen.quantization, Path(constants.HF_HOME, "steno")))


if __name__ == "__main__":
    main()
