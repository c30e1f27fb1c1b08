"""Pictures judged by workers: the same answers as by one process, once, fairly, and in the right order."""

import asyncio
import io
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from bot.core import Asker, Checker, Picture
from bot.errors import Refusal, TryLater
from bot.limits import Lane
from bot.metrics import Metrics
from bot.settings import Settings
from bot.store import Store
from bot.wording import refused
from model.registry import Registry
from model.views import Views
from tests.commands.conftest import add_version
from tests.conftest import FakeDetector, make_picture
from tests.scale.conftest import RedisServer, asking, in_line, loads, until, until_it_says, working

ANNA, BEN = Asker("discord:guild/1", "discord:user/1"), Asker("discord:guild/2", "discord:user/2")
pytestmark = pytest.mark.usefixtures("patience")


async def test_two_workers_say_what_one_process_says(settings: Settings, store: Store, checker: Checker) -> None:
    pictures = [Picture(make_picture(60 + 8 * number, seed=number)) for number in range(20)]
    expected = [await checker.check(picture, ANNA) for picture in pictures]
    one, two = FakeDetector(), FakeDetector()
    for detector in (one, two):  # slow enough that neither could do it alone before the other looks
        detector.seen = lambda _: time.sleep(0.05)
    fresh = await Store.open(Path(":memory:"))
    async with working(settings, loads(one)), working(settings, loads(two)), asking(settings, fresh) as asked:
        found = await asyncio.gather(*(asked.check(picture, ANNA) for picture in pictures))
    await fresh.close()
    assert [replace(verdict, milliseconds=0) for verdict in found] == [
        replace(verdict, milliseconds=0) for verdict in expected
    ]
    assert sum(one.passes) and sum(two.passes) and sum(one.passes) + sum(two.passes) == 20


async def test_why_is_drawn_by_a_worker(settings: Settings, store: Store) -> None:
    picture = Picture(make_picture(220))
    async with working(settings, loads(FakeDetector())), asking(settings, store) as asked:
        drawn = await asked.explain(picture, ANNA, "de")
    assert Image.open(io.BytesIO(drawn)).format == "PNG"


async def test_a_refusal_comes_back_in_any_language(settings: Settings, store: Store) -> None:
    async with working(settings, loads(FakeDetector())), asking(settings, store) as asked:
        with pytest.raises(Refusal) as caught:
            await asked.check(Picture(b"this is no picture"), ANNA)
    assert caught.value.reason == "not-a-picture" or caught.value.reason
    assert refused(caught.value, "en") == str(caught.value)


async def test_no_picture_stays_in_redis(settings: Settings, store: Store, server: RedisServer) -> None:
    from redis.asyncio import Redis

    async with working(settings, loads(FakeDetector())), asking(settings, store) as asked:
        await asyncio.gather(*(asked.check(Picture(make_picture(seed=n)), ANNA) for n in range(5)))
        await asked.explain(Picture(make_picture(seed=0)), ANNA)  # a drawing shows the picture, too
        async with Redis.from_url(server.url) as redis:
            for key in [key async for key in redis.scan_iter("candid:result:explain-*")]:
                assert -1 != await redis.pttl(key) <= 5000

            async def stays(key: bytes) -> bool:
                return key != b"candid:model" and await redis.pttl(key) == -1 and await redis.type(key) != b"stream"

            async def struck_off() -> bool:  # that comes after the outcome
                return not (
                    await redis.xlen("candid:tasks:person")
                    or [key async for key in redis.scan_iter("candid:picture:*")]
                    or [key async for key in redis.scan_iter("candid:*") if await stays(key)]
                )

            await until_it_says(struck_off)


async def test_two_bots_with_the_same_picture_share_one_task(settings: Settings, store: Store) -> None:
    detector = FakeDetector()
    detector.gate.clear()
    other = await Store.open(Path(":memory:"))
    async with working(settings, loads(detector)), asking(settings, store) as one, asking(settings, other) as two:
        asks = [asyncio.create_task(asked.check(Picture(make_picture()), ANNA)) for asked in (one, two)]
        await until(lambda: detector.at_gate)
        await asyncio.sleep(0.3)
        detector.gate.set()
        first, second = await asyncio.gather(*asks)
    await other.close()
    assert first == second and detector.passes == [1]


