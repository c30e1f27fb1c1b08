"""What several bot processes keep together in Redis: limits, turns, one judging of one picture; and what they do without Redis."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.core import Asker, Checker, Picture
from bot.errors import TryLater
from bot.limits import Lane
from bot.metrics import Metrics
from bot.secret import Secret
from bot.settings import Settings
from bot.store import Store
from bot.verdict import Verdict
from tests.conftest import FakeDetector, make_picture
from tests.scale.conftest import Line, RedisServer, asking, in_line, loads, until, until_it_says, working

ANNA, BEN = Asker("discord:guild/1", "discord:user/1"), Asker("telegram:chat/2", "telegram:user/2")
SAY = "each process counts for itself"
pytestmark = pytest.mark.usefixtures("patience")


def strict(settings: Settings, **limits: float) -> Settings:
    return replace(settings, checks=replace(settings.checks, **limits))  # type: ignore[arg-type]


@asynccontextmanager
async def limits(settings: Settings, count: int = 2) -> AsyncIterator[list[Any]]:
    """Those of so many processes."""
    from bot.scale.limits import SharedLimits

    async with AsyncExitStack() as stack:
        found = [SharedLimits(settings) for _ in range(count)]
        for one in found:
            stack.push_async_callback(one.close)
        yield found


async def given(takers: list[Any], times: int, user: str = "anna", chat: str = "hall") -> int:
    """How many of so many pictures are allowed, asked for by all at once."""
    asks = [takers[n % len(takers)].take(user, chat) for n in range(times)]
    found = await asyncio.gather(*asks, return_exceptions=True)
    assert all(one is None or isinstance(one, TryLater) for one in found)
    return sum(one is None for one in found)


async def test_an_allowance_is_one_for_all_processes(settings: Settings) -> None:
    settings = strict(settings, per_user_burst=7, per_user_per_minute=6)
    async with limits(settings, 3) as takers:
        assert await given(takers, 60) == 7
        for one in takers:
            with pytest.raises(TryLater, match="You have sent many") as refused:
                await one.look("anna", "hall")
            assert 5 <= refused.value.seconds <= 10
        await takers[2].look("ben", "hall")
        assert await given(takers, 60, user="ben") == 7


async def test_it_fills_up_by_the_minute_and_a_full_one_is_forgotten(settings: Settings, server: RedisServer) -> None:
    from redis.asyncio import Redis

    settings = strict(settings, per_user_burst=3, per_user_per_minute=40, per_chat_burst=3, per_chat_per_minute=40)
    async with Redis.from_url(server.url) as redis, limits(settings) as takers:
        began = time.monotonic()
        assert await given(takers, 10) == 3
        lives = [await redis.pttl(key) async for key in redis.scan_iter("candid:bucket:*")]
        assert len(lives) == 2 and all(2000 < life <= 4501 for life in lives)

        async def again() -> bool:
            return await given(takers, 1) == 1

        await until_it_says(again)
        assert time.monotonic() - began > 1.4

        async def forgotten() -> bool:
            return not [key async for key in redis.scan_iter("candid:bucket:*")]

        await until_it_says(forgotten)
        assert await given(takers, 10) == 3


async def test_what_the_chat_forbids_costs_the_person_nothing(settings: Settings) -> None:
    settings = strict(settings, per_user_burst=3, per_chat_burst=2, per_chat_per_minute=1)
    async with limits(settings) as takers:
        assert await given(takers, 5) == 2
        with pytest.raises(TryLater, match="Many pictures were sent here"):
            await takers[0].take("anna", "hall")
        assert await given(takers, 5, chat="garden") == 1


async def test_without_redis_each_process_goes_on_from_what_it_has_given(
    settings: Settings, server: RedisServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.scale.reach.AWAY_SECONDS", 0.2)
    settings = strict(settings, per_user_burst=10, per_user_per_minute=0.1)
    async with limits(settings) as (one, other):
        assert await given([one], 6) == 6 and await given([other], 2) == 2
        await server.stop()
        assert await given([one], 30) == 4, "the limit holds without Redis too"
        assert await given([other], 30) == 8
        await asyncio.sleep(0.5)
        assert await given([one], 30) == 0
        assert caplog.text.count(SAY) == 2, "once for each process"
        await server.start()
        await asyncio.sleep(0.5)
        with caplog.at_level(logging.INFO):
            assert await given([one], 30) == 10  # it came back empty
            assert await given([other], 30) == 0
        assert "Redis is back" in caplog.text


async def test_a_redis_that_says_nothing_delays_nobody_for_long(
    settings: Settings, server: RedisServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.scale.reach.QUICK_SECONDS", 1.0)
    line = Line(server)
    async with line.open() as url:
        far = replace(settings, scale=replace(settings.scale, redis=Secret(url)))
        async with limits(strict(far, per_user_burst=50), 1) as takers:
            assert await given(takers, 5) == 5
            line.whole.clear()
            async with asyncio.timeout(10):
                assert await given(takers, 100) == 45
                assert await given(takers, 100) == 0
            assert caplog.text.count(SAY) == 1
            line.whole.set()


async def test_two_bots_refuse_what_is_too_much_for_both(settings: Settings, store: Store) -> None:
    from bot.scale.limits import SharedLimits
    from bot.scale.remote import RemoteJudge

    settings = strict(settings, per_user_burst=6, per_user_per_minute=1)
    async with working(settings, loads(FakeDetector())), AsyncExitStack() as stack:
        bots = []
        for _ in range(2):
            judge, metrics = RemoteJudge(settings, Metrics()), Metrics()
            bots.append(Checker(settings.checks, judge, store, metrics, SharedLimits(settings)))
            await bots[-1].start()
            stack.push_async_callback(bots[-1].close, 10)
        asks = [bots[n % 2].check(Picture(make_picture(seed=n)), ANNA) for n in range(12)]
        found = await asyncio.gather(*asks, return_exceptions=True)
        assert sum(isinstance(one, Verdict) for one in found) == 6
        assert sum(isinstance(one, TryLater) for one in found) == 6
        for bot in bots:
            with pytest.raises(TryLater):
                await bot.admit(ANNA)
            await bot.admit(BEN)


@asynccontextmanager
async def turns(address: str, count: int = 2, window: int = 1) -> AsyncIterator[list[Any]]:
    """Those of so many processes."""
    from bot.scale.turns import SharedTurns

    async with AsyncExitStack() as stack:
        found = [SharedTurns(Secret(address), lambda: window) for _ in range(count)]
        for one in found:
            stack.push_async_callback(one.close)
            await one.start()
        yield found


async def renewed(redis: Any, of: Any) -> None:
    """All that a process holds and waits for now, it has said, and heard the answer."""
    key = f"candid:turns:lives:{of._name}"

    async def again() -> bool:
        return bool(await redis.get(key) == b"1")

    for _ in range(3):  # one may have been on its way, and the last one's answer is heard before the next
        await redis.set(key, 0, px=60_000)
        await until_it_says(again)


class Hall:
    """Who has a turn, in which order; each stays until it is told to leave."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.inside = self.most = 0
        self.leave = asyncio.Event()

    async def visit(self, turns: Any, chat: str, name: str, lane: Lane = Lane.PERSON) -> None:
        async with turns.turn(chat, lane):
            self.order.append(name)
            self.inside += 1
            self.most = max(self.most, self.inside)
            await self.leave.wait()
            self.inside -= 1

    async def line_up(self, *visits: tuple[Any, str, str], lane: Lane = Lane.PERSON) -> list["asyncio.Task[None]"]:
        tasks = []
        for of, chat, name in visits:
            before = len(of._places)
            tasks.append(asyncio.create_task(self.visit(of, chat, name, lane)))
            await until(lambda of=of, before=before: len(of._places) > before)  # type: ignore[misc]
            await until(lambda of=of: all(place.stands for place in of._places.values()))  # type: ignore[misc]
        return tasks


