"""A worker: takes pictures from Redis and judges them as the one-process bot does, any number of them on any machines."""

import asyncio
import json
import logging
import math
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis
from taskiq.exceptions import NoResultError
from taskiq.receiver.receiver import Receiver

from bot import trail
from bot.champion import Champion, Loader
from bot.errors import Refusal, TryLater
from bot.judge import LocalJudge
from bot.limits import Lane
from bot.metrics import Metrics
from bot.scale.broker import TIMEOUTS, TROUBLE, LaneBroker, Results
from bot.scale.turns import lined_up
from bot.scale.wire import (
    HEARTBEAT_SECONDS,
    LIFE_SECONDS,
    MODEL,
    PLACES,
    RESULTS,
    WORKERS,
    of_drawing,
    of_later,
    of_refusal,
    of_verdict,
    picture_key,
)
from bot.settings import Settings
from bot.threads import end_when_stuck
from bot.verdict import from_json

if TYPE_CHECKING:
    from model.detector import Detector

log = logging.getLogger(__name__)

DRAIN_SECONDS = 20.0
Outcome = dict[str, Any]


class Worker:
    """`run` is its whole life; `stop` ends it gracefully: what it has taken is finished."""

    def __init__(self, settings: Settings, metrics: Metrics, load: Loader | None = None) -> None:
        url = settings.scale.redis.reveal()
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._taking = False
        self._heard = -math.inf  # when Redis last answered
        self._settings, self._metrics = settings, metrics
        self._champion = Champion(settings, load)
        self._redis: Any = Redis.from_url(url, max_connections=50, **TIMEOUTS)
        self._broker = LaneBroker(url, Results(url), resting=lambda: self.stuck)
        self._stopping = asyncio.Event()
        self._judge: LocalJudge | None = None
        self._places = 0

    @property
    def ready(self) -> bool:
        """Whether it takes pictures: the model is loaded, Redis answers, nothing hangs, and it does not end."""
        heard = time.monotonic() - self._heard < LIFE_SECONDS
        return self._taking and heard and not self.stuck and not self._stopping.is_set()

    @property
    def stuck(self) -> bool:
        """Whether a thread of it hangs, which only a new start ends."""
        return self._judge is not None and self._judge.stuck

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        """Until `stop`. Raises SettingsError when there is no model to load; waits for a Redis that is away."""
        began = time.monotonic()
        detector = await asyncio.to_thread(self._champion.load)
        self._judge = judge = LocalJudge(self._settings.checks, detector, self._metrics)
        self._metrics.model(detector.version)
        log.info("Model %s is warm after %.1f s", detector.version, time.monotonic() - began)
        await judge.start()
        self._offer(judge)
        self._places = self._settings.checks.decode_threads + 2 * min(
            self._settings.checks.batch, detector.max_pictures
        )
        watching = (self._tell(), self._follow(), self._metrics.measure_pauses(), end_when_stuck(lambda: self.stuck))
        background = [asyncio.create_task(work) for work in watching]
        try:
            await self._receive(self._places)
        finally:
            self._taking = False
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            with suppress(*TROUBLE):
                await self._redis.delete(WORKERS + self.name, PLACES + self.name)
            await judge.close()
            await self._redis.aclose()
            await self._broker.shutdown()

    async def _receive(self, at_once: int) -> None:
        """Take at most so many pictures at a time: what is not taken, another worker can have."""
        while not self._stopping.is_set():
            try:
                await self._broker.startup()
                break
            except TROUBLE as error:
                log.warning("Redis can't be reached (%s); trying again", error)
                with suppress(TimeoutError):
                    async with asyncio.timeout(2):
                        await self._stopping.wait()
        with ThreadPoolExecutor(1) as unused:  # taskiq wants one for tasks that are no coroutines; there are none
            receiver = Receiver(
                self._broker,
                unused,
                validate_params=False,
                max_async_tasks=at_once,
                run_startup=False,
                wait_tasks_timeout=DRAIN_SECONDS,
            )
            if not self._stopping.is_set():
                self._taking = True
                log.info("Worker %s takes pictures, up to %d at a time", self.name, at_once)
                await receiver.listen(self._stopping)

    def _offer(self, judge: LocalJudge) -> None:
        """The tasks, by the names under which RemoteJudge hands them over."""

        async def judge_picture(request: str, sha256: str, chat: str) -> Outcome:
            async def work(data: bytes) -> Outcome:
                return of_verdict(await judge.judge(data, sha256, chat, Lane.PERSON, lambda: None))

            return await self._outcome(request, work)

        async def explain_picture(
            request: str, verdict: dict[str, Any], chat: str, language: str, bare: bool
        ) -> Outcome:
            async def work(data: bytes) -> Outcome:
                return of_drawing(await judge.explain(data, from_json(verdict), chat, language, bare))

            return await self._outcome(request, work)

        self._broker.task(task_name="judge")(judge_picture)
        self._broker.task(task_name="explain")(explain_picture)

    async def _outcome(self, request: str, work: Callable[[bytes], Awaitable[Outcome]]) -> Outcome:
        """What came of it, as JSON; what another worker has found meanwhile counts as ours."""
        try:
            if (done := await self._redis.get(f"{RESULTS}:{request}")) is not None:
                return dict(json.loads(done)["return_value"])
            data = await self._redis.get(picture_key(request))
            if data is None:
                log.info("The picture of %s is gone: nobody waits for it any more", request)
                return {"gone": True}
            outcome = await work(data)
            log.debug("%s is done", request)
            return outcome
        except Refusal as refusal:
            return of_refusal(refusal)
        except TryLater as error:
            return of_later(error)
        except TROUBLE as error:
            raise NoResultError from error  # it is asked again once Redis is back
        except asyncio.CancelledError as error:  # this worker ends before it is done: another is asked
            raise NoResultError from error
        except Exception:
            number = trail.number()
            log.exception("Error %s while judging %s", number, request)
            return {"bug": number}

    async def _tell(self) -> None:
        """That it lives, what it judges with, and how long the queue is. One that hangs falls silent: others get its tasks."""
        while True:
            try:
                if not self.stuck:
                    await self._beat()
            except TROUBLE as error:
                self._heard = -math.inf
                log.debug("Redis does not know that this worker lives (%s)", error)
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _beat(self) -> None:
        assert self._judge is not None
        await self._redis.set(PLACES + self.name, self._places, ex=LIFE_SECONDS)
        await self._redis.set(WORKERS + self.name, self._champion.version, ex=LIFE_SECONDS)
        await self._redis.set(MODEL, json.dumps(asdict(self._judge.model)))
        await self._broker.hold()
        self._metrics.stream_depth(await self._broker.depth() + await lined_up(self._redis))
        self._heard = time.monotonic()

    async def _follow(self) -> None:
        """Take a new champion without a restart."""
        if self._settings.model.version == "champion":
            await self._champion.watch(self._swap)

    def _swap(self, detector: "Detector") -> None:
        assert self._judge is not None
        self._judge.replace_detector(detector)
        self._metrics.model(detector.version)
