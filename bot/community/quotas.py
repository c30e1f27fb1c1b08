"""How much a server lets its members ask for, within what the host allows anyway.

Counted in memory: a restart gives everybody a fresh start, which costs the host nothing, as the host's limits stay.
"""

import math
import time
from collections.abc import Callable

from bot.community.rules import Rules
from bot.limits import Buckets, Clock
from bot.wording import refuse

DAY = 86_400


class Quotas:
    """`clock` measures minutes, `today` days (unix seconds)."""

    def __init__(self, clock: Clock = time.monotonic, today: Callable[[], float] = time.time) -> None:
        self._clock, self._today = clock, today
        self._people: dict[float, Buckets] = {}  # by pictures a minute
        self._servers: dict[str, int] = {}  # how many since midnight (UTC)
        self._day = 0

    def take(self, server: str, person: str, rules: Rules) -> None:
        """One picture for `person` in `server`; raises Refusal when one of its quotas is used up, and then takes none."""
        day = int(self._today() // DAY)
        if day != self._day:
            self._day = day
            self._servers.clear()
            self._people.clear()
        used = self._servers.get(server, 0)
        if rules.per_server_per_day is not None and used >= rules.per_server_per_day:
            raise refuse("quota", "community.quota-server", most=rules.per_server_per_day)
        if rules.per_user_per_minute is not None:
            self._take_of(f"{server} {person}", rules.per_user_per_minute)
        self._servers[server] = used + 1

    def _take_of(self, key: str, per_minute: float) -> None:
        burst = max(1, math.floor(per_minute))
        buckets = self._people.setdefault(per_minute, Buckets(burst, per_minute, self._clock))
        wait = buckets.wait(key)
        if wait:
            raise refuse("quota", "community.quota-user", seconds=math.ceil(wait))
        buckets.take(key)
