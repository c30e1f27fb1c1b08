"""`candid` with a fake detector, for tests that need a process; its argument says how many seconds the model takes."""

import sys
import time
from pathlib import Path

from bot.commands.run import run
from bot.settings import load_settings
from tests.conftest import FakeDetector


def load(directory: Path, views: int, cache: Path | None) -> FakeDetector:
    time.sleep(float(sys.argv[1]))
    detector = FakeDetector(directory.name)
    detector.seen = lambda _: time.sleep(0.5)
    return detector


if __name__ == "__main__":
    sys.exit(run(load_settings(), load))  # type: ignore[arg-type]
