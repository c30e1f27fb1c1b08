"""How much a server lets its members ask for, within what the host allows anyway.

What a server has used of its day stands in the store, so that a restart gives nobody a second day and processes count
together; it is counted only where there is a limit. Minutes are counted in memory: a restart costs at most one of them.
"""

import math
import time
from collections.abc import Callable

from bot.community.rules import Rules
from bot.errors import Refusal
from bot.limits import Buckets, Clock
from bot.store import DAY, Store
from bot.wording import refuse


class Quotas:
    """`clock` measures minutes, `today` days (unix seconds)."""

    def __init__(self, store: Store, clock: Clock = time.monotonic, today: Callable[[], float] = time.time) -> None:
        self._store, self._clock, self._today = store, clock, today
        self._people: dict[float, Buckets] = {}  # by pictures a minute
        self._day = 0

    async def take(self, server: str, person: str, rules: Rules) -> None:
        """One picture for `person` in `server`; raises Refusal when one of its quotas is used up, and then takes none."""
        day, most = int(self._today() // DAY), rules.per_server_per_day
        if day != self._day:
            self._day = day
            self._people.clear()
        if most is not None and await self._used(server, day) >= most:
            raise _used_up(most)
        if rules.per_user_per_minute is not None:
            self._take_of(f"{server} {person}", rules.per_user_per_minute)
        if most is not None and not await self._count(server, day, most):  # others took the last one meanwhile
            raise _used_up(most)

    async def used(self, server: str) -> int:
        """How many a server with a daily limit has used today."""
        return await self._used(server, int(self._today() // DAY))

    async def move(self, old: str, new: str) -> None:
        """A server has a new name: what it has used moves with it."""
        await self._store.change("UPDATE OR IGNORE quotas SET server = ? WHERE server = ?", (new, old))

    async def _used(self, server: str, day: int) -> int:
        rows = await self._store.rows("SELECT used FROM quotas WHERE server = ? AND day = ?", (server, day))
        return int(rows[0]["used"]) if rows else 0

    async def _count(self, server: str, day: int, most: int) -> bool:
        """Count one more, if there is one left: in a single statement, for several may ask at once."""
        changed = await self._store.change(
            "INSERT INTO quotas (server, day, used) VALUES (?, ?, 1) "
            "ON CONFLICT (server, day) DO UPDATE SET used = quotas.used + 1 WHERE quotas.used < ?",
            (server, day, most),
        )
        return changed == 1

    def _take_of(self, key: str, per_minute: float) -> None:
        burst = max(1, math.floor(per_minute))
        buckets = self._people.setdefault(per_minute, Buckets(burst, per_minute, self._clock))
        wait = buckets.wait(key)
        if wait:
            raise refuse("quota", "community.quota-user", seconds=math.ceil(wait))
        buckets.take(key)


def _used_up(most: int) -> Refusal:
    return refuse("quota", "community.quota-server", most=most)
