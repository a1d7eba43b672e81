"""Errors that a client or an operator is told about; anything else that is raised is a bug.

StreamError                    code, message, hint; the close code and HTTP status it turns into
├── ClientError                the peer's fault: logged at info
│   ├── BadRequest             4400  400   unknown option, wrong type or value, message out of order
│   ├── NotStarted             4400  400   audio before `start`
│   ├── BadAudio               4400  400   odd byte count, empty frame
│   ├── BadMedia               4400  422   a recording that is damaged: not all of it can be decoded, or nothing
│   ├── UnsupportedMedia       4400  415   a file that is no recording, or of a kind that is not decoded
│   ├── TooLarge               4413  413   frame, text or recording over its limit
│   ├── Unauthorized           4401  401   no key, or a wrong one
│   ├── Forbidden              4401  403   foreign Origin
│   ├── Misdirected            4400  421   foreign Host
│   ├── UnknownModel           4404  404
│   ├── NotFound               4404  404   a file that is not there, or is another key's
│   ├── Unsupported            4400  400   an option that this model or server can't honour
│   ├── QuotaExceeded          4429  429
│   ├── TimedOut               4410  408   no start, idle, session length
│   └── SlowReader             4408  408
└── ServerError                ours: logged with its cause
    ├── Overloaded             1013  503   no capacity
    ├── Draining               1012  503
    ├── StoreFull              1013  507   no room for another file
    ├── EngineFailed           1011  500
    └── BackendUnavailable     1011  500   a library, weights or a folder that is needed and can't be had

Knows nothing of wire formats: protocols turn these into their own messages.
"""

from __future__ import annotations

from typing import ClassVar


class StreamError(Exception):
    """`message` says what was wrong and where, `hint` what to do about it; `fatal` ends a session that is open.

    `param` names the one field of a request that was wrong.
    """

    code: ClassVar[str] = "internal"
    close_code: ClassVar[int] = 1011
    status: ClassVar[int] = 500

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        param: str | None = None,
        fatal: bool = False,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.param = param
        self.fatal = fatal
        self.retry_after_s = retry_after_s


class ClientError(StreamError):
    code = "bad_request"
    close_code = 4400
    status = 400


class BadRequest(ClientError):
    pass


class NotStarted(ClientError):
    code = "not_started"


class BadAudio(ClientError):
    code = "bad_audio"


class BadMedia(ClientError):
    code = "bad_media"
    status = 422


class UnsupportedMedia(ClientError):
    code = "unsupported_media"
    status = 415


class TooLarge(ClientError):
    code = "too_large"
    close_code = 4413
    status = 413


class Unauthorized(ClientError):
    code = "unauthorized"
    close_code = 4401
    status = 401


class Forbidden(ClientError):
    code = "forbidden"
    close_code = 4401
    status = 403


class Misdirected(ClientError):
    code = "misdirected"
    status = 421


class UnknownModel(ClientError):
    code = "unknown_model"
    close_code = 4404
    status = 404


class NotFound(ClientError):
    code = "not_found"
    close_code = 4404
    status = 404


class Unsupported(ClientError):
    code = "unsupported"


class QuotaExceeded(ClientError):
    code = "quota"
    close_code = 4429
    status = 429


class TimedOut(ClientError):
    code = "timed_out"
    close_code = 4410
    status = 408


class SlowReader(ClientError):
    code = "slow_reader"
    close_code = 4408
    status = 408


class ServerError(StreamError):
    pass


class Overloaded(ServerError):
    code = "overloaded"
    close_code = 1013
    status = 503


class Draining(ServerError):
    code = "draining"
    close_code = 1012
    status = 503


class StoreFull(ServerError):
    code = "store_full"
    close_code = 1013
    status = 507


class EngineFailed(ServerError):
    code = "engine_failed"


class BackendUnavailable(ServerError):
    code = "backend_unavailable"
