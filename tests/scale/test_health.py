"""What a worker says of itself to whoever looks after it: whether it lives, and whether it takes pictures."""

import asyncio

import aiohttp

from bot.core import Asker, Picture
from bot.settings import Settings
from bot.store import Store
from tests.commands.test_metrics import DOCUMENTED, families
from tests.conftest import make_picture
from tests.scale.conftest import RedisServer, asking, until, until_it_says
from tests.scale.processes import CLAIM, Worker, worker_process

ANNA = Asker("discord:guild/1", "discord:user/1")


async def becomes(worker: Worker, path: str, status: int) -> None:
    async def answered() -> bool:
        return await worker.status(path) == status

    await until_it_says(answered)


async def test_without_redis_it_lives_but_is_not_ready(settings: Settings, server: RedisServer) -> None:
    async with worker_process(settings) as worker:
        await becomes(worker, "/readyz", 200)
        await server.stop()
        await becomes(worker, "/readyz", 503)
        assert await worker.status("/healthz") == 200
        await server.start()
        await becomes(worker, "/readyz", 200)
        assert await worker.status("/healthz") == 200


async def test_what_it_shows_is_what_is_documented(settings: Settings) -> None:
    async with worker_process(settings) as worker, aiohttp.ClientSession(f"http://127.0.0.1:{worker.port}") as client:
        await becomes(worker, "/readyz", 200)
        async with client.get("/metrics") as response:
            shown = await response.text()
    assert {name for name in families(shown) if name.startswith("candid_")} == DOCUMENTED
    assert "candid_stream_depth 0.0" in shown and 'candid_model_info{version="fake-1"} 1.0' in shown
    assert "candid_event_loop_pause_seconds_count 0.0" not in shown


async def test_one_that_finds_no_redis_at_its_start_waits_for_it(settings: Settings, server: RedisServer) -> None:
    await server.stop()
    worker = Worker(settings, 0.02, CLAIM, 0)
    await worker.start()
    try:
        await worker.says("Redis can't be reached")
        assert (await worker.status("/healthz"), await worker.status("/readyz")) == (200, 503)
        await server.start()
        await becomes(worker, "/readyz", 200)
    finally:
        worker.kill()
        await worker.wait()


async def test_one_whose_network_hangs_does_not_live_and_others_get_its_pictures(
    settings: Settings, store: Store
) -> None:
    async with worker_process(settings, FAKE_STUCK="1", FAKE_LOOKS="1000") as stuck, asking(settings, store) as asked:
        await until(lambda: asked._judge._workers)  # type: ignore[attr-defined]
        assert await stuck.status("/healthz") == 200
        asks = [asyncio.create_task(asked.check(Picture(make_picture(seed=seed)), ANNA)) for seed in range(3)]
        await becomes(stuck, "/healthz", 503)
        await becomes(stuck, "/readyz", 503)
        await until(lambda: asked._judge._workers == 0)  # type: ignore[attr-defined]
        assert not any(ask.done() for ask in asks) and stuck.returncode is None
        async with worker_process(settings) as other:
            assert len(await asyncio.wait_for(asyncio.gather(*asks), 60)) == 3
            assert await other.status("/healthz") == 200


async def test_where_nobody_looks_one_that_hangs_ends_by_itself(settings: Settings, store: Store) -> None:
    async with worker_process(settings, FAKE_STUCK="1", FAKE_LOOKS="3") as stuck, asking(settings, store) as asked:
        await until(lambda: asked._judge._workers)  # type: ignore[attr-defined]
        ask = asyncio.create_task(asked.check(Picture(make_picture()), ANNA))
        assert await asyncio.wait_for(stuck.wait(), 60) == 1
        assert "a thread that judges hangs" in stuck.log
        async with worker_process(settings):
            await asyncio.wait_for(ask, 60)
