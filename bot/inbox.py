"""Accepted requests, written down until they are answered, so that a crash loses none and answers none twice.

A row holds ids and addresses, never pixels. An answered request is remembered for a day: platforms deliver an event again after
a reconnect, and it must not be answered again.
"""

import json
import time
from dataclasses import dataclass

from bot.store import Json, Store


@dataclass(frozen=True, slots=True)
class Request:
    """`key` names the event on its platform ("discord:message:42"); `payload` is what the adapter needs to take it up again."""

    key: str
    platform: str
    payload: dict[str, Json]
    accepted: float


class Inbox:
    """`fresh_seconds` is how long an accepted request is worth answering."""

    def __init__(self, store: Store, fresh_seconds: float) -> None:
        self._store = store
        self.fresh_seconds = fresh_seconds

    async def accept(self, key: str, platform: str, payload: dict[str, Json]) -> bool:
        """Write a request down. False when it was accepted before, answered or not: do nothing then."""
        changed = await self._store.change(
            "INSERT INTO inbox (key, platform, payload, accepted) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
            (key, platform, json.dumps(payload), time.time()),
        )
        return changed == 1

    async def update(self, key: str, **payload: Json) -> None:
        """Add to the payload of an open request, in one statement (the id of a placeholder message, say)."""
        await self._store.change(
            "UPDATE inbox SET payload = json_patch(payload, ?) WHERE key = ? AND done IS NULL", (json.dumps(payload), key)
        )

    async def done(self, key: str) -> None:
        """It was answered, or the person was told why not. What it held is forgotten; only its key is kept."""
        await self._store.change(
            "UPDATE inbox SET done = ?, payload = '{}' WHERE key = ? AND done IS NULL", (time.time(), key)
        )

    async def unanswered(self, platform: str) -> tuple[list[Request], list[Request]]:
        """At start-up: what is still fresh, and what came too long ago, each oldest first."""
        rows = await self._store.rows(
            "SELECT key, platform, payload, accepted FROM inbox WHERE platform = ? AND done IS NULL ORDER BY accepted", (platform,)
        )
        requests = [Request(row["key"], row["platform"], json.loads(row["payload"]), row["accepted"]) for row in rows]
        oldest = time.time() - self.fresh_seconds
        return [r for r in requests if r.accepted >= oldest], [r for r in requests if r.accepted < oldest]
