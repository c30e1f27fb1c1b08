"""What one verdict costs: decoding, views, the network, the whole; one picture at a time and in a stream. Memory, too.

uv run python -m benchmarks.verdict [--views 8]
"""

import argparse
import asyncio
import io
import resource
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from bot.core import Asker, Checker, Picture
from bot.intake import decode
from bot.metrics import Metrics
from bot.settings import default_settings
from bot.store import Store
from model.detector import load
from model.registry import Registry


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--views", type=int, default=0)
    parser.add_argument("--pictures", type=int, default=30)
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.views, arguments.pictures))


async def measure(views: int, pictures: int) -> None:
    settings = replace(default_settings().checks, per_user_burst=10_000, per_chat_burst=10_000, queue=10_000)
    began = time.perf_counter()
    detector = load(Registry().path("champion"), views)
    print(f"loaded and warm in {time.perf_counter() - began:.1f} s without a compile cache")
    files = [photograph(seed) for seed in range(2 * pictures)]
    prepared = [detector.views(decode(data, settings).pixels) for data in files[:8]]
    pixels = decode(files[0], settings).pixels
    stages = {
        "decode 1 MP": lambda n: decode(files[n], settings),
        "views": lambda n: detector.views(pixels),
        "network": lambda n: detector.judge([prepared[n % 8]]),
    }
    for name, stage in stages.items():
        print(f"{name:12} {timed(stage, pictures):7.1f} ms")
    used = time.process_time()
    forward = timed(lambda n: detector.judge(prepared[: detector.max_pictures]), pictures // 2) / detector.max_pictures
    forward_used = 1000 * (time.process_time() - used) / (pictures // 2 * detector.max_pictures)
    with tempfile.TemporaryDirectory() as folder:
        store = await Store.open(Path(folder) / "candid.sqlite3")
        checker = Checker(settings, detector, store, Metrics())
        await checker.start()
        alone = []
        for data in files[:pictures]:
            began = time.perf_counter()
            await checker.check(Picture(data), Asker("bench:chat", "bench:user"))
            alone.append(1000 * (time.perf_counter() - began))
        print(f"{'verdict':12} {statistics.median(alone):7.1f} ms, one at a time, from bytes to Verdict")
        began, used = time.perf_counter(), time.process_time()
        await asyncio.gather(
            *(checker.check(Picture(data), Asker("bench:chat", "bench:user")) for data in files[pictures:])
        )
        each = 1000 * (time.perf_counter() - began) / pictures
        each_used = 1000 * (time.process_time() - used) / pictures
        print(f"{'bare pass':12} {forward:7.1f} ms a picture in batches, {forward_used:.0f} ms of the processor")
        print(f"{'stream':12} {each:7.1f} ms a picture, {each_used:.0f} ms of the processor")
        print(f"{'':12} {forward / each:7.0%} of the bare pass's throughput")
        await checker.close(5)
        await store.close()
    print(f"memory       {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:7.0f} MB at most")


def timed(stage: object, times: int) -> float:
    """The median in milliseconds."""
    found = []
    for n in range(times):
        began = time.perf_counter()
        stage(n)  # type: ignore[operator]
        found.append(1000 * (time.perf_counter() - began))
    return statistics.median(found)


def photograph(seed: int) -> bytes:
    """A 1152 x 864 JPEG with something of a photograph's statistics: noise at every scale."""
    random = np.random.default_rng(seed)
    total = np.zeros((864, 1152, 3))
    for scale in (4, 16, 64, 288):
        small = random.normal(0, 22, (864 // scale, 1152 // scale, 3)) + 0
        layer = np.stack(
            [np.asarray(Image.fromarray(small[..., c].astype(np.float32)).resize((1152, 864))) for c in range(3)], -1
        )
        total += layer
    out = io.BytesIO()
    Image.fromarray(np.clip(total + 128, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=88)
    return out.getvalue()


if __name__ == "__main__":
    main()
