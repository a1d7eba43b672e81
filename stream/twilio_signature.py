"""Twilio's proof that a call comes from it: made of the account's auth token and the URL that Twilio was told to call.

Knows nothing of requests and configuration.
"""

from __future__ import annotations

import base64
import hashlib
import hmac


def signature(token: str, url: str) -> str:
    """What the header X-Twilio-Signature holds in a WebSocket's handshake: HMAC-SHA1 in base64."""
    return base64.b64encode(hmac.new(token.encode(), url.encode(), hashlib.sha1).digest()).decode()
