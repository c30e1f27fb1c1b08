"""How long the network takes on each engine, in turns on the same machine: medians and ratios to what is served.

    uv run python -m benchmarks.forward
    uv pip install torch onnxruntime onnx && uv run --no-sync python -m benchmarks.forward

An engine whose packages are missing is left out and named. That they all give the same logits is checked first.
"""

import argparse
import statistics
import subprocess
import sys
import time

from benchmarks.engines import FORWARD

PAUSE = 0.2  # seconds between two engines: some let their threads spin for a while after a pass
AGREE = 1e-3  # between logits


class Engine:
    """One engine in its own process, asked for one pass at a time."""

    def __init__(self, name: str, side: int, views: int, mode: str) -> None:
        command = [sys.executable, "-m", "benchmarks.engines", name, str(side), str(views), mode]
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.milliseconds: list[float] = []
        self.logits: list[float] = []

    def ready(self) -> bool:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("logits "):
                self.logits = [float(word) for word in line.split()[1:]]
            if line == "ready\n":
                return True
        return False

    @property
    def median(self) -> float:
        return statistics.median(self.milliseconds)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()

    def run(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.milliseconds.append(float(self.process.stdout.readline()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--engines", nargs="+", choices=list(FORWARD), default=list(FORWARD))
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--views", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=25)
    arguments = parser.parse_args()
    engines = start(arguments.engines, arguments.side, arguments.views, "forward")
    known = [engine for engine in engines if engine.logits]
    for engine in known:
        apart = max(abs(a - b) for a, b in zip(engine.logits, known[0].logits, strict=True))
        if apart > AGREE:
            raise SystemExit(f"{engine.name} gives other logits than {known[0].name}, by up to {apart:.2g}")
    take_turns(engines, arguments.rounds)
    print(
        f"One pass of {arguments.views} views of {arguments.side} pixels; median of {arguments.rounds} rounds in turns"
    )
    for engine in engines:
        print(
            f"{engine.name:12} {engine.median:8.1f} ms   {engine.median / engines[0].median:5.2f} x   {FORWARD[engine.name]}"
        )
        engine.close()


def start(names: list[str], side: int, views: int, mode: str) -> list[Engine]:
    """Those that can run here; what the others lack is printed."""
    engines = []
    for name in names:
        engine = Engine(name, side, views, mode)
        if engine.ready():
            engines.append(engine)
        else:
            _, error = engine.process.communicate()
            print(f"{name} is left out: {error.strip().splitlines()[-1] if error.strip() else 'it ended'}")
    if not engines:
        raise SystemExit("No engine runs here.")
    return engines


def take_turns(engines: list[Engine], rounds: int) -> None:
    for _ in range(rounds):
        for engine in engines:
            engine.run()
            time.sleep(PAUSE)


if __name__ == "__main__":
    main()
