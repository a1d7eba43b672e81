"""Posts what a session finally heard to a URL that it names: in order, signed, and never waited for by the session.

Signed as https://www.standardwebhooks.com says, for which there are libraries. Knows nothing of what is posted.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from stream.errors import BadRequest, Unsupported
from stream.metrics import Metrics
from stream.rest.addresses import FORM, Target, allowed_host, read
from stream.rest.dial import Dialer, Unreachable

log = logging.getLogger(__name__)

WAITING = 200
"""Posts of one session that may wait; then the oldest are given up."""
POST_S = 10.0
"""How long one may take."""
PAUSES_S = (0.5, 2.0, 8.0)
"""Between attempts to post the same."""
AGAIN = (408, 425, 429)
"""Statuses below 500 that another attempt may change."""
LINGER_S = 60.0
"""What is left is given up when a session has been over for this long."""
SHORTEST = 16
"""Bytes of a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookOptions:
    webhook_allow: tuple[str, ...] = field(
        default=(), metadata={"help": "a host that sessions may have their finals posted to"}
    )
    webhook_secret_file: str | None = field(
        default=None, metadata={"help": "file with the secret that posts are signed with, as Standard Webhooks says"}
    )


class Webhooks:
    """Raises BadRequest for options that make no sense, and OSError for a secret that can't be read."""

    def __init__(
        self, options: WebhookOptions, metrics: Metrics, dialer: Dialer, now: Callable[[], float] = time.time
    ) -> None:
        self._allowed = frozenset(allowed_host("--webhook-allow", each) for each in options.webhook_allow)
        self._secret = _secret(options.webhook_secret_file)
        if self._allowed and not self._secret:
            raise BadRequest(
                "what is posted to webhooks has to be signed", hint="--webhook-secret-file names the secret"
            )
        self._dialer = dialer
        self._now = now
        self.metrics = metrics

    def require(self, url: str) -> Target:
        """Where a session may have its finals posted. Raises Unsupported where no webhook is, and BadRequest."""
        if not self._allowed:
            raise Unsupported("this server posts to no webhook", hint="start it with --webhook-allow", param="webhook")
        try:
            return read(url, self._allowed)
        except BadRequest:
            raise BadRequest(
                f"`webhook` is not {FORM}, or not on a host that this server posts to",
                hint="see --webhook-allow",
                param="webhook",
            ) from None

    async def post(self, target: Target, message_id: str, body: bytes) -> int:
        """The status of the answer. Raises Unreachable, and TimeoutError."""
        sent = str(int(self._now()))
        signed = b".".join((message_id.encode(), sent.encode(), body))
        signature = base64.b64encode(hmac.digest(self._secret, signed, hashlib.sha256)).decode()
        headers = [
            ("Content-Type", "application/json"),
            ("Webhook-Id", message_id),
            ("Webhook-Timestamp", sent),
            ("Webhook-Signature", f"v1,{signature}"),
        ]
        async with asyncio.timeout(POST_S):
            return await self._dialer.post(target, headers, body)


class Delivery:
    """What one session posts, in order. busy: entered until all is posted, or given up. Belongs to the event loop."""

    def __init__(
        self,
        webhooks: Webhooks,
        target: Target,
        session: str,
        busy: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._webhooks = webhooks
        self._target = target
        self._session = session
        self._queue: deque[tuple[int, bytes]] = deque()
        self._arrived = asyncio.Event()
        self._over = False
        self._lost = 0
        self.task = asyncio.create_task(self._run(busy))

    def put(self, seq: int, body: bytes) -> None:
        if len(self._queue) >= WAITING:
            self._queue.popleft()
            self._count(False)
        self._queue.append((seq, body))
        self._arrived.set()

    def finish(self) -> None:
        """Nothing more comes."""
        self._over = True
        self._arrived.set()
        asyncio.get_running_loop().call_later(LINGER_S, self.task.cancel)

    async def _run(self, busy: Callable[[], AbstractContextManager[None]]) -> None:
        posting = False
        try:
            with busy():
                while not (self._over and not self._queue):
                    if self._queue:
                        posting = True
                        delivered = await self._delivered(*self._queue.popleft())
                        posting = False
                        self._count(delivered)
                    else:
                        self._arrived.clear()
                        await self._arrived.wait()
        finally:
            for _ in range(len(self._queue) + posting):
                self._count(False)
            if self._lost:
                log.warning("%d posts of session %s to %s were given up", self._lost, self._session, self._target.host)

    async def _delivered(self, seq: int, body: bytes) -> bool:
        for pause_s in (*PAUSES_S, None):
            try:
                status = await self._webhooks.post(self._target, f"msg_{self._session}_{seq}", body)
            except (Unreachable, TimeoutError):
                status = 0
            if 200 <= status < 300:
                return True
            if pause_s is None or (0 < status < 500 and status not in AGAIN):
                break
            await asyncio.sleep(pause_s)
        if not self._lost:
            log.warning(
                "a post of session %s to %s failed: %s", self._session, self._target.host, status or "no answer"
            )
        return False

    def _count(self, delivered: bool) -> None:
        self._lost += not delivered
        self._webhooks.metrics.webhooks.labels(outcome="delivered" if delivered else "given_up").inc()


def _secret(path: str | None) -> bytes:
    """As it is, or in base64 behind `whsec_`; b"" where there is none."""
    if path is None:
        return b""
    text = Path(path).read_text("utf-8").strip()
    try:
        secret = base64.b64decode(text[6:], validate=True) if text.startswith("whsec_") else text.encode()
    except binascii.Error:
        secret = b""
    if len(secret) < SHORTEST:
        raise BadRequest(f"{path} holds no secret of {SHORTEST} bytes or more, nor one in base64 behind `whsec_`")
    return secret
