"""Runs Candid in a process of its own, as `candid` does: `python -m tests.storm.serve CONFIG fake|champion`.

With "fake" the network is the small one of the tests; everything else is the real thing.
"""

import sys
from pathlib import Path

from bot.commands.run import run
from bot.settings import load_settings
from tests.conftest import FakeDetector


def main() -> None:
    settings = load_settings(Path(sys.argv[1]))
    fake = (lambda folder, views, cache: FakeDetector(folder.name)) if sys.argv[2] == "fake" else None
    sys.exit(run(settings, fake))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
