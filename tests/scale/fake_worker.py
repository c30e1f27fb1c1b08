"""A worker process with a fake detector. Arguments: seconds a pass takes, seconds until a silent worker's tasks are taken over,
and the brightness of pictures that kill it (0 for none)."""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import bot.scale.broker
from bot.commands import worker
from bot.scale import worker as scale_worker
from bot.settings import load_settings
from model.views import Views
from tests.conftest import FakeDetector

seconds, claim, deadly = float(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])


def load(directory: Path, views: int, cache: Path | None) -> FakeDetector:
    def seen(pictures: Sequence[Views]) -> None:
        time.sleep(seconds)
        if deadly and any(abs(float(picture.pixels.mean()) - deadly) < 3 for picture in pictures):
            os._exit(9)

    detector = FakeDetector(directory.name, max_pictures=2)
    detector.seen = seen
    return detector


if __name__ == "__main__":
    bot.scale.broker.CLAIM_SECONDS = claim
    real = scale_worker.Worker
    scale_worker.Worker = lambda settings, metrics: real(settings, metrics, load)  # type: ignore[assignment,misc,arg-type]
    sys.exit(worker.worker(load_settings()))
