"""taskiq's broker on Redis streams, with what unattended use needs: lanes, redelivery on an idle queue, reconnection."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError
from taskiq import AckableMessage, TaskiqMessage, TaskiqMiddleware
from taskiq.exceptions import SendTaskError
from taskiq.result import TaskiqResult
from taskiq.serializers import JSONSerializer
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

from bot import trail
from bot.scale.wire import (
    CLAIM_SECONDS,
    DELIVERIES,
    DONE,
    GROUP,
    PICTURE_SECONDS,
    RESULT_SECONDS,
    RESULTS,
    STREAMS,
    TRAIL,
    lasts,
    picture_key,
)

log = logging.getLogger(__name__)

TIMEOUTS: dict[str, Any] = {"socket_connect_timeout": 5, "socket_timeout": 10, "health_check_interval": 15}
BLOCK_SECONDS = 1.0
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)
PASSING_SECONDS = 5  # that an outcome is kept which is true only now
TROUBLE = (RedisError, OSError, SendTaskError)  # what a Redis that is away raises


class Results(RedisAsyncResultBackend[Any]):
    """Outcomes as JSON; each is called out, and the picture that it is about is deleted."""

    def __init__(self, url: str) -> None:
        super().__init__(
            url,
            result_ex_time=RESULT_SECONDS,
            serializer=JSONSerializer(),
            prefix_str=RESULTS,
            max_connection_pool_size=20,
            **TIMEOUTS,
        )

    async def set_result(self, task_id: str, result: TaskiqResult[Any]) -> None:
        try:
            await super().set_result(task_id, result)
            async with Redis(connection_pool=self.redis_pool) as redis:
                if not lasts(result.return_value):
                    await redis.expire(f"{RESULTS}:{task_id}", PASSING_SECONDS)
                await redis.delete(picture_key(task_id))
                await redis.publish(DONE, task_id)
        except TROUBLE as error:  # it is asked again once Redis is back
            log.warning("An outcome could not be handed back (%s)", error)


class Trail(TaskiqMiddleware):
    """What a worker logs about a task is about the request that it is for."""

    def pre_execute(self, message: TaskiqMessage) -> TaskiqMessage:
        trail.adopt(str(message.labels.get(TRAIL) or trail.begin()))  # a bot of an older release names none
        return message


class LaneBroker(RedisStreamBroker):
    """Reads the lanes in the order of their worth, one task at a time, so that no worker hoards what another could do.

    The broker that it extends looks for the tasks of dead workers only when a new task has come, and ends at the first
    broken connection; this one does the former by the clock and survives the latter. A done task leaves its stream.
    While `resting` says so, it takes nothing.
    """

    def __init__(self, url: str, results: Results, resting: Callable[[], bool] = lambda: False) -> None:
        first, *others = STREAMS.values()
        super().__init__(
            url,
            queue_name=first,
            additional_streams=dict.fromkeys(others, ">"),
            consumer_group_name=GROUP,
            consumer_id="0",  # tasks that came before the first worker count too
            max_connection_pool_size=50,
            **TIMEOUTS,
        )
        self.result_backend = results
        self.add_middlewares(Trail())
        self._resting = resting
        self._claimed = 0.0
        self._in_hand: dict[tuple[str, Any], float] = {}  # stream and number of a task -> since when

    async def listen(self) -> AsyncGenerator[AckableMessage, None]:
        failures = 0
        while True:
            if self._resting():
                await asyncio.sleep(BLOCK_SECONDS)
                continue
            try:
                async for message in self._next():
                    yield message
                failures = 0
            except TROUBLE as error:
                failures += 1
                if failures == 1:
                    log.warning("Redis can't be read (%s); trying again", error)
                await asyncio.sleep(PAUSES[min(failures, len(PAUSES)) - 1])
                await self._declare_again()

    async def depth(self) -> int:
        """Tasks that wait or are in a worker's hands."""
        async with Redis(connection_pool=self.connection_pool) as redis:
            return sum([await redis.xlen(stream) for stream in STREAMS.values()])

    async def hold(self) -> None:
        """Say of each task in hand that it is being worked on: where many are, one may take longer than a claim waits."""
        now = time.monotonic()
        self._in_hand = {task: since for task, since in self._in_hand.items() if now - since < PICTURE_SECONDS}
        async with Redis(connection_pool=self.connection_pool) as redis:
            for stream in STREAMS.values():
                if numbers := [number for of, number in self._in_hand if of == stream]:
                    await redis.xclaim(stream, GROUP, self.consumer_name, 0, numbers, idle=0, justid=True)

    async def _next(self) -> AsyncIterator[AckableMessage]:
        """The tasks of the dead first, then the best lane that has any; else whatever comes within a second."""
        async with Redis(connection_pool=self.connection_pool) as redis:
            if time.monotonic() - self._claimed > CLAIM_SECONDS / 4:
                self._claimed = time.monotonic()
                for stream in STREAMS.values():
                    async for message in self._claim(redis, stream):
                        yield message
            for stream in STREAMS.values():
                if fetched := await self._fetch(redis, {stream: ">"}, None):
                    for message in self._messages(fetched):
                        yield message
                    return
            everything = dict.fromkeys(STREAMS.values(), ">")
            for message in self._messages(await self._fetch(redis, everything, round(1000 * BLOCK_SECONDS))):
                yield message

    async def _fetch(self, redis: Any, streams: dict[str, str], block: int | None) -> list[Any]:
        found: list[Any] = await redis.xreadgroup(GROUP, self.consumer_name, streams, count=1, block=block) or []
        return found

    def _messages(self, fetched: list[Any]) -> list[AckableMessage]:
        return [
            self._message(stream.decode(), number, entry) for stream, entries in fetched for number, entry in entries
        ]

    def _message(self, stream: str, number: Any, entry: Any) -> AckableMessage:
        self._in_hand[stream, number] = time.monotonic()
        return AckableMessage(data=entry[b"data"], ack=self._ack_generator(id=number, queue_name=stream))

    async def _claim(self, redis: Any, stream: str) -> AsyncIterator[AckableMessage]:
        _, entries, _ = await redis.xautoclaim(
            stream, GROUP, self.consumer_name, min_idle_time=round(1000 * CLAIM_SECONDS), count=4
        )
        for number, entry in entries:
            found = await redis.xpending_range(stream, GROUP, min=number, max=number, count=1)
            if not found:  # its worker lives, and has just struck it off
                continue
            task = self._read(entry[b"data"])
            with trail.following():
                trail.adopt(str((task.labels if task else {}).get(TRAIL) or trail.current()))
                if found[0]["times_delivered"] > DELIVERIES:
                    await self._give_up(task, found[0]["times_delivered"] - 1)
                    await self._ack_generator(id=number, queue_name=stream)()
                    continue
                log.warning("A task is taken over from a worker that says nothing")
            yield self._message(stream, number, entry)

    def _read(self, data: bytes) -> TaskiqMessage | None:
        """None for what is no task, or one of another release: whoever is handed it says so."""
        try:
            return self.formatter.loads(data)
        except (ValueError, TypeError, KeyError):
            return None

    async def _give_up(self, task: TaskiqMessage | None, workers: int) -> None:
        """So many workers ended with this task in hand that it is probably the cause; whoever asked is told."""
        if task is None:
            log.error("A task that nobody can read is struck off")
            return
        number = trail.number()
        log.error("Error %s: %d workers ended with %s in hand; it is given up", number, workers, task.task_id)
        outcome: TaskiqResult[Any] = TaskiqResult(is_err=False, return_value={"bug": number}, execution_time=0.0)
        await self.result_backend.set_result(task.task_id, outcome)

    def _ack_generator(self, id: str, queue_name: str) -> Any:
        async def acknowledge() -> None:
            self._in_hand.pop((queue_name, id), None)
            try:
                async with Redis(connection_pool=self.connection_pool) as redis:
                    await redis.xack(queue_name, GROUP, id)
                    await redis.xdel(queue_name, id)
            except TROUBLE as error:  # it is delivered again, and its outcome is there already
                log.warning("A task could not be struck off (%s)", error)

        return acknowledge

    async def _declare_again(self) -> None:
        """Redis may have come back empty."""
        try:
            await self._declare_consumer_group()
        except TROUBLE as error:
            log.debug("Redis is still away: %s", error)
