"""The Checker: one picture in, one Verdict out. The only home of the rules; adapters translate to it and from it.

A picture's way: limits -> cache -> (the same picture already on its way? wait with it) -> fair queue -> decoding, views and evidence in
a thread -> the network in its own thread, together with whatever else waits -> Verdict.
"""

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bot import evidence
from bot.errors import CandidError, Refusal, TryLater
from bot.intake import decode
from bot.limits import Buckets, FairQueue
from bot.metrics import Metrics
from bot.settings import ChecksSettings
from bot.store import Store
from bot.verdict import Arrival, Bands, Basis, Finding, Label, Strength, Verdict, ViewScore, from_json, to_json

if TYPE_CHECKING:
    from model.detector import Detector, Score
    from model.views import Views

log = logging.getLogger(__name__)

SIGNED_CONFIDENCE = 0.99  # a valid, trusted signature; stated, not measured
DECLARED_CONFIDENCE = 0.5  # at least: an unsigned marker tips the scales of an unsure picture, and no more


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


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What /about shows of the model that answers now; `card` is its whole card.json."""

    version: str
    bands: Bands
    card: dict[str, Any]


@dataclass(slots=True)
class _Job:
    """One picture on its way. The detector is the one that was champion when it came in."""

    digest: str
    data: bytes
    detector: "Detector"
    answer: "asyncio.Future[Verdict]"


@dataclass(frozen=True, slots=True)
class _Prepared:
    job: _Job
    views: "Views"
    width: int
    height: int
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]
    seconds: float


class Checker:
    """Start it, ask it, close it. Everything blocking runs in its threads, never on the event loop."""

    def __init__(self, settings: ChecksSettings, detector: "Detector", store: Store, metrics: Metrics) -> None:
        self._settings, self._detector, self._store, self._metrics = settings, detector, store, metrics
        self._users = Buckets(settings.per_user_burst, settings.per_user_per_minute)
        self._chats = Buckets(settings.per_chat_burst, settings.per_chat_per_minute)
        self._cache: OrderedDict[tuple[str, str], Verdict] = OrderedDict()
        self._flights: dict[tuple[str, str], asyncio.Future[Verdict]] = {}
        self._queue: FairQueue[_Job] = FairQueue(settings.queue)
        self._ready: asyncio.Queue[_Prepared] = asyncio.Queue(settings.batch)
        self._decoders = ThreadPoolExecutor(settings.decode_threads, "decode")
        self._inference = ThreadPoolExecutor(1, "inference")
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False

    async def start(self) -> None:
        """Start working; returns at once."""
        self._tasks = [asyncio.create_task(self._decode_forever()) for _ in range(self._settings.decode_threads)]
        self._tasks.append(asyncio.create_task(self._judge_forever()))

    async def close(self, seconds: float) -> None:
        """Finish what was accepted, for at most `seconds`; what then still waits gets TryLater, as does every new check."""
        self._closing = True
        if self._flights and seconds > 0:
            await asyncio.wait(list(self._flights.values()), timeout=seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for flight in list(self._flights.values()):
            if not flight.done():
                flight.set_exception(TryLater(30))
        self._decoders.shutdown(wait=False, cancel_futures=True)
        self._inference.shutdown(wait=False, cancel_futures=True)

    @property
    def model(self) -> ModelInfo:
        card = self._detector.card
        return ModelInfo(self._detector.version, Bands(card.bands.real, card.bands.ai), card.data)

    def replace_detector(self, detector: "Detector") -> None:
        """Judge by another detector from now on. What is on its way is judged by the one that it came in under."""
        self._detector = detector

    async def check(self, picture: Picture, asker: Asker) -> Verdict:
        """The verdict on a picture; raises Refusal when it can't be judged and TryLater when it can't be now."""
        began = time.monotonic()
        try:
            verdict = await self._check(picture, asker)
        except Refusal as refusal:
            self._metrics.refusal(refusal.reason)
            raise
        self._metrics.verdict(verdict.label, asker.chat.split(":", 1)[0])
        self._metrics.seconds("total", time.monotonic() - began)
        return verdict

    async def recall(self, sha256: str) -> Verdict | None:
        """A recent verdict by the picture's hash, or by 32 or more of its digits."""
        row = await self._store.verdict(sha256)
        return None if row is None else from_json(row)

    async def report(self, sha256: str, asker: Asker, says: str) -> bool:
        """Keep a "that is wrong" (hash, verdict's model, who, what they say). False: this person reported this picture before,
        or no such verdict is remembered."""
        verdict = await self.recall(sha256)
        if verdict is None:
            return False
        return await self._store.keep_report(verdict.sha256, verdict.model, asker.chat, asker.user, says)

    async def _check(self, picture: Picture, asker: Asker) -> Verdict:
        if self._closing:
            raise TryLater(30)
        if wait := max(self._users.wait(asker.user), self._chats.wait(asker.chat)):
            raise TryLater(wait)
        self._users.take(asker.user)
        self._chats.take(asker.chat)
        if len(picture.data) > 1 << 20:
            digest = await asyncio.to_thread(_digest, picture.data)
        else:
            digest = _digest(picture.data)
        detector = self._detector
        known = await self._known(digest, detector.version)
        if known is None:
            flight = self._flights.get((digest, detector.version)) or self._take_off(digest, picture, asker, detector)
            known = await asyncio.shield(flight)  # one who leaves doesn't take the others' verdict along
        return replace(known, arrival=picture.arrival)

    async def _known(self, digest: str, version: str) -> Verdict | None:
        key = (digest, version)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        row = await self._store.verdict(digest, version)
        return None if row is None else from_json(row)

    def _take_off(self, digest: str, picture: Picture, asker: Asker, detector: "Detector") -> "asyncio.Future[Verdict]":
        flight: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._queue.put(asker.chat, _Job(digest, picture.data, detector, flight))
        key = (digest, detector.version)
        self._flights[key] = flight
        flight.add_done_callback(lambda done: self._land(key, done))
        self._metrics.queue_depth(len(self._queue))
        return flight

    def _land(self, key: tuple[str, str], flight: "asyncio.Future[Verdict]") -> None:
        self._flights.pop(key, None)
        if not flight.cancelled():
            flight.exception()  # taken note of, also when everyone who waited has left

    async def _decode_forever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            job = await self._queue.get()
            self._metrics.queue_depth(len(self._queue))
            try:
                prepared = await loop.run_in_executor(self._decoders, self._prepare, job)
            except CandidError as error:
                _fail(job, error)
            except Exception as error:  # a bug in decoding fails this picture, not those behind it
                _fail(job, error)
            else:
                self._metrics.seconds("decode", prepared.seconds)
                await self._ready.put(prepared)

    def _prepare(self, job: _Job) -> _Prepared:
        began = time.monotonic()
        decoded = decode(job.data, self._settings)
        views = job.detector.views(decoded.pixels)
        findings = evidence.read(job.data)
        height, width = decoded.pixels.shape[:2]
        return _Prepared(job, views, width, height, decoded.notes, findings, time.monotonic() - began)

    async def _judge_forever(self) -> None:
        held: _Prepared | None = None
        while True:
            batch = [held or await self._ready.get()]
            held = None
            detector = batch[0].job.detector
            most = min(self._settings.batch, detector.max_pictures)
            while len(batch) < most and not self._ready.empty():
                found = self._ready.get_nowait()
                if found.job.detector is not detector:  # a new champion came between them
                    held = found
                    break
                batch.append(found)
            await self._judge(detector, batch)

    async def _judge(self, detector: "Detector", batch: list[_Prepared]) -> None:
        began = time.monotonic()
        loop = asyncio.get_running_loop()
        try:
            scores = await loop.run_in_executor(self._inference, detector.judge, [one.views for one in batch])
        except Exception as error:  # a bug in the network fails this batch, not the worker
            for one in batch:
                _fail(one.job, error)
            return
        seconds = time.monotonic() - began
        self._metrics.seconds("judge", seconds)
        for one, score in zip(batch, scores, strict=True):
            verdict = _verdict(one, score, detector, seconds)
            await self._remember(verdict)
            if not one.job.answer.done():
                one.job.answer.set_result(verdict)

    async def _remember(self, verdict: Verdict) -> None:
        if self._settings.cache:
            self._cache[verdict.sha256, verdict.model] = verdict
            while len(self._cache) > self._settings.cache:
                self._cache.popitem(last=False)
        try:
            await self._store.keep_verdict(verdict.sha256, verdict.model, to_json(verdict))
        except Exception:  # a full disk must not cost the person their answer
            log.exception("A verdict could not be kept; \"Why?\" won't know it after a restart")


