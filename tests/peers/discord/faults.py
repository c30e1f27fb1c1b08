"""What goes wrong on the way: error statuses, limits out of nowhere, connections reset before or after the work."""

import random
import re
import socket
import struct
from dataclasses import dataclass, field

from aiohttp import web

SENDS = r"(POST|PATCH) /(channels/\d+/messages|webhooks/.+|interactions/.+/callback)"
"""Everything that puts an answer in front of a person."""


@dataclass(frozen=True)
class Status:
    """An error status with an HTML body, as a proxy in front of Discord gives it."""

    status: int


@dataclass(frozen=True)
class Cloudflare:
    """429 without bucket, without `Via`, without JSON: the edge in front of Discord refuses."""

    retry_after: float = 0.2


@dataclass(frozen=True)
class GlobalLimit:
    """429 with `global: true`."""

    retry_after: float = 0.2


@dataclass(frozen=True)
class Reset:
    """ECONNRESET. `after` first does the work, so that only the answer is lost."""

    after: bool = False


Fault = Status | Cloudflare | GlobalLimit | Reset


@dataclass
class _Planned:
    where: re.Pattern[str]
    fault: Fault
    left: int


@dataclass
class Faults:
    """What is planned to go wrong, and what did."""

    planned: list[_Planned] = field(default_factory=list)
    happened: list[tuple[str, Fault]] = field(default_factory=list)
    _rate: float = 0.0
    _kinds: tuple[Fault, ...] = ()
    _dice: random.Random = field(default_factory=lambda: random.Random(0))
    _where: re.Pattern[str] = field(default_factory=lambda: re.compile(SENDS))

    def add(self, where: str, fault: Fault, times: int = 1) -> None:
        """The next `times` requests that match `where` ("POST /channels/...") go wrong."""
        self.planned.append(_Planned(re.compile(where), fault, times))

    def flaky(self, rate: float, *kinds: Fault, where: str = SENDS, seed: int = 0) -> None:
        """From now on a share of all requests that match go wrong. A rate of 0 ends it."""
        self._rate, self._kinds, self._where, self._dice = rate, kinds, re.compile(where), random.Random(seed)

    def pick(self, method: str, path: str) -> Fault | None:
        request = f"{method} {path}"
        for plan in self.planned:
            if plan.left > 0 and plan.where.match(request):
                plan.left -= 1
                self.happened.append((request, plan.fault))
                return plan.fault
        if self._rate and self._where.match(request) and self._dice.random() < self._rate:
            fault = self._dice.choice(self._kinds)
            self.happened.append((request, fault))
            return fault
        return None


def reset(request: web.BaseRequest) -> web.Response:
    """Cut the connection so that the other side reads ECONNRESET, not a clean end. The response goes nowhere."""
    transport = request.transport
    if transport is not None:
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


def response(fault: Fault) -> web.Response:
    """What the client gets for a fault that answers at all."""
    match fault:
        case Status(status):
            headers = {"Via": "1.1 google"}
            return web.Response(status=status, text="<html>error</html>", content_type="text/html", headers=headers)
        case Cloudflare(seconds):
            headers = {"Retry-After": str(seconds)}
            return web.Response(status=429, text="error code: 1015", content_type="text/html", headers=headers)
        case GlobalLimit(seconds):
            headers = {"Via": "1.1 google", "X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"}
            headers["Retry-After"] = str(seconds)
            body = {"message": "You are being rate limited.", "retry_after": seconds, "global": True}
            answer = web.json_response(body, status=429, headers=headers)
            answer.headers["Content-Type"] = "application/json"
            return answer
        case Reset():
            raise AssertionError("a reset has no response")
