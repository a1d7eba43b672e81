"""stream/rest/desk.py: what the routes' own tests don't show."""

import asyncio
from io import BytesIO
from threading import Event

from stream.rest import desk


async def test_what_is_opened_for_one_who_left_is_closed():
    file, left = BytesIO(), Event()

    def opening() -> BytesIO:
        assert left.wait(10)
        return file

    waiting = asyncio.create_task(desk._opened(opening))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    left.set()
    async with asyncio.timeout(10):
        while not file.closed:  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.001)