async def test_a_person_goes_before_what_nobody_asked_for(settings: Settings, store: Store) -> None:
    order: list[float] = []

    def seen(pictures: Sequence[Views]) -> None:
        order.extend(round(float(picture.pixels[0].mean())) for picture in pictures)

    detector = FakeDetector(max_pictures=1)
    detector.seen = seen
    detector.gate.clear()
    narrow = replace(settings, checks=replace(settings.checks, batch=1, decode_threads=1))
    async with working(narrow, loads(detector)), asking(narrow, store) as asked:
        unasked = [
            asyncio.create_task(asked.check(Picture(make_picture(100, seed=n)), ANNA, Lane.AUTOMATIC))
            for n in range(12)
        ]
        await until(lambda: detector.at_gate and in_line(asked) == 12)
        person = asyncio.create_task(asked.check(Picture(make_picture(200)), BEN))
        await until(lambda: in_line(asked) == 13)
        detector.gate.set()
        await asyncio.gather(*unasked, person)
    assert min(place for place, brightness in enumerate(order) if brightness > 150) <= 5


async def test_without_workers_people_are_told_at_once(settings: Settings, store: Store) -> None:
    async with asking(settings, store) as asked:
        with pytest.raises(TryLater, match="can't look at pictures just now"):
            await asked.check(Picture(make_picture()), ANNA)
        async with working(settings, loads(FakeDetector("fake-1"))):

            async def answered() -> bool:
                try:
                    return (await asked.check(Picture(make_picture()), ANNA)).model == "fake-1"
                except TryLater:
                    return False

            await until_it_says(answered)


async def test_a_redis_that_has_just_come_back_empty_is_not_taken_for_one_without_workers(
    settings: Settings, store: Store, server: RedisServer
) -> None:
    from redis.asyncio import Redis

    async with Redis.from_url(server.url) as redis, AsyncExitStack() as stack:
        await redis.set("candid:worker:one", "fake-1")
        asked = await stack.enter_async_context(asking(settings, store))
        assert asked._judge._workers == 1  # type: ignore[attr-defined]
        await redis.flushall()
        await until(lambda: asked._judge._workers == 0)  # type: ignore[attr-defined]
        work = asyncio.create_task(asked.check(Picture(make_picture()), ANNA))
        async with working(settings, loads(FakeDetector("fake-1"))):
            assert (await work).model == "fake-1"


async def test_a_new_champion_reaches_every_worker(settings: Settings, store: Store) -> None:

    versions = Path(settings.model.directory)
    metrics = [Metrics(), Metrics()]
    load = lambda directory, views, cache: FakeDetector(directory.name)  # noqa: E731
    async with (
        working(settings, load, metrics[0]),
        working(settings, load, metrics[1]),
        asking(settings, store) as asked,
    ):
        assert (await asked.check(Picture(make_picture(seed=1)), ANNA)).model == "fake-1"
        add_version(versions, "fake-2")
        assert Registry(versions).champion() == "fake-2"
        for shown in metrics:
            await until(lambda shown=shown: b'candid_model_info{version="fake-2"} 1.0' in shown.text())
        await until(lambda: asked.model.version == "fake-2")
        assert (await asked.check(Picture(make_picture(seed=1)), ANNA)).model == "fake-2"


async def test_a_bug_in_a_worker_is_a_bug_here_and_the_next_picture_is_judged(settings: Settings, store: Store) -> None:
    from bot.scale.wire import WorkerBug

    detector = FakeDetector()

    def seen(pictures: Sequence[Views]) -> None:
        if pictures[0].pixels.mean() > 230:
            raise RuntimeError("the network broke")

    detector.seen = seen
    async with working(settings, loads(detector)), asking(settings, store) as asked:
        with pytest.raises(WorkerBug, match=r"error [0-9a-f]{8} in a worker"):
            await asked.check(Picture(make_picture(250)), ANNA)
        assert (await asked.check(Picture(make_picture(100)), ANNA)).model == "fake-1"


async def test_what_workers_of_another_release_say_ends_nothing(
    settings: Settings, store: Store, server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    from redis.asyncio import Redis

    async with asking(settings, store) as asked, Redis.from_url(server.url) as redis:
        await redis.set("candid:model", '{"of": "the future"}')
        await until(lambda: "is one of them newer" in caplog.text)
        await redis.delete("candid:model")
        async with working(settings, loads(FakeDetector("fake-7"))):
            await until(lambda: asked.model.version == "fake-7")
