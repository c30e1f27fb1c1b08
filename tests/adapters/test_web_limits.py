"""What one visitor can take: bytes, time, places; and how it ends."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urlsplit

import aiohttp
import pytest

from bot.adapters.web import Timings, WebAdapter
from bot.core import Checker
from bot.errors import GiveUp, TryLater
from bot.inbox import Inbox
from bot.metrics import Metrics
from bot.settings import ChecksSettings
from bot.store import Store
from tests.adapters.web_rig import serving, web_settings
from tests.conftest import FakeDetector, make_picture


async def raw(url: str, request: bytes, *, until_closed: bool = False) -> bytes:
    """What comes back for these very bytes; the first piece, or everything until the server closes."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(request)
        await writer.drain()
        return await asyncio.wait_for(reader.read() if until_closed else reader.read(65536), 20)
    finally:
        writer.close()
        await writer.wait_closed()


async def test_too_large_is_said_before_the_body_comes(web: WebAdapter) -> None:
    head = b"POST /api/check HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n"
    answer = await raw(web.url, head)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"too-large"' in answer


async def test_nothing_is_asked_for_that_would_be_refused(web: WebAdapter) -> None:
    head = b"POST /api/check HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
    assert (await raw(web.url, head + b"Content-Length: 999999999\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
    wrong = head.replace(b"localhost", b"evil.example")
    assert (await raw(web.url, wrong + b"Content-Length: 9\r\n\r\n")).startswith(b"HTTP/1.1 421 ")
    assert await raw(web.url, head + b"Content-Length: 9\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"


async def test_a_token_that_is_no_text_is_a_wrong_one(checker: Checker, checks: ChecksSettings, store: Store) -> None:
    async with serving(web_settings(checks, "a-token"), checker, store) as web:
        head = b"GET /api/about HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \xff\xfe\r\n\r\n"
        assert (await raw(web.url, head)).startswith(b"HTTP/1.1 401 ")


async def test_a_body_that_hides_its_size_is_cut_off(checker: Checker, checks: ChecksSettings, store: Store) -> None:
    settings = web_settings(replace(checks, max_bytes=100_000))

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield bytes(10_000)

    async with serving(settings, checker, store) as web, aiohttp.ClientSession(web.url) as client:
        async with client.post("/api/check", data=endless()) as response:
            assert response.status == 413
        bomb = gzip.compress(bytes(5_000_000))
        async with client.post("/api/check", data=bomb, headers={"Content-Encoding": "gzip"}) as response:
            assert response.status == 413
        form = aiohttp.FormData()
        form.add_field("filler", bytes(90_000), filename="f")
        form.add_field("image", make_picture(), filename="p")
        async with client.post("/api/check", data=form) as response:
            assert response.status == 413


async def test_limits_answer_when_to_come_again(checks: ChecksSettings, detector: FakeDetector, store: Store) -> None:
    strict = replace(checks, per_user_burst=1, per_user_per_minute=6.0)
    checker = Checker(strict, detector, store, Metrics())
    await checker.start()
    try:
        async with serving(web_settings(strict), checker, store) as web, aiohttp.ClientSession(web.url) as client:
            async with client.post("/api/check", data=make_picture(1)) as response:
                assert response.status == 200
            headers = {"X-Forwarded-For": "203.0.113.9"}  # believed only from a configured proxy
            async with client.post("/api/check", data=make_picture(2), headers=headers) as response:
                assert response.status == 429
                assert 9 <= int(response.headers["Retry-After"]) <= 10
                assert (await response.json())["error"] == "try-later"
    finally:
        await checker.close(5)


async def test_slow_and_silent_uploads_end(checker: Checker, store: Store) -> None:
    timings = Timings(idle=0.2, upload=0.6)
    head = b"POST /api/check HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\nabc"
    async with serving(web_settings(), checker, store, timings=timings) as web:
        assert (await raw(web.url, head)).startswith(b"HTTP/1.1 408 ")

        async def drip() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b"x"
                await asyncio.sleep(0.05)

        async with aiohttp.ClientSession(web.url) as client, client.post("/api/check", data=drip()) as response:
            assert response.status == 408


async def test_a_connection_that_asks_for_nothing_is_closed(checker: Checker, store: Store) -> None:
    async with serving(web_settings(), checker, store, timings=Timings(connection=0.2)) as web:
        for start in (b"", b"POST /api/check HTTP/1.1\r\nHost: loc"):
            assert await raw(web.url, start, until_closed=True) == b""


async def test_only_so_many_uploads_are_in_memory_at_once(
    checker: Checker, checks: ChecksSettings, store: Store, detector: FakeDetector
) -> None:
    detector.gate.clear()
    async with (
        serving(web_settings(checks), checker, store, timings=Timings(turn=0.3)) as web,
        aiohttp.ClientSession(web.url, connector=aiohttp.TCPConnector(limit=0)) as client,
    ):

        async def ask(number: int) -> int:
            async with client.post("/api/check", data=make_picture(seed=number)) as response:
                return response.status

        asked = [asyncio.create_task(ask(number)) for number in range(20)]
        await asyncio.sleep(1)
        assert [task.result() for task in asked if task.done()] == [429] * 4
        detector.gate.set()
        assert sorted(await asyncio.gather(*asked)) == [200] * 16 + [429] * 4


async def test_who_goes_away_frees_the_place_and_takes_nobody_along(
    web: WebAdapter, web_client: aiohttp.ClientSession, detector: FakeDetector
) -> None:
    detector.gate.clear()
    data = make_picture(seed=5)
    leaving = [asyncio.create_task(web_client.post("/api/check", data=data)) for _ in range(16)]
    await asyncio.sleep(0.3)
    for task in leaving:
        task.cancel()
    await asyncio.gather(*leaving, return_exceptions=True)
    staying = asyncio.create_task(web_client.post("/api/check", data=data))
    await asyncio.sleep(0.3)
    detector.gate.set()
    async with await asyncio.wait_for(staying, 20) as response:
        assert response.status == 200


async def test_closing_finishes_what_was_accepted(
    web: WebAdapter, web_client: aiohttp.ClientSession, detector: FakeDetector
) -> None:
    detector.gate.clear()
    asked = asyncio.create_task(web_client.post("/api/check", data=make_picture()))
    await asyncio.sleep(0.3)
    await web.close()
    await asyncio.sleep(0.1)
    with pytest.raises(aiohttp.ClientConnectorError):
        await web_client.get("/healthz")
    detector.gate.set()
    async with await asked as response:
        assert response.status == 200


async def test_a_taken_port_is_tried_again_and_an_impossible_address_is_not(web: WebAdapter, store: Store) -> None:
    port = urlsplit(web.url).port
    with pytest.raises(TryLater, match="is taken"):
        await WebAdapter(web_settings(port=port), None, store, Inbox(store, 900), metrics=Metrics()).run()
    elsewhere = web_settings(host="192.0.2.1", token="a-token")
    with pytest.raises(GiveUp, match=r"192\.0\.2\.1"):
        await WebAdapter(elsewhere, None, store, Inbox(store, 900), metrics=Metrics()).run()
