"""Workers killed with pictures in hand, Redis gone and back empty, the line to it cut: every request has one answer."""

import asyncio
import time
from dataclasses import replace

import pytest

import bot.scale.remote
from bot.core import Asker, Checker, Picture
from bot.secret import Secret
from bot.settings import Settings
from bot.store import Store
from bot.verdict import Verdict
from tests.conftest import FakeDetector, make_picture
from tests.scale.conftest import Line, RedisServer, asking, loads, until, working
from tests.scale.processes import CUT_SECONDS, FULL, PATIENCE, REQUESTS, worker_process


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    if not FULL:
        monkeypatch.setattr(bot.scale.remote, "AGAIN_SECONDS", 4.0)
        monkeypatch.setattr(bot.scale.remote, "CLAIM_SECONDS", 2.0)


def request_all(checker: Checker, count: int = REQUESTS) -> list["asyncio.Task[Verdict]"]:
    """Different pictures of several people; the brightness says which is which."""
    return [
        asyncio.create_task(
            checker.check(
                Picture(make_picture(shade(number), seed=number)), Asker(f"discord:guild/{number % 7}", f"{number}")
            )
        )
        for number in range(count)
    ]


def shade(number: int) -> int:
    return 40 + number % 180


def assert_all_right(verdicts: list[Verdict]) -> None:
    assert len({verdict.sha256 for verdict in verdicts}) == len(verdicts)
    for number, verdict in enumerate(verdicts):
        assert abs(verdict.p_ai * 255 - shade(number)) < 2


async def test_a_worker_killed_with_pictures_in_hand_loses_none(settings: Settings, store: Store) -> None:
    async with (
        worker_process(settings, 0.05) as doomed,
        worker_process(settings) as other,
        asking(settings, store) as checker,
    ):
        asks = request_all(checker)
        await until(lambda: sum(ask.done() for ask in asks) > 20)
        doomed.kill()
        verdicts = await asyncio.wait_for(asyncio.gather(*asks), PATIENCE)
        assert other.returncode is None
    assert_all_right(verdicts)


async def test_the_only_worker_killed_and_another_started(settings: Settings, store: Store) -> None:
    async with asking(settings, store) as checker:
        async with worker_process(settings, 0.05) as doomed:
            await until(lambda: checker._judge._workers == 1)  # type: ignore[attr-defined]
            asks = request_all(checker, 30)
            await until(lambda: any(ask.done() for ask in asks))
            doomed.kill()
            await doomed.wait()
        async with worker_process(settings):
            verdicts = await asyncio.wait_for(asyncio.gather(*asks), PATIENCE)
    assert_all_right(verdicts)


async def test_a_redis_that_comes_back_empty(settings: Settings, store: Store, server: RedisServer) -> None:
    detector = FakeDetector()
    detector.seen = lambda _: time.sleep(0.03)
    async with working(settings, loads(detector)), asking(settings, store) as checker:
        asks = request_all(checker)
        await until(lambda: sum(ask.done() for ask in asks) > 20)
        await server.stop()
        await asyncio.sleep(1)
        await server.start()
        verdicts = await asyncio.wait_for(asyncio.gather(*asks), PATIENCE)
    assert_all_right(verdicts)


async def test_a_line_that_is_cut_for_a_while(settings: Settings, store: Store, server: RedisServer) -> None:
    detector = FakeDetector()
    detector.seen = lambda _: time.sleep(0.03)
    line = Line(server)
    async with line.open() as url, working(settings, loads(detector)):
        far = replace(settings, scale=replace(settings.scale, redis=Secret(url)))
        async with asking(far, store) as checker:
            asks = request_all(checker)
            await until(lambda: sum(ask.done() for ask in asks) > 20)
            line.whole.clear()
            await asyncio.sleep(CUT_SECONDS)
            assert not all(ask.done() for ask in asks)
            line.whole.set()
            verdicts = await asyncio.wait_for(asyncio.gather(*asks), PATIENCE)
    assert_all_right(verdicts)


async def test_a_picture_that_kills_workers_is_given_up_and_harms_no_other(settings: Settings, store: Store) -> None:
    from bot.scale.wire import WorkerBug

    stop = asyncio.Event()

    async def keep_one_running() -> None:  # as systemd or Kubernetes would
        while not stop.is_set():
            async with worker_process(settings, 0.01, deadly=250) as process:
                ended = asyncio.create_task(process.wait())
                stopped = asyncio.create_task(stop.wait())
                await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)

    keeping = asyncio.create_task(keep_one_running())
    async with asking(settings, store) as checker:
        await until(lambda: checker._judge._workers)  # type: ignore[attr-defined]
        deadly = asyncio.create_task(checker.check(Picture(make_picture(250, side=200)), Asker("web:1", "1")))
        with pytest.raises(WorkerBug):
            await asyncio.wait_for(deadly, 100)
        await until(lambda: checker._judge._workers)  # type: ignore[attr-defined]
        verdicts = await asyncio.wait_for(asyncio.gather(*request_all(checker, 10)), 60)
        stop.set()
        await keeping
    assert_all_right(verdicts)
