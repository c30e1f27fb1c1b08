"""A Judge that has others judge: it hands pictures to workers through Redis and waits for what they say."""

import asyncio
import json
import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from taskiq.kicker import AsyncKicker

from bot import trail
from bot.judge import Judge, ModelInfo
from bot.limits import FairTurns, Lane, later
from bot.metrics import Metrics
from bot.scale.broker import PAUSES, TIMEOUTS, TROUBLE, LaneBroker, Results
from bot.scale.turns import SharedTurns
from bot.scale.wire import (
    CLAIM_SECONDS,
    DONE,
    HEARTBEAT_SECONDS,
    MODEL,
    PICTURE_SECONDS,
    PLACES,
    RESULTS,
    STREAMS,
    TRAIL,
    WORKERS,
    flight_key,
    picture_key,
    read,
)
from bot.settings import Settings
from bot.verdict import Bands, Verdict, to_json

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 120.0  # then a person is asked to come again
AGAIN_SECONDS = CLAIM_SECONDS + 5  # a request without outcome is handed over again: Redis may have lost it
BACK_SECONDS = 2 * HEARTBEAT_SECONDS + 1  # in which workers are heard of again when Redis has come back empty
AHEAD = 2  # times as many pictures as workers take at a time are with them: they find the next one at once
LOOK_SECONDS = 1.0  # at least so often an outcome is looked for, should its call have been missed


