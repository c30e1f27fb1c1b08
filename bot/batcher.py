"""The one place where the network runs: a thread that judges together whatever waits, and never waits for more."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from bot.metrics import Metrics
from bot.threads import Threads

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from model.card import Card
    from model.detector import Score
    from model.views import Pixels, Views

log = logging.getLogger(__name__)

T = TypeVar("T")


class Detector(Protocol):
    """What the bot needs of model.detector.Detector. `views` runs in several threads at once, the rest in one."""

    @property
    def version(self) -> str: ...
    @property
    def card(self) -> "Card": ...
    @property
    def max_pictures(self) -> int: ...
    def views(self, pixels: "Pixels") -> "Views": ...
    def judge(self, pictures: "Sequence[Views]") -> "list[Score]": ...
    def explain(
        self, pixels: "Pixels", views: "Views | None" = None, longest: int | None = None
    ) -> "NDArray[np.float32]": ...


@dataclass(frozen=True, slots=True)
class Judged:
    """A score, and how long the pass of the network took that it came from."""

    score: "Score"
    seconds: float


@dataclass(frozen=True, slots=True)
class _Waiting:
    detector: Detector
    views: "Views"
    answer: asyncio.Future[Judged]


class Batcher:
    """At most `most` pictures in a pass. Pictures that were prepared for different detectors are never mixed."""

    def __init__(self, most: int, metrics: Metrics) -> None:
        self._most, self._metrics = most, metrics
        self._waiting: deque[_Waiting] = deque()
        self._filled = asyncio.Event()
        self._thread = Threads(1, "network")
        self._between = asyncio.Lock()
        self._work: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to judge."""
        if self._work is None:
            self._work = asyncio.create_task(self._judge_all())

    async def close(self) -> None:
        """Stop; a pass that is running is not waited for."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait({self._work})
        for one in self._waiting:
            one.answer.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)

    @property
    def stuck(self) -> bool:
        """Whether the network does not come back."""
        return self._thread.stuck

    async def judge(self, detector: Detector, views: "Views") -> Judged:
        """The score of one picture; raises what the network raises on it."""
        answer: asyncio.Future[Judged] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(detector, views, answer))
        self._filled.set()
        return await answer

    async def between(self, work: Callable[[], T]) -> T:
        """Other work of the network, in its thread between two passes; never two such in a row while a pass waits."""
        async with self._between:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _judge_all(self) -> None:
        while True:
            await self._filled.wait()
            batch = self._take()
            if not self._waiting:
                self._filled.clear()
            if batch:
                await self._judge(batch)

    def _take(self) -> list[_Waiting]:
        """The longest waiting pictures that one detector can judge in one pass."""
        while self._waiting and self._waiting[0].answer.done():  # whoever asked has left
            self._waiting.popleft()
        if not self._waiting:
            return []
        detector = self._waiting[0].detector
        most = min(self._most, detector.max_pictures)
        batch: list[_Waiting] = []
        others: deque[_Waiting] = deque()
        for one in self._waiting:
            if not one.answer.done():
                (batch if one.detector is detector and len(batch) < most else others).append(one)
        self._waiting = others
        return batch

    async def _judge(self, batch: Sequence[_Waiting]) -> None:
        began = time.monotonic()
        try:
            scores = await asyncio.get_running_loop().run_in_executor(self._thread, _run, batch)
        except Exception as error:
            await self._judge_apart(batch, error)
            return
        seconds = time.monotonic() - began
        self._metrics.seconds("judge", seconds)
        for one, score in zip(batch, scores, strict=True):
            if not one.answer.done():
                one.answer.set_result(Judged(score, seconds))

    async def _judge_apart(self, batch: Sequence[_Waiting], error: Exception) -> None:
        """A pass failed, which is a bug: find out on which picture, so that the others have their verdict."""
        if len(batch) > 1:
            log.warning("A pass of the network over %d pictures failed; each is judged alone", len(batch))
            for one in batch:
                await self._judge([one])
        elif not batch[0].answer.done():
            batch[0].answer.set_exception(error)


def _run(batch: Sequence[_Waiting]) -> "list[Score]":
    scores = batch[0].detector.judge([one.views for one in batch])
    if len(scores) != len(batch):
        raise RuntimeError(f"the detector gave {len(scores)} scores for {len(batch)} pictures")
    return scores
