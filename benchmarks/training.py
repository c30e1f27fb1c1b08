"""How long a training step takes with our layers and with stock Keras layers, in turns on the same machine.

    uv pip install torch && uv run --no-sync --extra training python -m benchmarks.training

The same network, batch and optimizer for all, in float32: forward, backward, and the step of AdamW with averaged weights.
"""

import argparse

from benchmarks.engines import TRAIN
from benchmarks.forward import start, take_turns


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--engines", nargs="+", choices=list(TRAIN), default=list(TRAIN))
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    engines = start(arguments.engines, arguments.side, arguments.batch, "train")
    take_turns(engines, arguments.rounds)
    print(f"A step of {arguments.batch} tiles of {arguments.side} pixels; median of {arguments.rounds} rounds in turns")
    for engine in engines:
        rate = 1000 * arguments.batch / engine.median
        times = engine.median / engines[0].median
        print(f"{engine.name:12} {engine.median:8.0f} ms   {times:5.2f} x   {rate:5.1f} tiles/s   {TRAIN[engine.name]}")
        engine.close()


if __name__ == "__main__":
    main()
