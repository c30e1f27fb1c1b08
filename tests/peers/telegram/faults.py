"""What goes wrong on purpose: faults for chosen methods, and the limits on how fast a bot may send."""

import random
import time
from dataclasses import dataclass
from enum import StrEnum

from tests.peers.telegram.world import Chat, Refused


class Trouble(StrEnum):
    """The kinds of faults."""

    BAD_GATEWAY = "502"
    TOO_MANY = "429"
    NOT_FOUND = "404"
    PROXY_NOT_FOUND = "404 of a proxy"
    RESET = "connection reset"
    TORN = "answer torn in the middle"
    GARBAGE = "answer that is no JSON"
    HANG = "no answer at all"


@dataclass
class Fault:
    """One fault. `after`: the method was carried out, only its answer is lost."""

    trouble: Trouble
    method: str = ""
    times: int = 1
    share: float = 1.0
    after: bool = False
    retry_after: int = 1


class Faults:
    """The faults that are waiting to happen."""

    def __init__(self, seed: int = 7) -> None:
        self._waiting: list[Fault] = []
        self._random = random.Random(seed)
        self.happened: list[tuple[str, Trouble]] = []

    def add(self, method: str, trouble: Trouble, **fields: float) -> None:
        """Let `trouble` happen to the next calls of `method` ("" is any); fields as in Fault."""
        self._waiting.append(Fault(trouble, method.casefold(), **fields))  # type: ignore[arg-type]

    def clear(self) -> None:
        """No more faults."""
        self._waiting.clear()

    def draw(self, method: str) -> Fault | None:
        """The fault that happens to this call."""
        for fault in self._waiting:
            if fault.method in ("", method) and (fault.share >= 1 or self._random.random() < fault.share):
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                self.happened.append((method, fault.trouble))
                return fault
        return None


@dataclass
class Pace:
    """How fast a bot may send: in all chats together, and in one group. Bursts up to these numbers are let through."""

    per_second: float = 30.0
    group_messages: float = 20.0
    group_seconds: float = 60.0


class Limits:
    """Leaky buckets; a call that overflows one is refused with 429 and the seconds to wait."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self.refused = 0
        self._level: dict[int, tuple[float, float]] = {}

    def spend(self, chat: Chat) -> None:
        """Count one message or edit."""
        self._pour(0, self.pace.per_second * 2, self.pace.per_second)
        if not chat.private:
            self._pour(chat.id, self.pace.group_messages, self.pace.group_messages / self.pace.group_seconds)

    def _pour(self, key: int, size: float, per_second: float) -> None:
        now = time.monotonic()
        level, since = self._level.get(key, (0.0, now))
        level = max(0.0, level - (now - since) * per_second)
        if level + 1 > size + 0.5:  # half a message of slack for clocks and the way of the packets
            self.refused += 1
            wait = max(1, round((level + 1 - size) / per_second))
            raise Refused(429, f"Too Many Requests: retry after {wait}", retry_after=wait)
        self._level[key] = (level + 1, now)
