"""How long the network takes on each engine, in turns on the same machine: medians and ratios to what is served.

    uv run python -m benchmarks.forward                                     # one picture's views
    uv run python -m benchmarks.forward --mode train --side 160 --views 32 --engines candid stock torch

Engines whose packages are missing are left out and named; `uv pip install torch onnxruntime onnx onnxscript` brings them all.
"""

import argparse
import statistics
import subprocess
import sys

from benchmarks.engines import ENGINES


class Engine:
    """One engine in its own process, asked for one pass at a time."""

    def __init__(self, name: str, side: int, views: int, mode: str) -> None:
        command = [sys.executable, "-m", "benchmarks.engines", name, str(side), str(views), mode]
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.milliseconds: list[float] = []

    def ready(self) -> bool:
        assert self.process.stdout is not None
        return any(line == "ready\n" for line in self.process.stdout)

    def run(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.milliseconds.append(float(self.process.stdout.readline()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=list(ENGINES))
    parser.add_argument("--mode", choices=("forward", "train"), default="forward")
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--views", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    engines = []
    for name in arguments.engines:
        engine = Engine(name, arguments.side, arguments.views, arguments.mode)
        if engine.ready():
            engines.append(engine)
        else:
            _, error = engine.process.communicate()
            print(f"{name} is left out: {error.strip().splitlines()[-1] if error.strip() else 'it ended'}")
    for _ in range(arguments.rounds):
        for engine in engines:
            engine.run()
    print(f"{arguments.mode}, {arguments.views} views of {arguments.side} pixels, {arguments.rounds} rounds in turns")
    base = statistics.median(engines[0].milliseconds)
    for engine in engines:
        median = statistics.median(engine.milliseconds)
        print(f"{engine.name:12} {median:8.1f} ms   {median / base:5.2f} x   {ENGINES[engine.name]}")
        engine.process.kill()


if __name__ == "__main__":
    main()