async def test_chats_take_turns_whichever_processes_they_are_in(server: RedisServer) -> None:
    from redis.asyncio import Redis

    from bot.scale.turns import lined_up

    hall = Hall()
    async with Redis.from_url(server.url) as redis, turns(server.url) as (one, two):
        first = await hall.line_up((one, "first", "first"))
        unasked = await hall.line_up((one, "auto", "u0"), lane=Lane.AUTOMATIC)
        album = [((one, two)[n % 2], "album", f"a{n}") for n in range(5)]
        tasks = await hall.line_up(*album, (two, "anna", "b0"), (one, "anna", "b1"), (two, "carl", "c0"))
        assert await lined_up(redis) == 9
        hall.leave.set()
        await asyncio.gather(*first, *unasked, *tasks)
        assert await lined_up(redis) == 0
    assert hall.order == ["first", "a0", "b0", "c0", "a1", "b1", "a2", "a3", "a4", "u0"]
    assert hall.most == 1


async def test_no_more_than_the_window_hold_a_turn(server: RedisServer) -> None:
    hall = Hall()
    async with turns(server.url, 3, window=4) as processes:
        tasks = [asyncio.create_task(hall.visit(processes[n % 3], f"chat {n % 5}", str(n))) for n in range(30)]
        await until(lambda: hall.inside == 4)
        await asyncio.sleep(0.3)
        assert hall.inside == 4
        next(task for n, task in enumerate(tasks) if str(n) not in hall.order).cancel()
        hall.leave.set()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert len(hall.order) == 29 and hall.most == 4


async def test_turns_of_a_process_that_ended_go_back(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.scale.turns.RENEW_SECONDS", 0.1)
    monkeypatch.setattr("bot.scale.turns.LIFE_SECONDS", 1.0)
    hall, others = Hall(), Hall()
    async with turns(server.url) as (doomed, other):
        held = await hall.line_up((doomed, "a", "0"), (doomed, "a", "1"), (doomed, "b", "2"))
        waiting = await others.line_up((other, "a", "3"))
        for task in doomed._tasks:
            task.cancel()
        others.leave.set()
        await asyncio.wait_for(asyncio.gather(*waiting), 20)
        assert others.order == ["3"]
        hall.leave.set()
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)


