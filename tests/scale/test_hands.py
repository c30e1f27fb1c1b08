"""What a worker has in hand stays with it while it lives, and reaches another when it ends."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from taskiq.exceptions import NoResultError
from taskiq.message import BrokerMessage

import bot.scale.broker
import bot.scale.remote
import bot.scale.worker
from bot.core import Asker, Picture
from bot.metrics import Metrics
from bot.settings import Settings
from bot.store import Store
from tests.conftest import FakeDetector, make_picture
from tests.scale.conftest import RedisServer, asking, loads, until, working

ANNA = Asker("discord:guild/1", "discord:user/1")


async def test_a_picture_that_takes_longer_than_a_claim_waits_is_judged_once(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot.scale.broker, "CLAIM_SECONDS", 2.0)
    monkeypatch.setattr(bot.scale.worker, "HEARTBEAT_SECONDS", 0.1)
    detector = FakeDetector()
    detector.gate.clear()
    async with working(settings, loads(detector)), asking(settings, store) as asked:
        work = asyncio.create_task(asked.check(Picture(make_picture()), ANNA))
        await until(lambda: detector.at_gate)
        await asyncio.sleep(5)  # more than two claims long
        detector.gate.set()
        await work
        await asyncio.sleep(0.5)  # a second one would be judged now
    assert detector.passes == [1]


async def test_a_task_that_its_slow_worker_finishes_just_then_is_not_claimed(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redis.asyncio import Redis

    from bot.scale.broker import LaneBroker, Results
    from bot.scale.wire import GROUP, STREAMS

    stream = next(iter(STREAMS.values()))
    monkeypatch.setattr(bot.scale.broker, "CLAIM_SECONDS", 0.0)
    broker = LaneBroker(server.url, Results(server.url))
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(Redis.from_url(server.url))
        stack.push_async_callback(broker.shutdown)
        await broker.startup()
        for name in ("one", "two"):
            await broker.kick(BrokerMessage(task_id=name, task_name="judge", message=name.encode(), labels={}))
        ((_, taken),) = await redis.xreadgroup(GROUP, "slow", {stream: ">"})
        claims = broker._claim(redis, stream)
        found = [(await anext(claims)).data]
        await redis.xack(stream, GROUP, taken[1][0])  # the second, which was claimed together with the first
        await redis.xdel(stream, taken[1][0])
        found += [message.data async for message in claims]
        assert found == [b"one"]


async def test_what_a_worker_can_not_finish_before_it_ends_is_done_by_another(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot.scale.broker, "CLAIM_SECONDS", 1.0)
    monkeypatch.setattr(bot.scale.remote, "CLAIM_SECONDS", 1.0)
    monkeypatch.setattr(bot.scale.remote, "AGAIN_SECONDS", 2.0)
    monkeypatch.setattr(bot.scale.worker, "DRAIN_SECONDS", 0.2)
    stuck = FakeDetector(max_pictures=1)
    stuck.gate.clear()
    async with asking(settings, store) as asked:
        async with working(settings, loads(stuck)) as worker:
            await until(lambda: asked._judge._workers)  # type: ignore[attr-defined]
            asks = [asyncio.create_task(asked.check(Picture(make_picture(seed=n)), ANNA)) for n in range(3)]
            await until(lambda: stuck.at_gate)
            await until(lambda: len(worker._judge._batcher._waiting) == 2)
        async with working(settings, loads(FakeDetector())):
            verdicts = await asyncio.gather(*asks)
        stuck.gate.set()
    assert len({verdict.sha256 for verdict in verdicts}) == 3


async def test_work_that_is_cancelled_has_no_outcome(settings: Settings) -> None:
    from bot.scale.wire import picture_key

    async def work(data: bytes) -> dict[str, object]:
        raise asyncio.CancelledError

    worker = bot.scale.worker.Worker(settings, Metrics(), loads(FakeDetector()))
    await worker._redis.set(picture_key("one"), b"picture")
    with pytest.raises(NoResultError):
        await worker._outcome("one", work)
    await worker._redis.aclose()


async def test_an_outcome_that_is_true_only_now_is_soon_forgotten(server: RedisServer, tmp_path: Path) -> None:
    from redis.asyncio import Redis
    from taskiq.result import TaskiqResult

    from bot.scale.broker import PASSING_SECONDS, Results
    from bot.scale.wire import RESULTS

    results = Results(server.url)
    async with Redis.from_url(server.url) as redis, AsyncExitStack() as stack:
        stack.push_async_callback(results.shutdown)
        for outcome in ({"gone": True}, {"later": [10, "later"]}, {"replaced": True}, {"bug": "1"}, {"verdict": {}}):
            (name,) = outcome
            await results.set_result(name, TaskiqResult(is_err=False, return_value=outcome, execution_time=0.0))
        left = {name: await redis.ttl(f"{RESULTS}:{name}") for name in ("gone", "later", "replaced", "bug", "verdict")}
    assert all(
        (seconds <= PASSING_SECONDS) == (name in ("gone", "later", "replaced")) for name, seconds in left.items()
    )
