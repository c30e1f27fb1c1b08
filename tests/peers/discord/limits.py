"""Discord's rate limits: a window per route and channel, headers on every answer, 429 beyond."""

import hashlib
import re
import time
from dataclasses import dataclass, field

from aiohttp import web

ROUTES: dict[str, tuple[int, float]] = {
    r"POST /channels/(\d+)/messages$": (5, 5.0),
    r"PUT /channels/(\d+)/messages/\d+/reactions/.*": (1, 0.25),
    r"(?:GET|PATCH) /channels/(\d+)/messages.*": (5, 5.0),
    r"(?:POST|GET|PATCH|DELETE) /webhooks/(.+?/.+?)(?:/.*)?$": (5, 2.0),
    r"PUT /applications/(\d+)/commands$": (5, 20.0),
    r"POST /users/@me/channels()$": (10, 10.0),
}
"""Requests a window, and the window in seconds. Interaction callbacks have no limit."""


@dataclass
class _Window:
    opened: float
    used: int = 0


@dataclass
class Limits:
    """Counts requests. `routes` may be changed by a test."""

    routes: dict[str, tuple[int, float]] = field(default_factory=lambda: dict(ROUTES))
    per_second: int = 50
    refused: int = 0
    _windows: dict[tuple[str, str], _Window] = field(default_factory=dict)
    _second: _Window = field(default_factory=lambda: _Window(0.0))

    def check(self, method: str, path: str) -> tuple[dict[str, str], web.Response | None]:
        """The headers for the answer, and the 429 if this request is one too many."""
        if path.startswith("/interactions/"):
            return {}, None
        now = time.time()
        if now - self._second.opened >= 1:
            self._second = _Window(now)
        self._second.used += 1
        if self._second.used > self.per_second:
            wait = self._second.opened + 1 - now
            return {}, self._refuse(wait, {"X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"}, True)
        for pattern, (limit, seconds) in self.routes.items():
            found = re.match(pattern, f"{method} {path}")
            if found is None:
                continue
            key = (pattern, found.group(1))
            window = self._windows.get(key)
            if window is None or now - window.opened >= seconds:
                window = self._windows[key] = _Window(now)
            window.used += 1
            wait = max(0.0, window.opened + seconds - now)
            headers = {
                "X-RateLimit-Limit": str(limit),
                "X-RateLimit-Remaining": str(max(0, limit - window.used)),
                "X-RateLimit-Reset": f"{window.opened + seconds:.3f}",
                "X-RateLimit-Reset-After": f"{wait:.3f}",
                "X-RateLimit-Bucket": hashlib.sha1(pattern.encode()).hexdigest(),
            }
            if window.used > limit:
                return headers, self._refuse(wait, headers | {"X-RateLimit-Scope": "user"}, False)
            return headers, None
        return {}, None

    def _refuse(self, wait: float, headers: dict[str, str], everywhere: bool) -> web.Response:
        self.refused += 1
        body = {"message": "You are being rate limited.", "retry_after": round(wait, 3), "global": everywhere}
        headers = headers | {"Retry-After": f"{wait:.3f}"}
        return web.json_response(body, status=429, headers=headers)
