"""The Checker: one picture in, one Verdict out. The only home of the rules; adapters translate to it and from it.

A picture's way: limits -> known already? -> the same picture on its way? then wait with it -> a fair turn -> decoding,
views and evidence in a thread -> the network, together with whatever else is ready -> Verdict, kept and answered.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from bot.batcher import Detector
from bot.errors import Refusal, TryLater
from bot.judge import Judge, LocalJudge, ModelInfo
from bot.limits import REPORTS_A_DAY, Allowances, Lane, Limits, later
from bot.metrics import Metrics
from bot.sensitivity import at
from bot.settings import ChecksSettings
from bot.store import DAY, Store
from bot.verdict import Arrival, Verdict, to_json
from bot.verdicts import Verdicts
from bot.wording import DEFAULT, refuse

__all__ = ["Asker", "Checker", "ModelInfo", "Picture"]

_SMALL = 256 * 1024  # bytes that are hashed in less time than a thread takes to begin
_RESTART_SECONDS = 10.0  # after which a new Candid is probably there
_TRIES = (0.0, 0.2, 1.0, 2.0, 4.0)  # seconds between tries of an explanation while models are being replaced


@dataclass(frozen=True, slots=True)
class Picture:
    """Bytes as they came, and how they came."""

    data: bytes
    arrival: Arrival = Arrival.ORIGINAL


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks and where: keys for limits and fairness, such as "discord:guild/123" and "discord:user/5"."""

    chat: str
    user: str


@dataclass(slots=True)
class _Flight:
    """A picture on its way, and how many wait for it."""

    work: asyncio.Task[Verdict] = field(init=False)
    waiting: int = 0
    begun: bool = False  # it has its turn: from now on it is finished, whoever leaves


