"""How much one person and one chat may ask for, and whose turn it is.

Token buckets: a bucket holds `burst` tokens and fills at `per_minute`; a picture costs one. The fair queue gives each chat its
turn, so that one chat's album of fifty waits behind another chat's single picture only once.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.errors import TryLater

T = TypeVar("T")

MOST_BUCKETS = 50_000


@dataclass(slots=True)
class Bucket:
    tokens: float
    filled: float


class Buckets:
    """One bucket per key. Times come from `clock`, in seconds."""

    def __init__(self, burst: int, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._rate, self._clock = float(burst), per_minute / 60, clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def wait(self, key: str) -> float:
        """Seconds until `key` may take a token; 0 when it may now. Takes nothing."""
        return max(0.0, (1 - self._fill(key).tokens) / self._rate)

    def take(self, key: str) -> None:
        """Take a token; raises TryLater with the seconds to wait when there is none."""
        bucket = self._fill(key)
        if bucket.tokens < 1:
            raise TryLater((1 - bucket.tokens) / self._rate)
        bucket.tokens -= 1

    def _fill(self, key: str) -> Bucket:
        now = self._clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(self._burst, now)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.filled) * self._rate)
        bucket.filled = now
        self._buckets.move_to_end(key)
        while len(self._buckets) > MOST_BUCKETS:  # the longest idle ones are full again anyway
            self._buckets.popitem(last=False)
        return bucket


class FairQueue(Generic[T]):
    """A bounded queue that serves its chats in turn."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: OrderedDict[str, deque[T]] = OrderedDict()
        self._size = 0
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return self._size

    def put(self, chat: str, item: T) -> None:
        """Raises TryLater when the queue is full."""
        if self._size >= self._most:
            raise TryLater(10)
        self._waiting.setdefault(chat, deque()).append(item)
        self._size += 1
        self._filled.set()

    async def get(self) -> T:
        """The next item of the chat whose turn it is; that chat then goes to the end of the line."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        chat, items = self._waiting.popitem(last=False)
        item = items.popleft()
        self._size -= 1
        if items:
            self._waiting[chat] = items
        return item
