"""What the queue costs: the same pictures judged by one process, by one worker behind Redis, and by two.

    uv run --extra scale python -m benchmarks.workers

Everything is on this machine: with as many cores as one process keeps busy, two workers can be no faster than one, and what is
looked for is how much slower they are. Needs `redis-server`. The three take turns, and medians are compared.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from benchmarks.verdict import photograph
from bot.core import Asker, Checker, Picture
from bot.judge import Judge, LocalJudge
from bot.metrics import Metrics
from bot.secret import Secret
from bot.settings import Settings, default_settings
from bot.store import Store
from model.detector import load
from model.registry import Registry

PORT = 6391


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pictures", type=int, default=60, help="in each round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.pictures, arguments.rounds))


async def measure(pictures: int, rounds: int) -> None:
    defaults = default_settings()
    settings = replace(
        defaults,
        checks=replace(defaults.checks, per_user_burst=10**6, per_chat_burst=10**6, queue=10**5, cache=0),
        scale=replace(defaults.scale, redis=Secret(f"redis://127.0.0.1:{PORT}/0")),
    )
    files = [photograph(seed) for seed in range(20)]
    rates: dict[str, list[float]] = {"one process": [], "1 worker": [], "2 workers": []}
    for number in range(rounds):
        for workers, name in enumerate(rates):
            async with judge(settings, workers) as one:
                rates[name].append(await rate(one, settings, files, pictures, 1000 * number))
    base = statistics.median(rates["one process"])
    for name, found in rates.items():
        median = statistics.median(found)
        print(f"{name:12} {median:6.1f} pictures a second, {median / base:5.0%} of one process ({rounds} rounds)")


@contextlib.asynccontextmanager
async def judge(settings: Settings, workers: int) -> AsyncIterator[Judge]:
    """A local one for 0 workers, else a remote one with so many worker processes, all warm."""
    if not workers:
        detector = await asyncio.to_thread(load, Registry().path("champion"))
        yield LocalJudge(settings.checks, detector, Metrics())
        return
    from bot.scale.remote import RemoteJudge

    redis = await asyncio.create_subprocess_exec(
        *("redis-server", "--port", str(PORT), "--save", ""), stdout=asyncio.subprocess.DEVNULL
    )
    environ = os.environ | {"REDIS_URL": settings.scale.redis.reveal(), "CANDID_WEB__PORT": "0"}
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "worker"), env=environ, stderr=asyncio.subprocess.PIPE
        )
        for _ in range(workers)
    ]
    readers = []
    for process in processes:
        assert process.stderr is not None
        while b"takes pictures" not in (line := await process.stderr.readline()):
            assert line, "a worker ended by itself"
        readers.append(asyncio.create_task(process.stderr.read()))
    try:
        yield RemoteJudge(settings, Metrics())
    finally:
        for process in processes:
            process.terminate()
            await process.wait()
        await asyncio.gather(*readers)
        redis.terminate()
        await redis.wait()


async def rate(one: Judge, settings: Settings, files: list[bytes], pictures: int, first: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        store = await Store.open(Path(folder) / "candid.sqlite3")
        checker = Checker(settings.checks, one, store, Metrics())
        await checker.start()

        async def check(number: int) -> None:
            data = files[number % len(files)] + (first + number).to_bytes(4, "big")  # another hash, the same picture
            await checker.check(Picture(data), Asker(f"bench:{number % 7}", "bench:user"))

        await asyncio.gather(*(check(-1 - number + 2**20) for number in range(6)))  # warm
        began = time.perf_counter()
        await asyncio.gather(*(check(number) for number in range(pictures)))
        found = pictures / (time.perf_counter() - began)
        await checker.close(5)
        await store.close()
    return found


if __name__ == "__main__":
    main()