def _verdict(one: _Prepared, score: "Score", detector: "Detector", seconds: float) -> Verdict:
    label, confidence, basis = _decide(score, one.findings)
    views = zip(one.views.kinds, one.views.boxes, score.views, strict=True)
    return Verdict(
        label=label,
        confidence=confidence,
        p_ai=score.p_ai,
        model=detector.version,
        bands=Bands(detector.card.bands.real, detector.card.bands.ai),
        sha256=one.job.digest,
        arrival=Arrival.ORIGINAL,
        milliseconds=round((one.seconds + seconds) * 1000),
        width=one.width,
        height=one.height,
        views=tuple(ViewScore(kind, box, p_ai) for kind, box, p_ai in views),
        evidence=one.findings,
        notes=one.notes,
        basis=basis,
    )


def _decide(score: "Score", findings: tuple[Finding, ...]) -> tuple[Label, float, Basis]:
    """A trusted signature that says AI decides; an unsigned marker only tips "unsure"; nothing in a file ever makes "real"."""
    label = Label(score.label)
    says_ai = [finding for finding in findings if evidence.says_ai(finding)]
    if label is not Label.AI and any(finding.strength is Strength.SIGNED for finding in says_ai):
        return Label.AI, SIGNED_CONFIDENCE, Basis.FILE
    if label is Label.UNSURE and any(finding.strength is Strength.SELF_DECLARED for finding in says_ai):
        return Label.AI, max(score.p_ai, DECLARED_CONFIDENCE), Basis.FILE
    return label, score.confidence, Basis.PIXELS


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _fail(job: _Job, error: BaseException) -> None:
    if not job.answer.done():
        job.answer.set_exception(error)
