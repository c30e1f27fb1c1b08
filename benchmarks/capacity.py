"""How many cores a number of pictures a day needs, by simulation from measured service times.

    uv run python -m benchmarks.load --json load.json
    uv run python -m benchmarks.capacity --load load.json

The model: pictures wait in one line for the next free machine; a machine works one off in 1/rate seconds, as measured
when it has no pause, and decoding and hand-over add what a picture alone takes longer than that. It is first held
against the measured curve. Then the smallest number of machines is sought with which, in the busiest hour, 95 of 100
pictures are answered within --seconds. What is assumed and not measured: the busiest hour of a day brings --peak times
the mean; bursty traffic comes as albums (three pictures on average) and every fifth minute twice as dense as the others.
"""

import argparse
import heapq
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ALBUM = 3.0
DENSE, EVERY = 2.0, 5  # times as dense, each so many minutes
CHECKED = (0.6, 0.8)  # shares of the measured curve that the simulation is held against
DAY = 86_400


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--load", type=Path, required=True, help="what benchmarks.load wrote")
    parser.add_argument("--cores", type=int, default=2, help="of the machine that was measured (%(default)s)")
    parser.add_argument("--seconds", type=float, default=5.0, help="95 of 100 answers come within (%(default)s)")
    parser.add_argument("--peak", type=float, default=3.0, help="busiest hour over the mean (%(default)s)")
    parser.add_argument("--days", type=float, nargs="+", default=[1e5, 1e6, 1e7, 1e8], help="pictures a day")
    arguments = parser.parse_args()
    measured: dict[str, Any] = json.loads(arguments.load.read_text())
    service, extra = 1 / measured["rate"], max(0.0, measured["alone"] - 1 / measured["rate"])
    print(
        f"a picture keeps a machine of {arguments.cores} cores busy for {1000 * service:.0f} ms, and takes {1000 * extra:.0f} ms besides"
    )
    for point in measured["points"]:
        if point["share"] in CHECKED:
            seconds = simulate(poisson(point["offered"], 20_000, 1), service, 1) + extra
            print(
                f"held against the measure at {point['share']:.0%} load: median {1000 * np.median(seconds):.0f} ms "
                f"(measured {1000 * point['p50']:.0f}), 95 of 100 {1000 * np.quantile(seconds, 0.95):.0f} ms "
                f"(measured {1000 * point['p95']:.0f})"
            )
    print(
        "\n| pictures a day | in the busiest hour, a second | cores, steady | cores, bursty | busy on average |\n|---:|---:|---:|---:|---:|"
    )
    for per_day in arguments.days:
        rate = per_day / DAY * arguments.peak
        needed = [
            machines(kind, rate, service, arguments.seconds - extra, arguments.cores) for kind in (poisson, bursty)
        ]
        busy = per_day / DAY * service / needed[1]
        print(
            f"| {per_day:,.0f} | {rate:,.1f} | {needed[0] * arguments.cores:,} | {needed[1] * arguments.cores:,} | {busy:.0%} |"
        )


def machines(kind: Any, rate: float, service: float, within: float, cores: int) -> int:
    """The smallest number with which 95 of 100 pictures wait and are worked off `within` seconds."""
    count = int(min(max(rate * 900, 20_000), 1_500_000))
    arrivals = kind(rate, count, 2)
    low, high = 1, 2
    while not enough(arrivals, service, high, within):
        low, high = high, 2 * high
    while high - low > max(1, low // 200):
        middle = (low + high) // 2
        low, high = (low, middle) if enough(arrivals, service, middle, within) else (middle, high)
    return low if low == 1 and enough(arrivals, service, 1, within) else high


def enough(arrivals: Floats, service: float, count: int, within: float) -> bool:
    if len(arrivals) / (arrivals[-1] - arrivals[0]) * service > count:
        return False  # the line only grows
    return bool(np.quantile(simulate(arrivals, service, count), 0.95) <= within)


def simulate(arrivals: Floats, service: float, count: int) -> Floats:
    """Seconds from arrival to answer of each picture, first come first served by `count` machines (Kiefer and Wolfowitz 1955)."""
    free = [0.0] * count
    spent = np.empty(len(arrivals))
    for place, arrival in enumerate(arrivals.tolist()):
        done = max(arrival, free[0]) + service
        heapq.heapreplace(free, done)
        spent[place] = done - arrival
    return spent


def poisson(rate: float, count: int, seed: int) -> Floats:
    """Moments of `count` arrivals that know nothing of each other."""
    return np.cumsum(np.random.default_rng(seed).exponential(1 / rate, count))


def bursty(rate: float, count: int, seed: int) -> Floats:
    """As many, in albums, and denser every EVERY minutes; the mean rate is the same."""
    random = np.random.default_rng(seed)
    sizes = random.geometric(1 / ALBUM, max(1, round(count / ALBUM)))
    moments = np.cumsum(random.exponential(ALBUM / rate, len(sizes)))
    # Time that flows evenly is bent so that one minute in EVERY holds DENSE times as much as the others.
    cycle, dense = 60.0 * EVERY, 60.0 * EVERY * DENSE / (DENSE + EVERY - 1)
    turns, rest = np.divmod(moments, cycle)
    bent = np.where(rest < dense, rest * 60.0 / dense, 60.0 + (rest - dense) * (cycle - 60.0) / (cycle - dense))
    result: Floats = np.repeat(turns * cycle + bent, sizes)
    return result


if __name__ == "__main__":
    main()
