"""Signed URLs: what opens a file, for how long, and that nothing else does."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from stream.access import Access, AccessOptions
from stream.errors import Forbidden
from stream.links import Links
from stream.secret import Secret

ORIGIN = "https://captions.example"
ID = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
OTHER = "1b4e28ba-2fa1-41d2-883f-0016d3cca428"
NOW, EXPIRES = 1_000_000, 1_003_600


class Clock:
    now = float(NOW)

    def __call__(self) -> float:
        return self.now


def links(tmp_path: Path, clock: Clock | None = None, **options: Any) -> Links:
    access = Access(AccessOptions(**options), "127.0.0.1", [])
    return Links(Secret(tmp_path / "secret"), access.is_own, clock or Clock())


def parts(url: str) -> tuple[str, str, str]:
    """File id, expiry and signature of a URL."""
    split = urlsplit(url)
    expires, signature = (each.partition("=")[2] for each in split.query.split("&"))
    return split.path.rpartition("/")[2], expires, signature


def test_a_url_is_valid_until_its_time_is_over(tmp_path: Path):
    clock = Clock()
    made = links(tmp_path, clock, public_url=ORIGIN)
    url = made.make(ORIGIN, ID, EXPIRES)
    assert parts(url)[:2] == (ID, str(EXPIRES))
    made.check(*parts(url))
    assert made.own_file(url) == ID
    clock.now = EXPIRES - 0.1
    made.check(*parts(url))
    clock.now = EXPIRES
    with pytest.raises(Forbidden, match="expired"):
        made.check(*parts(url))
    assert made.own_file(url) is None


def test_a_restart_changes_nothing_and_another_secret_all(tmp_path: Path):
    url = links(tmp_path, public_url=ORIGIN).make(ORIGIN, ID, EXPIRES)
    assert links(tmp_path, public_url=ORIGIN).own_file(url) == ID
    (tmp_path / "secret").unlink()
    assert links(tmp_path, public_url=ORIGIN).own_file(url) is None


def test_no_part_can_be_changed(tmp_path: Path):
    made = links(tmp_path, public_url=ORIGIN)
    file_id, expires, signature = parts(made.make(ORIGIN, ID, EXPIRES))
    theirs = parts(made.make(ORIGIN, OTHER, EXPIRES))[2]
    later = parts(made.make(ORIGIN, ID, EXPIRES + 1))[2]
    flipped = [
        signature[:place] + ("0" if signature[place] != "0" else "1") + signature[place + 1 :] for place in range(64)
    ]
    changed = [
        (OTHER, expires, signature),
        (file_id, str(EXPIRES + 1), signature),
        (file_id, "0" + expires, signature),
        (file_id, expires + "0", signature),
        (file_id, "", signature),
        (f"{file_id}\n{expires}", "", signature),
        ("", f"{file_id}\n{expires}", signature),
        (file_id, expires, ""),
        (file_id, expires, signature[:-1]),
        (file_id, expires, signature + "0"),
        (file_id, expires, signature.upper()),
        (file_id, expires, "é" * 64),
        (file_id, expires, theirs),
        (file_id, expires, later),
        *((file_id, expires, each) for each in flipped),
    ]
    for each in changed:
        with pytest.raises(Forbidden, match="not signed"):
            made.check(*each)
        url = f"{ORIGIN}/v1/signed/{each[0]}?expires={each[1]}&signature={each[2]}"
        assert made.own_file(url) is None


@pytest.mark.parametrize(
    "changed",
    [
        lambda url: url.replace("https:", "http:"),
        lambda url: url.replace("captions.example", "evil.example"),
        lambda url: url.replace("captions.example", "captions.example.evil.example"),
        lambda url: url.replace("captions.example", "captions.example:8443"),
        lambda url: url.replace("captions.example", "captions.example@evil.example"),
        lambda url: url.replace("captions.example", "evil.example\\@captions.example"),
        lambda url: url.replace("captions.example", "evil.example#@captions.example"),
        lambda url: url.replace("/v1/signed/", "/v1/files/"),
        lambda url: url.replace("/v1/signed/", "/v1/signed/../signed/"),
        lambda url: url.replace("expires", "Expires"),
        lambda url: url + "&more=1",
        lambda url: url + "#there",
        lambda url: url + "\n",
        lambda url: " " + url,
        lambda url: "",
    ],
)
def test_only_the_urls_we_write_are_ours(tmp_path: Path, changed: Any):
    made = links(tmp_path, public_url=ORIGIN)
    url = made.make(ORIGIN, ID, EXPIRES)
    assert changed(url) != url
    assert made.own_file(changed(url)) is None


def test_another_way_to_write_our_origin_is_ours(tmp_path: Path):
    made = links(tmp_path, public_url=ORIGIN)
    for origin in ("https://Captions.Example", "https://captions.example:443", "https://captions.example."):
        assert made.own_file(made.make(origin, ID, EXPIRES)) == ID


def test_without_a_public_url_every_name_of_the_server_is_ours(tmp_path: Path):
    made = links(tmp_path, allow_host=("steno.lan",))
    for origin in ("http://localhost:8765", "http://127.0.0.1:1", "https://steno.lan", "http://[::1]:8765"):
        assert made.own_file(made.make(origin, ID, EXPIRES)) == ID
    assert made.own_file(made.make("https://evil.example", ID, EXPIRES)) is None
