"""The server's secret: made once, kept to itself, known after a restart."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stream.errors import BackendUnavailable
from stream.secret import Secret


def test_it_is_made_at_first_use_for_its_user_alone(tmp_path: Path):
    path = tmp_path / "secret"
    secret = Secret(path)
    assert not path.exists()
    digest = secret.digest("a purpose", "part")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["secret"]
    assert Secret(path).digest("a purpose", "part") == digest
    assert Secret(tmp_path / "other").digest("a purpose", "part") != digest


def test_purposes_and_parts_are_told_apart(tmp_path: Path):
    secret = Secret(tmp_path / "secret")
    asked = [("a", "b", "c"), ("a", "bc"), ("ab", "c"), ("b", "b", "c"), ("a", "c", "b")]
    assert len({secret.digest(*each) for each in asked}) == len(asked)


def test_servers_that_begin_together_end_up_with_the_same(tmp_path: Path):
    secrets = [Secret(tmp_path / "secret") for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(lambda secret: secret.load(), secrets))) == 1
    assert os.listdir(tmp_path) == ["secret"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644])
def test_a_file_with_wider_rights_is_refused(tmp_path: Path, mode: int):
    path = tmp_path / "secret"
    Secret(path).load()
    path.chmod(mode)
    with pytest.raises(BackendUnavailable, match="others") as caught:
        Secret(path).load()
    assert "chmod 600" in str(caught.value.hint)


def test_a_link_or_a_pipe_in_its_place_is_refused(tmp_path: Path):
    Secret(tmp_path / "elsewhere").load()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="link"):
        Secret(tmp_path / "link").load()
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(BackendUnavailable):
        Secret(tmp_path / "pipe").load()


@pytest.mark.parametrize("content", ["", "0" * 64, "0" * 63 + "\n", "0" * 65 + "\n", "G" * 64 + "\n"])
def test_a_file_without_a_whole_secret_is_refused(tmp_path: Path, content: str):
    path = tmp_path / "secret"
    path.touch(0o600)
    path.write_text(content)
    with pytest.raises(BackendUnavailable, match="no secret"):
        Secret(path).load()
