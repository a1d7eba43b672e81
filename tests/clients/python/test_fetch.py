import asyncio

import pytest

import steno
from steno.fetch import fetch


async def fetched(server, answer, key=None):
    async with server(None, process_request=answer) as url:
        return await asyncio.to_thread(fetch, url.replace("ws", "http", 1) + "/metrics", key)


async def test_a_resource_is_fetched_with_the_key(server):
    requests = []

    def answer(connection, request):
        requests.append(request)
        return connection.respond(200, "all well")

    assert await fetched(server, answer, "k3y") == b"all well"
    assert await fetched(server, answer) == b"all well"
    assert [request.headers.get("Authorization") for request in requests] == ["Bearer k3y", None]


async def test_another_answer_is_a_refusal(server):
    def answer(connection, request):
        return connection.respond(401, '{"error":{"code":"unauthorized","message":"no key"}}')

    with pytest.raises(steno.RefusedError) as refused:
        await fetched(server, answer)
    assert (refused.value.status, refused.value.code) == (401, "unauthorized")
