"""What tests of commands share: a folder of versions, and a log that is as it was after each test."""

import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.logs import OURS, LineFormatter
from bot.settings import Settings, default_settings


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    root, level, hook = logging.getLogger(), logging.getLogger().level, sys.excepthook
    yield
    sys.excepthook = hook
    logging.captureWarnings(False)
    root.setLevel(level)
    for handler in [one for one in root.handlers if isinstance(one.formatter, LineFormatter)]:
        root.removeHandler(handler)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.NOTSET)


def add_version(folder: Path, version: str) -> None:
    """A version that only its card describes, and that is the champion from now on; tests load a fake for it."""
    (folder / version).mkdir(parents=True)
    (folder / version / "card.json").write_text(json.dumps({"version": version, "sha256": "0" * 64}))
    (folder / "champion.json").write_text(json.dumps({"history": [version]}))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """All in `tmp_path`, with a champion named fake-1 and a free port."""
    add_version(tmp_path / "versions", "fake-1")
    defaults = default_settings()
    return replace(
        defaults,
        model=replace(defaults.model, directory=str(tmp_path / "versions"), poll_seconds=0.05),
        store=replace(defaults.store, path=str(tmp_path / "data" / "candid.sqlite3")),
        web=replace(defaults.web, port=0),
    )
