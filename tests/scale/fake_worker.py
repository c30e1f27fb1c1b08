"""A worker process with a fake detector. Arguments: seconds a pass takes, seconds until a silent worker's tasks are taken over,
and the brightness of pictures that kill it (0 for none).

In its environment FAKE_BROKEN=1 lets its network fail on everything; FAKE_STUCK=1 hangs it in the first pass, which counts
as stuck after a second, and ends the process when it was seen to be FAKE_LOOKS times.
"""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import bot.scale.broker
import bot.threads
from bot.commands import worker
from bot.scale import worker as scale_worker
from bot.settings import load_settings
from model.views import Views
from tests.conftest import FakeDetector

seconds, claim, deadly = float(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])


def load(directory: Path, views: int, cache: Path | None) -> FakeDetector:
    def seen(pictures: Sequence[Views]) -> None:
        time.sleep(seconds)
        if os.environ.get("FAKE_BROKEN"):
            raise KeyError("the network broke")
        if os.environ.get("FAKE_STUCK"):
            time.sleep(600)
        if deadly and any(abs(float(picture.pixels.mean()) - deadly) < 3 for picture in pictures):
            os._exit(9)

    detector = FakeDetector(directory.name, max_pictures=2)
    detector.seen = seen
    return detector


if __name__ == "__main__":
    bot.scale.broker.CLAIM_SECONDS = claim
    if os.environ.get("FAKE_STUCK"):
        bot.threads.STUCK_SECONDS, bot.threads.LOOK_SECONDS = 1.0, 0.2
        bot.threads.LOOKS = int(os.environ["FAKE_LOOKS"])
    real = scale_worker.Worker
    scale_worker.Worker = lambda settings, metrics: real(settings, metrics, load)  # type: ignore[assignment,misc,arg-type]
    sys.exit(worker.worker(load_settings()))