async def test_a_redis_that_comes_back_empty_is_told_who_waits(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redis.asyncio import Redis

    monkeypatch.setattr("bot.scale.turns.RENEW_SECONDS", 0.1)
    monkeypatch.setattr("bot.scale.turns.BACK_SECONDS", 300.0)
    hall = Hall()
    async with Redis.from_url(server.url) as redis, turns(server.url) as (one, two):
        tasks = await hall.line_up(*((one, "a", f"a{n}") for n in range(3)), (two, "b", "b0"))
        await renewed(redis, two)
        one._tasks.pop().cancel()  # it says nothing for now
        await redis.flushall()
        await renewed(redis, two)
        assert hall.inside == 1, "who holds a turn still holds it, though Redis has not heard of that yet"
        one._tasks.append(asyncio.create_task(one._keep()))
        await renewed(redis, one)
        assert hall.inside == 1 and await redis.delete("candid:turns:listens"), "the time to say so is over"
        hall.leave.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 60)
        assert sorted(hall.order) == ["a0", "a1", "a2", "b0"] and hall.most == 1

        async def empty() -> bool:
            kept = (b"lives", b"known", b"listens")
            return not [key async for key in redis.scan_iter("candid:turns:*") if key.split(b":")[2] not in kept]

        await until_it_says(empty)


async def test_a_turn_that_is_just_being_given_is_not_taken_back(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that asked for it says meanwhile what it holds, and does not know of this one yet."""
    from redis.asyncio import Redis

    monkeypatch.setattr("bot.scale.turns.RENEW_SECONDS", 0.1)
    hall, arrives = Hall(), asyncio.Event()
    async with Redis.from_url(server.url) as redis, turns(server.url) as (one, two):
        one._tasks.pop(0).cancel()  # it isn't called either
        real = one._ask

        async def slow(args: list[Any]) -> Any:
            found = await real(args=args)
            await arrives.wait()
            return found

        one._ask = slow
        first = asyncio.create_task(hall.visit(one, "a", "a0"))

        async def given() -> bool:
            return bool(await redis.scard("candid:turns:held"))

        await until_it_says(given)
        await renewed(redis, one)
        second = await hall.line_up((two, "b", "b0"))
        assert hall.inside == 0, "the only turn is another's"
        arrives.set()
        await until(lambda: hall.inside)
        await renewed(redis, two)
        assert hall.order == ["a0"]
        hall.leave.set()
        await asyncio.wait_for(asyncio.gather(first, *second), 60)
    assert hall.order == ["a0", "b0"] and hall.most == 1


async def test_without_redis_nobody_waits_for_a_turn(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot.scale.turns.RENEW_SECONDS", 0.1)
    hall = Hall()
    async with turns(server.url, 1) as (one,):
        tasks = await hall.line_up((one, "a", "a0"), (one, "a", "a1"))
        await server.stop()
        await until(lambda: hall.inside == 2)
        tasks += await hall.line_up((one, "a", "a2"))
        await until(lambda: hall.inside == 3)
        hall.leave.set()
        await asyncio.gather(*tasks)
    assert caplog.text.count("chats take turns within each process only") == 1


async def test_the_picture_of_one_chat_does_not_wait_for_all_of_another_process(
    settings: Settings, store: Store
) -> None:
    order: list[float] = []
    detector = FakeDetector(max_pictures=1)
    detector.seen = lambda pictures: order.extend(float(one.pixels[0].mean()) for one in pictures)
    detector.gate.clear()
    narrow = replace(settings, checks=replace(settings.checks, batch=1, decode_threads=1))
    other = await Store.open(Path(":memory:"))
    async with (
        working(narrow, loads(detector)),
        asking(narrow, store) as flooded,
        asking(narrow, other) as quiet,
    ):
        flood = [asyncio.create_task(flooded.check(Picture(make_picture(60, seed=n)), ANNA)) for n in range(30)]
        await until(lambda: detector.at_gate and in_line(flooded) == 30)
        single = asyncio.create_task(quiet.check(Picture(make_picture(200)), BEN))
        await until(lambda: in_line(quiet) == 1)
        detector.gate.set()
        await asyncio.gather(*flood, single)
    await other.close()
    place = next(n for n, brightness in enumerate(order) if brightness > 150)
    assert place <= 10, "six were with the worker, or next to it"


async def test_the_same_pictures_in_two_processes_at_once_are_judged_once(settings: Settings) -> None:
    detector = FakeDetector()
    detector.seen = lambda _: time.sleep(0.02)
    stores = [await Store.open(Path(":memory:")) for _ in range(2)]
    pictures = [Picture(make_picture(100 + n, seed=n)) for n in range(24)]
    async with (
        working(settings, loads(detector)),
        asking(settings, stores[0]) as one,
        asking(settings, stores[1]) as two,
    ):
        checks: list[Callable[[Picture], Any]] = [lambda p: one.check(p, ANNA), lambda p: two.check(p, BEN)]
        found = await asyncio.gather(*(check(picture) for picture in pictures for check in checks))
    for store in stores:
        await store.close()
    assert found[::2] == found[1::2] and sum(detector.passes) == len(pictures)
