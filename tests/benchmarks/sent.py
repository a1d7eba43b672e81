"""Runs the server as its command would, and notes what it sends to whom talks, and when.

    python -m tests.benchmarks.sent FILE serve ...

writes to FILE, when the server has ended, a JSON list of [Unix seconds, message] of all partials and finals.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from stream import app, cli


def main(path: str, *arguments: str) -> int:
    sent: list[tuple[float, Any]] = []
    send = app._Socket.send

    async def noted(socket: app._Socket, message: str | bytes) -> None:
        at = time.time()
        await send(socket, message)
        if isinstance(message, str) and message.startswith(('{"type":"partial"', '{"type":"final"')):
            sent.append((at, json.loads(message)))

    app._Socket.send = noted  # type: ignore[method-assign]
    try:
        return cli.main(arguments)
    finally:
        Path(path).write_text(json.dumps(sent))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
