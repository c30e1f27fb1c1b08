"""Who judges a picture: this process, or workers elsewhere. The Checker asks a Judge and does not care which."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.batcher import Batcher, Detector
from bot.explanation import Explainer
from bot.judgement import Prepared, bands_of, prepare, pronounce
from bot.limits import FairTurns, Lane
from bot.metrics import Metrics
from bot.settings import ChecksSettings
from bot.threads import Threads
from bot.verdict import Bands, Verdict


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What /about shows of the model that answers now; `card` is its whole card.json."""

    version: str
    bands: Bands
    card: dict[str, Any]


class Judge(ABC):
    """Judges bytes. Start it, ask it, close it."""

    @property
    @abstractmethod
    def model(self) -> ModelInfo:
        """The model that answers now."""

    @property
    def stuck(self) -> bool:
        """Whether something in this process hangs that only a new start ends."""
        return False

    @abstractmethod
    async def start(self) -> None:
        """Begin to work; returns at once."""

    @abstractmethod
    async def close(self) -> None:
        """Stop; what is asked then is cancelled."""

    @abstractmethod
    async def judge(self, data: bytes, sha256: str, chat: str, lane: Lane, begun: Callable[[], object]) -> Verdict:
        """The verdict on a picture. `begun` is called when its turn has come: from then on it is finished, whoever leaves.

        Raises Refusal when it can't be judged, and TryLater when it can't be now.
        """

    @abstractmethod
    def also(self, sha256: str, chat: str, lane: Lane) -> None:
        """Another chat asks for a picture that is being judged: if it still waits, it gets the better of two places."""

    @abstractmethod
    async def explain(self, data: bytes, verdict: Verdict, chat: str, language: str, bare: bool) -> bytes | None:
        """Why, as a PNG (see bot.explanation); None when the model that gave this verdict has been replaced meanwhile."""


class LocalJudge(Judge):
    """Judges here: decoding, views and evidence in threads, the network in one more, with whatever else is ready."""

    def __init__(self, settings: ChecksSettings, detector: Detector, metrics: Metrics) -> None:
        self._settings, self._detector, self._metrics = settings, detector, metrics
        # Turns enough that a batch is ready while another is in the network; the rest waits unopened, in fair order.
        batch = min(settings.batch, detector.max_pictures)
        self._turns = FairTurns(settings.decode_threads + 2 * batch, settings.queue, metrics.queue_depth)
        self._batcher = Batcher(settings.batch, metrics)
        self._decoders = Threads(settings.decode_threads, "decode", settings.decode_seconds)
        self._explainer = Explainer(settings, self._batcher, self._decoders)

    @property
    def model(self) -> ModelInfo:
        return ModelInfo(self._detector.version, bands_of(self._detector), self._detector.card.data)

    @property
    def stuck(self) -> bool:
        return self._batcher.stuck or self._decoders.stuck

    def replace_detector(self, detector: Detector) -> None:
        """Judge by another detector from now on. A picture that the old one has prepared is judged by the old one."""
        self._detector = detector

    async def start(self) -> None:
        self._batcher.start()

    async def close(self) -> None:
        await self._batcher.close()
        self._decoders.shutdown(wait=False, cancel_futures=True)

    async def judge(self, data: bytes, sha256: str, chat: str, lane: Lane, begun: Callable[[], object]) -> Verdict:
        began = time.monotonic()
        async with self._turns.turn(chat, lane, sha256):
            begun()
            detector = self._detector
            loop = asyncio.get_running_loop()
            prepared, seconds = await loop.run_in_executor(self._decoders, self._prepare, detector, data)
            judged = await self._batcher.judge(detector, prepared.views)
        self._metrics.seconds("decode", seconds)
        self._metrics.seconds("wait", max(0.0, time.monotonic() - began - seconds - judged.seconds))
        return pronounce(sha256, detector, prepared, judged, seconds + judged.seconds)

    def also(self, sha256: str, chat: str, lane: Lane) -> None:
        self._turns.also(sha256, chat, lane)

    async def explain(self, data: bytes, verdict: Verdict, chat: str, language: str, bare: bool) -> bytes | None:
        detector = self._detector
        if verdict.model != detector.version:
            return None
        return await self._explainer.explain(detector, data, verdict, chat, language, bare)

    def _prepare(self, detector: Detector, data: bytes) -> tuple[Prepared, float]:
        began = time.monotonic()
        return prepare(detector, data, self._settings), time.monotonic() - began
