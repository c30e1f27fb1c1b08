"""How much one person and one chat may ask for, and whose turn it is.

Token buckets: a bucket holds `burst` tokens and fills up again by the minute; a picture costs one. Fair turns: chats
take turns, so that the single picture of one chat waits for one picture of another's album, not for all fifty.
"""

import asyncio
import math
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from bot.errors import TryLater
from bot.settings import ChecksSettings
from bot.wording import duration, say

Clock = Callable[[], float]


class Lane(IntEnum):
    """Who goes first: what a person waits for comes before what is looked at unasked."""

    PERSON = 0
    AUTOMATIC = 1


REPORTS_A_DAY = 20  # of one person, wherever: moderators have to look at each
LONGEST_WAIT = 60.0  # that a full queue asks for: an estimate further ahead would be a guess


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Buckets:
    """A token bucket per key. One that is full again is forgotten, for it is like one that was never used."""

    def __init__(self, burst: int, per_minute: float, clock: Clock = time.monotonic) -> None:
        self._burst, self._rate, self._clock = float(burst), per_minute / 60, clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()  # the longest idle one first

    def __len__(self) -> int:
        return len(self._buckets)

    def wait(self, key: str) -> float:
        """Seconds until `key` may take a token; 0 when it may now."""
        return max(0.0, (1 - self._tokens(key)) / self._rate)

    def take(self, key: str) -> None:
        """Take a token, which `wait` has said is there."""
        self._buckets[key] = _Bucket(self._tokens(key) - 1, self._clock())
        self._buckets.move_to_end(key)
        full_if_idle_since = self._clock() - self._burst / self._rate
        while next(iter(self._buckets.values())).at < full_if_idle_since:
            self._buckets.popitem(last=False)

    def _tokens(self, key: str) -> float:
        bucket = self._buckets.get(key)
        if bucket is None:
            return self._burst
        return min(self._burst, bucket.tokens + (self._clock() - bucket.at) * self._rate)


class Allowances(Protocol):
    """Who counts what people and chats ask for: this process (Limits), or several together (bot/scale/limits.py)."""

    async def look(self, user: str, chat: str) -> None:
        """Raises TryLater with when there will be room again, if there is none for a picture of `user` in `chat` now."""

    async def take(self, user: str, chat: str) -> None:
        """One picture for `user` in `chat`; raises TryLater as `look` does."""

    async def close(self) -> None:
        """Nothing is asked any more."""


class Limits:
    """The allowances of people and of chats together: a picture that one of them forbids costs neither."""

    def __init__(self, settings: ChecksSettings, clock: Clock = time.monotonic) -> None:
        self._users = Buckets(settings.per_user_burst, settings.per_user_per_minute, clock)
        self._chats = Buckets(settings.per_chat_burst, settings.per_chat_per_minute, clock)

    async def look(self, user: str, chat: str) -> None:
        """Raises TryLater with when there will be room again, if there is none for a picture of `user` in `chat` now."""
        refuse_until(self._users.wait(user), self._chats.wait(chat))

    async def take(self, user: str, chat: str) -> None:
        """One picture for `user` in `chat`; raises TryLater as `look` does."""
        await self.look(user, chat)
        self.count(user, chat)

    def count(self, user: str, chat: str) -> None:
        """One picture that somebody else has allowed."""
        self._users.take(user)
        self._chats.take(chat)

    async def close(self) -> None:
        """Nothing to do."""


def refuse_until(for_user: float, for_chat: float) -> None:
    """Raises TryLater unless neither has to wait."""
    if for_user or for_chat:
        raise later("user" if for_user >= for_chat else "chat", max(for_user, for_chat))


_Turn = asyncio.Future[None]
_Lines = OrderedDict[str, deque[_Turn]]  # of one lane, by chat: whose turn is next, first


class FairTurns:
    """At most `at_once` hold a turn; at most `most` wait for one, and those of different chats get it by rotation, a lane
    after the other.

    No chat takes more than seven eighths of the places to wait, so that there is room for the others.
    `changed` is told how many wait, whenever that changes.
    """

    def __init__(
        self,
        at_once: int,
        most: int,
        changed: Callable[[int], object] = lambda waiting: None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._free, self._most, self._changed, self._clock = at_once, most, changed, clock
        self._most_of_a_chat = max(1, most - max(1, most // 8))
        self._waiting: dict[Lane, _Lines] = {lane: OrderedDict() for lane in Lane}
        self._places: dict[_Turn, list[tuple[Lane, str]]] = {}  # where each stands who waits
        self._named: dict[str, _Turn] = {}
        self._count = 0
        self._pace = 0.2  # seconds from one given turn to the next, while there are some who wait
        self._given: float | None = None

    def __len__(self) -> int:
        return self._count

    @asynccontextmanager
    async def turn(self, chat: str, lane: Lane = Lane.PERSON, name: str = "") -> AsyncIterator[None]:
        """Hold a turn inside of `async with`. Raises TryLater when too many wait already. `name` is for `also`."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(chat, lane, name)
        try:
            yield
        finally:
            self._pass_on()

    def also(self, name: str, chat: str, lane: Lane) -> None:
        """Another chat wants what waits under `name`: it stands in that chat's line too, and takes the turn that comes
        first. Nothing happens when it waits no more."""
        turn = self._named.get(name)
        if turn in self._places and (lane, chat) not in self._places[turn]:
            self._stand(turn, lane, chat)

    async def _wait(self, chat: str, lane: Lane, name: str) -> None:
        of_chat = sum(len(lines[chat]) for lines in self._waiting.values() if chat in lines)
        if self._count >= self._most or of_chat >= self._most_of_a_chat:
            raise later("queue", min(LONGEST_WAIT, self._pace * self._count))
        turn: _Turn = asyncio.get_running_loop().create_future()
        self._places[turn] = []
        self._stand(turn, lane, chat)
        self._counted(+1)
        if name:
            self._named[name] = turn
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the turn came at the same moment
                self._pass_on()
            elif turn in self._places:
                self._leave(turn)
            raise
        finally:
            if self._named.get(name) is turn:
                del self._named[name]

    def _stand(self, turn: _Turn, lane: Lane, chat: str) -> None:
        self._waiting[lane].setdefault(chat, deque()).append(turn)
        self._places[turn].append((lane, chat))

    def _leave(self, turn: _Turn) -> None:
        for lane, chat in self._places.pop(turn):
            lines = self._waiting[lane]
            lines[chat].remove(turn)
            if not lines[chat]:
                del lines[chat]
        self._counted(-1)

    def _pass_on(self) -> None:
        while lines := next((lines for lines in self._waiting.values() if lines), None):
            chat, line = next(iter(lines.items()))
            turn = line[0]
            self._leave(turn)
            if chat in lines:
                lines.move_to_end(chat)  # at the end of the rotation
            if not turn.cancelled():
                self._measure(self._clock())
                turn.set_result(None)
                return
        self._free += 1
        self._given = None

    def _measure(self, now: float) -> None:
        if self._given is not None:
            self._pace += 0.1 * (now - self._given - self._pace)
        self._given = now

    def _counted(self, change: int) -> None:
        self._count += change
        self._changed(self._count)


def later(reason: str, seconds: float) -> TryLater:
    """TryLater with the sentence for `reason` and at least `seconds` to wait."""
    wait = max(1, math.ceil(seconds))
    return TryLater(wait, say(f"later.{reason}", wait=duration(wait)), f"later.{reason}")
