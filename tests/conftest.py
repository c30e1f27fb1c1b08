"""What most tests need: a fake detector, a store, a running Checker, and small pictures."""

import io
import os
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bot.core import Checker
from bot.metrics import Metrics
from bot.secret import Secret
from bot.settings import ChecksSettings, default_settings
from bot.store import Store
from model.calibration import Bands, Calibration
from model.card import Card
from model.detector import Score
from model.views import Views

SIDE = 32


class FakeDetector:
    """Has the methods of model.detector.Detector. p_ai is the brightness of the picture: black is real, white is AI.

    `gate` closed (`gate.clear()`) holds every pass of the network until it is set, and `at_gate` says that one is held;
    `seen` is called with the pictures of a pass and may raise, as a bug in the network would; `passes` has the size of
    every pass that came through the gate.
    """

    def __init__(self, version: str = "fake-1", max_pictures: int = 8) -> None:
        self.version = version
        self.max_pictures = max_pictures
        calibration = Calibration(overview=0.5, native=0.5, bias=0.0)
        self.card = Card(version, "fake", "", 0, SIDE, 2, calibration, Bands(real=0.3, ai=0.7), {"version": version})
        self.gate = threading.Event()
        self.gate.set()
        self.at_gate = False
        self.seen: Callable[[Sequence[Views]], object] = lambda pictures: None
        self.passes: list[int] = []
        self.explained: list[tuple[int, int | None]] = []  # the thread and `longest` of each explanation

    def views(self, pixels: NDArray[np.uint8]) -> Views:
        height, width = pixels.shape[:2]
        picture = Image.fromarray(pixels)
        box = (width // 4, height // 4, width - width // 4, height - height // 4)
        whole = picture.resize((SIDE, SIDE), Image.Resampling.BOX)
        middle = picture.resize((SIDE, SIDE), Image.Resampling.BOX, box)
        stacked = np.stack([np.asarray(whole), np.asarray(middle)])
        return Views(stacked, ((0, 0, width, height), box), ("overview", "native"))

    def judge(self, pictures: Sequence[Views]) -> list[Score]:
        assert 0 < len(pictures) <= self.max_pictures
        self.at_gate = True
        assert self.gate.wait(60), "the gate of a FakeDetector was left closed"
        self.at_gate = False
        self.passes.append(len(pictures))
        self.seen(pictures)
        return [self._score(picture) for picture in pictures]

    def explain(
        self, pixels: NDArray[np.uint8], views: Views | None = None, longest: int | None = None
    ) -> NDArray[np.float32]:
        assert not self.at_gate, "beside a pass of the network"
        self.explained.append((threading.get_ident(), longest))
        brightness: NDArray[np.float32] = (pixels.mean(axis=2) / 127.5 - 1).astype(np.float32)
        return brightness

    def _score(self, picture: Views) -> Score:
        scores = tuple(float(view.mean()) / 255 for view in picture.pixels)
        p_ai = scores[0]
        label = self.card.bands.label(p_ai)
        confidence = p_ai if label == "ai" else 1 - p_ai if label == "real" else max(p_ai, 1 - p_ai)
        return Score(p_ai, label, confidence, scores)


def make_picture(brightness: int = 200, *, side: int = 96, seed: int = 0, format: str = "PNG") -> bytes:
    """A noisy picture; the fake detector says "ai" from a brightness of 179, "real" up to 76, between them "unsure"."""
    noise = np.random.default_rng(seed).integers(-20, 21, (side, side, 3))
    out = io.BytesIO()
    Image.fromarray(np.clip(noise + brightness, 0, 255).astype(np.uint8)).save(out, format)
    return out.getvalue()


async def empty_schema(address: str) -> str:
    """The address of a schema of its own in that database."""
    import psycopg

    name = f"test_{uuid4().hex}"
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute(f"CREATE SCHEMA {name}")
    return f"{address}&options=-csearch_path%3D{name}"


@pytest.fixture
def checks() -> ChecksSettings:
    """The default limits of checks, but nobody asks for too much."""
    generous = {"per_user_burst": 10_000, "per_chat_burst": 10_000}
    return replace(default_settings().checks, **generous)


@pytest.fixture
def detector() -> FakeDetector:
    return FakeDetector()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A file; or an empty Postgres, where tests/scale/test_postgres.py runs other tests again and names one."""
    postgres = os.environ.get("CANDID_TEST_POSTGRES")
    if postgres:
        store = await Store.open(Secret(await empty_schema(postgres)))
    else:
        store = await Store.open(tmp_path / "candid.sqlite3")
    yield store
    await store.close()


@pytest.fixture
async def checker(checks: ChecksSettings, detector: FakeDetector, store: Store) -> AsyncIterator[Checker]:
    """Running, with the fake detector; closed at the end."""
    checker = Checker(checks, detector, store, Metrics())
    await checker.start()
    yield checker
    detector.gate.set()
    await checker.close(10)