class Checker:
    """Start it, ask it, close it. What takes long runs in the Judge's threads or processes, never on the event loop."""

    def __init__(
        self,
        settings: ChecksSettings,
        judge: Judge | Detector,
        store: Store,
        metrics: Metrics,
        limits: Allowances | None = None,
    ) -> None:
        """A bare Detector is used in this process, by a LocalJudge; without `limits` this process counts by itself."""
        self._judge = judge if isinstance(judge, Judge) else LocalJudge(settings, judge, metrics)
        self._store, self._metrics = store, metrics
        self._limits = limits or Limits(settings)
        self._verdicts = Verdicts(store, settings.cache)
        self._flights: dict[str, _Flight] = {}
        self._explanations: set[asyncio.Task[bytes]] = set()
        self._working = 0  # checks and explanations that are being answered
        self._none_left = asyncio.Event()
        self._none_left.set()
        self._closing = self._closed = False

    async def start(self) -> None:
        """Start working; returns at once."""
        await self._judge.start()

    async def close(self, seconds: float) -> None:
        """Take nothing new, and finish what was accepted for at most `seconds`; what is left then raises TryLater."""
        self._closing = True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._none_left.wait()
        self._closed = True
        left: list[asyncio.Task[Any]] = [*(flight.work for flight in self._flights.values()), *self._explanations]
        for work in left:
            work.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._judge.close()
        await self._limits.close()

    @property
    def model(self) -> ModelInfo:
        """The model that answers now."""
        return self._judge.model

    @property
    def stuck(self) -> bool:
        """Whether something in this process hangs that only a new start ends."""
        return self._judge.stuck

    def replace_detector(self, detector: Detector) -> None:
        """Judge by another detector from now on. Only for a Checker that judges in this process."""
        if not isinstance(self._judge, LocalJudge):
            raise TypeError("the workers follow the champion by themselves")
        self._judge.replace_detector(detector)

    async def check(self, picture: Picture, asker: Asker, lane: Lane = Lane.PERSON) -> Verdict:
        """The verdict on a picture. Raises Refusal when it can't be judged, and TryLater when it can't be now."""
        began = time.monotonic()
        async with self._accepted(asker):
            verdict = await self._judged(picture.data, asker.chat, lane)
        self._metrics.verdict(verdict.label, asker.chat.partition(":")[0])
        self._metrics.seconds("total", time.monotonic() - began)
        return replace(verdict, arrival=picture.arrival)

    async def admit(self, asker: Asker) -> None:
        """Raises TryLater where `check` and `explain` would, for whoever must fetch the picture first. Costs nothing."""
        if self._closing:
            raise later("closing", _RESTART_SECONDS)
        await self._limits.look(asker.user, asker.chat)

    async def explain(
        self,
        picture: Picture,
        asker: Asker,
        language: str = DEFAULT,
        *,
        bare: bool = False,
        one_in: int | None = None,
    ) -> bytes:
        """Why, as a PNG: the heat map, and the bands with the picture's place; `bare` is the heat map alone.

        `one_in` is the sensitivity that moves the bands (see bot.sensitivity). It costs what a check costs,
        and raises what `check` raises. Neither the picture nor the PNG is kept.
        """
        async with self._accepted(asker):
            work = asyncio.create_task(self._explained(picture, asker.chat, language, bare, one_in))
            self._explanations.add(work)
            work.add_done_callback(self._explanations.discard)
            work.add_done_callback(lambda work: work.cancelled() or work.exception())  # noted, also when nobody waits
            try:
                await asyncio.wait({work})
            finally:
                work.cancel()  # not done: whoever asked has left
            if work.cancelled():
                raise later("closing", _RESTART_SECONDS)
            return work.result()

    async def recall(self, sha256: str) -> Verdict | None:
        """A verdict of the last days, by 32 or more digits of the picture's hash; its arrival is not kept."""
        return await self._verdicts.recall(sha256)

    async def admit_report(self, asker: Asker) -> None:
        """Raises Refusal where `report` would, for whoever is to write a text first."""
        if await self._store.reports_of(asker.user, time.time() - DAY) >= REPORTS_A_DAY:
            raise refuse("too-many-reports", "community.too-many-reports", most=REPORTS_A_DAY)

    async def report(self, sha256: str, asker: Asker, says: str) -> bool:
        """Keep "that is wrong". False: this person reported this picture before, or its verdict is forgotten.

        Raises Refusal for somebody who has reported very many within a day.
        """
        verdict = await self._verdicts.recall(sha256)
        if verdict is None:
            return False
        await self.admit_report(asker)
        row = to_json(verdict)
        return await self._store.keep_report(verdict.sha256, verdict.model, row, asker.chat, asker.user, says)

    @asynccontextmanager
    async def _accepted(self, asker: Asker) -> AsyncIterator[None]:
        """What `asker` asks for is within the limits, and is waited for when the Checker closes."""
        self._working += 1
        self._none_left.clear()
        try:
            if self._closing:
                raise later("closing", _RESTART_SECONDS)
            await self._limits.take(asker.user, asker.chat)
            yield
        except Refusal as refusal:
            self._metrics.refusal(refusal.reason)
            raise
        except TryLater as error:
            self._metrics.later(error.key.removeprefix("later.") or "queue")
            raise
        finally:
            self._working -= 1
            if not self._working:
                self._none_left.set()

    async def _explained(self, picture: Picture, chat: str, language: str, bare: bool, one_in: int | None) -> bytes:
        for pause in _TRIES:
            judged = await self._judged(picture.data, chat, Lane.PERSON)
            verdict = at(replace(judged, arrival=picture.arrival), self.model, one_in)
            drawn = await self._judge.explain(picture.data, verdict, chat, language, bare)
            if drawn is not None:  # else the model was replaced meanwhile: the map must fit the score
                return drawn
            await asyncio.sleep(pause)
        raise later("queue", _RESTART_SECONDS)  # of several workers, some have another model for longer

    async def _judged(self, data: bytes, chat: str, lane: Lane) -> Verdict:
        sha256 = _digest(data) if len(data) < _SMALL else await asyncio.to_thread(_digest, data)
        known = await self._verdicts.find(sha256, self._judge.model.version)
        if known is not None:
            return known
        if self._closed:
            raise later("closing", _RESTART_SECONDS)
        flight = self._flights.get(sha256)
        if flight is None:
            flight = self._take_off(sha256, data, chat, lane)
        elif not flight.begun:
            self._judge.also(sha256, chat, lane)
        flight.waiting += 1
        try:
            await asyncio.wait({flight.work})  # not the work itself: who is cancelled here leaves alone
        finally:
            flight.waiting -= 1
            if not (flight.waiting or flight.begun or flight.work.done()):
                flight.work.cancel()
                self._land(sha256, flight)
        if flight.work.cancelled():
            raise later("closing", _RESTART_SECONDS)
        return flight.work.result()

    def _take_off(self, sha256: str, data: bytes, chat: str, lane: Lane) -> _Flight:
        flight = self._flights[sha256] = _Flight()
        flight.work = asyncio.create_task(self._fly(flight, sha256, data, chat, lane))
        flight.work.add_done_callback(lambda work: self._land(sha256, flight))
        return flight

    def _land(self, sha256: str, flight: _Flight) -> None:
        if self._flights.get(sha256) is flight:
            del self._flights[sha256]
        if flight.work.done() and not flight.work.cancelled():
            flight.work.exception()  # taken note of, also when everyone who waited has left

    async def _fly(self, flight: _Flight, sha256: str, data: bytes, chat: str, lane: Lane) -> Verdict:
        def begun() -> None:
            flight.begun = True

        verdict = await self._judge.judge(data, sha256, chat, lane, begun)
        await self._verdicts.keep(verdict)
        return verdict


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
