"""Webhooks: where they may lead, in which order and how often what is posted, and what is given up."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from stream import webhooks as module
from stream.errors import BadRequest, Unsupported
from stream.metrics import Metrics
from stream.rest.addresses import Target, read
from stream.rest.dial import Dialer, Unreachable
from stream.watch import Hub
from stream.webhooks import Delivery, WebhookOptions, Webhooks
from tests.stream.inline import scripted_engine, stopped
from tests.stream.peer import Peer, session_for
from tests.stream.rest.test_fetch import PUBLIC, serving
from tests.stream.test_session import SILENCE, speech

SECRET = "a secret of some length"
URL = "https://example.com/hook"


class Far(Dialer):
    """The far end: answers each post with the next status, 0 for none; the last one over and over."""

    def __init__(self, *statuses: int) -> None:
        super().__init__()
        self.posted: list[tuple[dict[str, str], bytes]] = []
        self._statuses = list(statuses or (200,))

    async def post(self, target: Target, headers: list[tuple[str, str]], body: bytes) -> int:
        await asyncio.sleep(0)
        self.posted.append((dict(headers), body))
        status = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
        if not status:
            raise Unreachable
        return status


class Stuck(Far):
    async def post(self, target: Target, headers: list[tuple[str, str]], body: bytes) -> int:
        await asyncio.Event().wait()
        raise AssertionError


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSES_S", (0.0, 0.0))


@pytest.fixture
def webhooks(tmp_path: Path) -> Callable[..., Webhooks]:
    def made(far: Dialer, *allowed: str, now: float = 1_000_000) -> Webhooks:
        (tmp_path / "secret").write_text(SECRET + "\n")
        options = WebhookOptions(
            webhook_allow=allowed or ("example.com",), webhook_secret_file=str(tmp_path / "secret")
        )
        return Webhooks(options, Metrics(), far, lambda: now)

    return made


def counted(of: Webhooks) -> tuple[float, float]:
    """How many were delivered, and given up."""
    told = of.metrics.registry.get_sample_value
    delivered, lost = (told("stt_webhooks_total", {"outcome": each}) for each in ("delivered", "given_up"))
    return delivered or 0, lost or 0


async def posted(of: Webhooks, *bodies: bytes) -> None:
    delivery = Delivery(of, of.require(URL), "s")
    for seq, body in enumerate(bodies, 1):
        delivery.put(seq, body)
    delivery.finish()
    await asyncio.gather(delivery.task, return_exceptions=True)


async def test_all_is_posted_in_order_each_with_an_id_of_its_own(webhooks: Any):
    of = webhooks(far := Far())
    await posted(of, b"one", b"two", b"three")
    assert [body for _, body in far.posted] == [b"one", b"two", b"three"]
    assert [headers["Webhook-Id"] for headers, _ in far.posted] == ["msg_s_1", "msg_s_2", "msg_s_3"]
    assert counted(of) == (3, 0)


@pytest.mark.parametrize("secret", [SECRET, "whsec_" + base64.b64encode(b"\0" * 24).decode()])
async def test_a_library_of_others_takes_the_signature(tmp_path: Path, secret: str):
    (tmp_path / "secret").write_text(secret)
    options = WebhookOptions(webhook_allow=("example.com",), webhook_secret_file=str(tmp_path / "secret"))
    await posted(Webhooks(options, Metrics(), far := Far()), b'{"event":1}')
    [(headers, body)] = far.posted
    with openai.OpenAI(api_key="k") as client:
        client.webhooks.verify_signature(body, headers, secret=secret)
        for changed, of_another in ((body + b" ", secret), (body, "another secret that is long")):
            with pytest.raises(openai.InvalidWebhookSignatureError):
                client.webhooks.verify_signature(changed, headers, secret=of_another)


@pytest.mark.parametrize("status", [0, 408, 429, 500, 503])
async def test_what_may_pass_is_tried_again_before_the_next_is_posted(webhooks: Any, status: int):
    of = webhooks(far := Far(status, status, 204))
    await posted(of, b"one", b"two")
    assert [body for _, body in far.posted] == [b"one", b"one", b"one", b"two"]
    assert len({headers["Webhook-Id"] for headers, _ in far.posted[:3]}) == 1
    assert counted(of) == (2, 0)


@pytest.mark.parametrize("status", [301, 302, 400, 401, 404, 410])
async def test_what_will_not_pass_is_given_up_at_once(webhooks: Any, status: int, caplog: pytest.LogCaptureFixture):
    of = webhooks(far := Far(status, 200))
    await posted(of, b"secret text", b"two")
    assert [body for _, body in far.posted] == [b"secret text", b"two"]
    assert counted(of) == (1, 1)
    assert f"failed: {status}" in caplog.text
    assert "1 posts of session s to example.com were given up" in caplog.text
    assert "secret text" not in caplog.text
    assert "/hook" not in caplog.text


async def test_after_some_attempts_it_is_given_up(webhooks: Any):
    of = webhooks(far := Far(0))
    await posted(of, b"one", b"two")
    assert [body for _, body in far.posted] == [b"one"] * 3 + [b"two"] * 3
    assert counted(of) == (0, 2)


async def test_of_too_many_the_oldest_are_given_up(webhooks: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "WAITING", 2)
    of = webhooks(far := Far())
    await posted(of, b"1", b"2", b"3", b"4")
    assert [body for _, body in far.posted] == [b"3", b"4"]
    assert counted(of) == (2, 2)


async def test_what_is_left_long_after_the_end_is_given_up(webhooks: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "LINGER_S", 0.01)
    of = webhooks(Stuck())
    await posted(of, b"1", b"2", b"3")
    assert counted(of) == (0, 3)


async def test_an_answer_that_does_not_come_is_given_up(webhooks: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "POST_S", 0.01)
    of = webhooks(Stuck())
    await posted(of, b"1")
    assert counted(of) == (0, 1)


async def test_the_address_that_was_judged_is_the_one_that_is_posted_to(webhooks: Any):
    """A name that leads elsewhere the second time is judged the second time."""
    answer = b"HTTP/1.1 503 Busy\r\n\r\n"
    async with serving(answer, example_com=[[PUBLIC], ["127.0.0.1"]]) as net:
        of = webhooks(net.dialer())
        delivery = Delivery(of, read("http://example.com/hook"), "s")
        delivery.put(1, b"x")
        delivery.finish()
        await delivery.task
        assert net.connected == [(PUBLIC, 80, "example.com")]
    assert counted(of) == (0, 1)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/hook",
        "ftp://example.com/",
        "https://example.com:8443/",
        "https://user@example.com/",
        "https://example.com.evil.example/",
        "https://evil.example/",
        "https://evil.example#@example.com/",
        "http://127.0.0.1:80\\@example.com/",
        "http://169.254.169.254/",
        "http://0177.1/",
        "http://[::ffff:127.0.0.1]/",
        "https://example.com/\r\nHost: x",
    ],
)
def test_where_a_webhook_may_not_be(webhooks: Any, url: str):
    with pytest.raises(BadRequest, match="webhook") as caught:
        webhooks(Far()).require(url)
    assert caught.value.param == "webhook"


def test_without_hosts_to_post_to_there_are_no_webhooks():
    with pytest.raises(Unsupported) as caught:
        Webhooks(WebhookOptions(), Metrics(), Far()).require(URL)
    assert "--webhook-allow" in str(caught.value.hint)


def test_allowed_hosts_are_compared_as_they_are_connected_to(webhooks: Any):
    assert webhooks(Far(), "Example.COM.").require("HTTPS://EXAMPLE.com:443/hook").host == "example.com"


@pytest.mark.parametrize("secret", ["", "short", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64 at all"])
def test_a_secret_that_is_none_is_refused(tmp_path: Path, secret: str):
    (tmp_path / "secret").write_text(secret)
    options = WebhookOptions(webhook_allow=("example.com",), webhook_secret_file=str(tmp_path / "secret"))
    with pytest.raises(BadRequest, match="secret"):
        Webhooks(options, Metrics(), Far())


def test_nothing_is_posted_unsigned_and_a_host_that_is_none_is_refused():
    with pytest.raises(BadRequest, match="signed"):
        Webhooks(WebhookOptions(webhook_allow=("example.com",)), Metrics(), Far())
    with pytest.raises(BadRequest, match="--webhook-allow"):
        Webhooks(WebhookOptions(webhook_allow=("https://example.com",)), Metrics(), Far())


async def test_what_a_session_finally_heard_is_posted_with_its_labels(webhooks: Any):
    engine = await scripted_engine()
    of = webhooks(far := Far())
    hub, client = Hub(stopped, webhooks=of), Peer()
    session = session_for(client, engine)
    session._admission.webhooks = of
    client.feed({"type": "start", "webhook": URL}, speech(2.0), SILENCE, {"type": "stop"})
    with hub.broadcasting(session, "key", lambda: {"callSid": "CA1"}):
        await session.run()
    await asyncio.gather(*(delivery.task for delivery in hub._deliveries))
    told = [each for each in await client.until("done") if each["type"] in ("final", "suppressed", "done")]
    assert [json.loads(body) for _, body in far.posted] == [
        {"session": session.id, "labels": {"callSid": "CA1"}, "event": event} for event in told
    ]
    assert [each["type"] for each in told] == ["final", "done"]
    assert [headers["Webhook-Id"] for headers, _ in far.posted] == [f"msg_{session.id}_{each['seq']}" for each in told]
    await engine.stop()


async def test_a_webhook_that_hangs_holds_up_no_session(webhooks: Any):
    engine = await scripted_engine()
    of = webhooks(Stuck())
    hub, client = Hub(stopped, webhooks=of), Peer()
    session = session_for(client, engine)
    session._admission.webhooks = of
    client.feed({"type": "start", "webhook": URL}, speech(2.0), SILENCE, {"type": "stop"})
    with hub.broadcasting(session, "key", dict):
        await session.run()
    assert (await client.until("done"))[-1]["words"] == 20
    [delivery] = hub._deliveries
    delivery.task.cancel()
    await asyncio.gather(delivery.task, return_exceptions=True)
    assert counted(of) == (0, 2)
    assert hub._deliveries == set()
    await engine.stop()


@pytest.mark.parametrize("url", [URL, "https://evil.example/", "http://169.254.169.254/"])
async def test_a_session_that_asks_for_a_webhook_it_may_not_have_is_not_opened(webhooks: Any, url: str):
    engine = await scripted_engine()
    far = Far()
    for of in (None, webhooks(far, "other.example")):
        client = Peer()
        session = session_for(client, engine)
        session._admission.webhooks = of
        client.feed({"type": "start", "webhook": url})
        with Hub(stopped, webhooks=of).broadcasting(session, "key", dict):
            await session.run()
        error = (await client.until("error"))[-1]
        assert error["fatal"]
        assert "webhook" in error["message"]
        assert client.code == 4400
    assert far.posted == []
    await engine.stop()