class RemoteJudge(Judge):
    """One a bot process."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        url = settings.scale.redis.reveal()
        self._broker = LaneBroker(url, Results(url))
        self._redis: Any = Redis.from_url(url, max_connections=50, **TIMEOUTS)
        self._metrics = metrics
        self._turns = FairTurns(settings.scale.at_once, settings.checks.queue, metrics.queue_depth)
        self._among_all = SharedTurns(settings.scale.redis, lambda: self._window)
        self._window = settings.scale.at_once  # pictures of all processes with the workers at once, as far as is known
        self._waiting: dict[str, asyncio.Event] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._workers: int | None = None  # None: Redis has not said yet
        self._none_since = -math.inf  # as far as is known there were some until then
        self._model = shipped(settings)

    @property
    def model(self) -> ModelInfo:
        return self._model

    async def start(self) -> None:
        """Begin to listen; what the workers judge with is known from then on if Redis answers."""
        with suppress(*TROUBLE, TimeoutError):
            async with asyncio.timeout(3):
                await self._look_around()
        self._tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._listen())]
        await self._among_all.start()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._among_all.close()
        await self._redis.aclose()
        await self._broker.result_backend.shutdown()
        await self._broker.shutdown()

    async def judge(self, data: bytes, sha256: str, chat: str, lane: Lane, begun: Callable[[], object]) -> Verdict:
        began = time.monotonic()
        async with self._turns.turn(chat, lane, sha256):
            begun()
            self._refuse_without_workers()
            async with self._among_all.turn(chat, lane):
                verdict = await self._ask(f"judge-{self._model.version}-{sha256}", "judge", lane, data, sha256, chat)
        assert isinstance(verdict, Verdict)
        self._metrics.seconds("wait", max(0.0, time.monotonic() - began - verdict.milliseconds / 1000))
        return verdict

    def also(self, sha256: str, chat: str, lane: Lane) -> None:
        self._turns.also(sha256, chat, lane)

    async def explain(self, data: bytes, verdict: Verdict, chat: str, language: str, bare: bool) -> bytes | None:
        async with self._turns.turn(chat, Lane.PERSON):
            self._refuse_without_workers()
            bands = f"{verdict.bands.real}-{verdict.bands.ai}"
            request = f"explain-{verdict.model}-{bands}-{language}-{bare:d}-{verdict.sha256}"
            async with self._among_all.turn(chat, Lane.PERSON):
                drawn = await self._ask(request, "explain", Lane.PERSON, data, to_json(verdict), chat, language, bare)
        assert drawn is None or isinstance(drawn, bytes)
        return drawn

    def _refuse_without_workers(self) -> None:
        if self._workers == 0 and time.monotonic() - self._none_since > BACK_SECONDS:
            raise later("workers", 30)

    async def _ask(self, request: str, task: str, lane: Lane, data: bytes, *arguments: Any) -> Verdict | bytes | None:
        """Hand it over until there is an outcome. Redis may be away meanwhile, and a worker may die."""
        until, failures = time.monotonic() + PATIENCE_SECONDS, 0
        called = self._waiting.setdefault(request, asyncio.Event())
        try:
            while time.monotonic() < until:
                try:
                    if (outcome := await self._outcome(request)) is None:
                        await self._hand_over(request, task, lane, data, arguments)
                        outcome = await self._wait(request, called, min(until, time.monotonic() + AGAIN_SECONDS))
                    failures = 0
                    if outcome is not None:
                        return read(outcome)
                except TROUBLE as error:
                    failures += 1
                    log.info("Redis can't be reached (%s); trying again", error)
                    await asyncio.sleep(PAUSES[min(failures, len(PAUSES)) - 1])
            raise later("workers", 30)
        finally:
            self._waiting.pop(request, None)

    async def _hand_over(self, request: str, task: str, lane: Lane, data: bytes, arguments: tuple[Any, ...]) -> None:
        """One task for all processes that ask this; another may have handed it over, for a request of its own."""
        await self._redis.set(picture_key(request), data, ex=PICTURE_SECONDS)
        ours = trail.number()
        if await self._redis.set(flight_key(request), ours, nx=True, px=round(1000 * CLAIM_SECONDS)):
            kicker: Any = AsyncKicker(task, self._broker, {"queue_name": STREAMS[lane], TRAIL: ours})
            await kicker.with_task_id(request).kiq(request, *arguments)
            log.debug("Handed over as %s", request)
        else:
            theirs = await self._redis.get(flight_key(request)) or b"?"
            log.debug("Handed over already, as %s of request %s", request, theirs.decode())

    async def _wait(self, request: str, called: asyncio.Event, until: float) -> dict[str, Any] | None:
        while (left := until - time.monotonic()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(LOOK_SECONDS, left)):
                    await called.wait()
            if (outcome := await self._outcome(request)) is not None:
                return outcome
            called.clear()
        return None

    async def _outcome(self, request: str) -> dict[str, Any] | None:
        stored = await self._redis.get(f"{RESULTS}:{request}")
        return None if stored is None else dict(json.loads(stored)["return_value"] or {"bug": "unknown"})

    async def _listen(self) -> None:
        """Wake whoever waits for a request that is called out."""
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(DONE)
                    while True:
                        message = await channel.get_message(ignore_subscribe_messages=True, timeout=5)
                        if message and (event := self._waiting.get(message["data"].decode())):
                            event.set()
            except TROUBLE as error:
                log.debug("Redis calls nothing out (%s)", error)
                await asyncio.sleep(1)

    async def _watch(self) -> None:
        """How many workers there are, and with which model."""
        while True:
            try:
                await self._look_around()
            except TROUBLE as error:
                log.debug("Redis says nothing of workers (%s)", error)
            except (ValueError, KeyError, TypeError) as error:  # of a worker of another release
                log.warning("What the workers say of their model can't be read (%r); is one of them newer?", error)
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _look_around(self) -> None:
        before, self._workers = (
            self._workers,
            len([key async for key in self._redis.scan_iter(f"{WORKERS}*", count=1000)]),
        )
        await self._count_places()
        if before and not self._workers:
            self._none_since = time.monotonic()
        if before != self._workers:
            (log.warning if not self._workers else log.info)("Workers: %d", self._workers)
        if (stored := await self._redis.get(MODEL)) is not None:
            told = json.loads(stored)
            if told["version"] != self._model.version:
                log.info("The workers judge with %s", told["version"])
            self._model = ModelInfo(told["version"], Bands(**told["bands"]), told["card"])
            self._metrics.model(self._model.version)

    async def _count_places(self) -> None:
        names = [key async for key in self._redis.scan_iter(f"{PLACES}*", count=1000)]
        if places := sum(int(found or 0) for found in (await self._redis.mget(names) if names else ())):
            self._window = AHEAD * places


def shipped(settings: Settings) -> ModelInfo:
    """What a worker of this release would judge with, until one says. The weights need not be here."""
    from model.registry import Registry

    registry = Registry(Path(settings.model.directory)) if settings.model.directory else Registry()
    card = json.loads((registry.path(settings.model.version) / "card.json").read_text(encoding="utf-8"))
    return ModelInfo(card["version"], Bands(**card.get("bands", {"real": 0.0, "ai": 1.0})), card)
