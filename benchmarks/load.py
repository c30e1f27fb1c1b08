"""Latency against offered load, up to what this machine can do: pictures arrive at random moments, whether or not the
ones before are answered.

    uv run python -m benchmarks.load --json load.json --svg docs/latency.svg

First the rate at which a full queue is worked off, then the same Checker offered shares of that rate. The pictures are
made, one megapixel each, and no two alike; the process that offers them shares the cores with the one thing it measures.
"""

import argparse
import asyncio
import json
import math
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.verdict import photograph
from bot.core import Asker, Checker, Picture
from bot.metrics import Metrics
from bot.settings import default_settings
from bot.store import Store
from model.detector import load
from model.registry import Registry

SHARES = (0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95)
WIDTH, HEIGHT, MARGIN = 640, 320, 48


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pictures", type=int, default=200, help="at each load (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures here, for benchmarks.capacity")
    parser.add_argument("--svg", type=Path, help="draw them here")
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.pictures))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    if arguments.svg:
        arguments.svg.write_text(draw(figures))


async def measure(pictures: int) -> dict[str, Any]:
    settings = replace(default_settings().checks, per_user_burst=10**6, per_chat_burst=10**6, queue=10**5, cache=0)
    detector = load(Registry().path("champion"), default_settings().model.views)
    files = [photograph(seed) for seed in range(24)]
    with tempfile.TemporaryDirectory() as folder:
        store = await Store.open(Path(folder) / "candid.sqlite3")
        checker = Checker(settings, detector, store, Metrics())
        await checker.start()
        number = 0

        async def check() -> float:
            nonlocal number
            number += 1
            data = files[number % len(files)] + number.to_bytes(
                4, "big"
            )  # what follows a JPEG's end only changes its hash
            began = time.perf_counter()
            await checker.check(Picture(data), Asker(f"bench:{number % 7}", f"bench:{number % 50}"))
            return time.perf_counter() - began

        alone = sorted([await check() for _ in range(30)])
        began = time.perf_counter()
        await asyncio.gather(*(check() for _ in range(pictures)))
        rate = pictures / (time.perf_counter() - began)
        print(f"{rate:.1f} pictures a second at most; alone a verdict takes {1000 * alone[15]:.0f} ms")
        points = []
        for share in SHARES:
            random = np.random.default_rng(round(1000 * share))
            running = []
            for pause in random.exponential(1 / (share * rate), pictures):
                await asyncio.sleep(pause)
                running.append(asyncio.create_task(check()))
            seconds = np.array([await one for one in running])
            point = {"offered": share * rate, "share": share, **quantiles(seconds)}
            points.append(point)
            print(
                f"{share:4.0%} of it, {point['offered']:5.1f} a second: median {1000 * point['p50']:5.0f} ms, "
                f"95 of 100 within {1000 * point['p95']:5.0f} ms  {'#' * round(40 * min(1.0, point['p95']))}"
            )
        await checker.close(5)
        await store.close()
    return {"rate": rate, "alone": alone[15], "points": points}


def quantiles(seconds: Any) -> dict[str, float]:
    return {"p50": float(np.quantile(seconds, 0.5)), "p95": float(np.quantile(seconds, 0.95))}


def draw(figures: dict[str, Any]) -> str:
    """Median and 95th percentile over the offered load, as a small SVG that reads on light and dark ground."""
    points = figures["points"]
    most_x, most_y = figures["rate"], max(point["p95"] for point in points) * 1.1

    def at(x: float, y: float) -> str:
        return f"{MARGIN + x / most_x * (WIDTH - MARGIN - 12):.1f},{HEIGHT - MARGIN - y / most_y * (HEIGHT - MARGIN - 12):.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
    ]
    for tick in ticks(most_x):
        x, y = at(tick, 0).split(",")
        parts.append(f'<text x="{x}" y="{float(y) + 16}" text-anchor="middle" fill="#555">{tick:g}</text>')
    for tick in ticks(most_y):
        x, y = at(0, tick).split(",")
        parts.append(f'<path d="M{x} {y}H{WIDTH - 12}" stroke="#ddd"/>')
        parts.append(f'<text x="{float(x) - 6}" y="{float(y) + 4}" text-anchor="end" fill="#555">{tick:g}</text>')
    for key, colour, dash, words in (("p50", "#146ebe", "", "median"), ("p95", "#c2510f", "7 3", "95 of 100")):
        path = " ".join(at(point["offered"], point[key]) for point in points)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'
        )
        x, y = at(points[-1]["offered"], points[-1][key]).split(",")
        parts.append(f'<text x="{float(x) - 6}" y="{float(y) - 6}" text-anchor="end" fill="{colour}">{words}</text>')
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}" text-anchor="middle">pictures offered a second</text>')
    parts.append(
        f'<text transform="translate(12 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">seconds</text></svg>\n'
    )
    return "".join(parts)


def ticks(most: float) -> list[float]:
    """Four to ten round numbers from 0 to at most `most`."""
    power = 10 ** math.floor(math.log10(most))
    step = next(step for step in (power / 5, power / 2, power, 2 * power) if most / step <= 9)
    return [round(number * step, 9) for number in range(int(most / step) + 1)]


if __name__ == "__main__":
    main()
