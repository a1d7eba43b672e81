"""Rules as a page gets them, and who may have them."""

from __future__ import annotations

from pathlib import Path

from stream.rules import EXAMPLE, read
from tests.stream.rest.served import KEY, served


async def test_rules_are_told_to_whom_the_server_knows(tmp_path: Path):
    async with served(tmp_path, KEY) as here, here.client(KEY) as client, here.client() as stranger:
        assert (await stranger.get("/v1/rules")).status_code == 401
        told = (await client.get("/v1/rules")).raise_for_status().json()
        assert (told["example"], told["problem"], told["digits"]["seven"]) == (True, None, 7)
        rules = read(EXAMPLE).rules
        assert [rule["name"] for rule in told["data"]] == [rule.name for rule in rules]
        first = told["data"][0]
        assert (first["side"], first["severity"], first["cooldown_s"]) == ("caller", "urgent", None)
        assert first["automaton"]["follow"] == [list(each) for each in rules[0].automaton.follow]


async def test_a_token_for_watching_opens_them_and_one_for_talking_does_not(tmp_path: Path):
    async with served(tmp_path, KEY) as here, here.client(KEY) as client:
        for scope, status in (("watch", 200), ("transcribe", 403)):
            token = (await client.post("/v1/tokens", json={"scope": scope})).json()["token"]
            async with here.client(token) as page:
                assert (await page.get("/v1/rules")).status_code == status
