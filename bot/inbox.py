"""Accepted requests, written down until they are answered, so that a crash loses none and answers none twice.

A row holds ids and addresses, never pixels. An answered request is remembered for a day: platforms deliver an event
again after a reconnect, and it must not be answered again.
"""

import json
import time
from dataclasses import dataclass
from uuid import uuid4

from bot.store import Json, Store

MOST_RESTARTS = 3  # a request that was open when Candid ended so often may be why: it isn't tried again


@dataclass(frozen=True, slots=True)
class Request:
    """`key` names the event on its platform ("discord/message/42"); `payload` is what its adapter needs to go on."""

    key: str
    platform: str
    payload: dict[str, Json]
    accepted: float  # unix seconds


class Inbox:
    """`fresh_seconds` is how long an accepted request is worth answering. One object a process.

    `part` names what this process has where several share a database, its shards of Discord: after a restart it takes up what a
    process of the same part had left open, and not what another one is just answering.
    """

    def __init__(self, store: Store, fresh_seconds: float, part: str = "") -> None:
        self._store = store
        self._before = f"{part}#" if part else ""  # in front of the names of all processes of this part
        self._process = self._before + uuid4().hex
        self.fresh_seconds = fresh_seconds

    async def accept(self, key: str, platform: str, payload: dict[str, Json]) -> bool:
        """Write a request down. False when it was accepted before, answered or not: do nothing then."""
        changed = await self._store.change(
            "INSERT INTO inbox (key, platform, payload, accepted, process) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (key) DO NOTHING",
            (key, platform, json.dumps(payload), time.time(), self._process),
        )
        return changed == 1

    async def update(self, key: str, **payload: Json) -> None:
        """Change entries of an open request's payload (the id of a placeholder message, say); None takes one out."""
        await self._store.change(
            "UPDATE inbox SET payload = json_patch(payload, ?) WHERE key = ? AND done IS NULL",
            (json.dumps(payload), key),
        )

    async def done(self, key: str) -> None:
        """It was answered, or the person was told why not. What it held is forgotten; only its key is kept."""
        await self._store.change(
            "UPDATE inbox SET done = ?, payload = '{}' WHERE key = ? AND done IS NULL", (time.time(), key)
        )

    async def unanswered(self, platform: str) -> tuple[list[Request], list[Request]]:
        """At start-up, oldest first: what is to be answered, and what isn't any more (too old, or tried too often)."""
        of_this_part, place = (
            ("instr(process, ?) = 1", self._before) if self._before else ("instr(process, ?) = 0", "#")
        )
        await self._store.change(
            "UPDATE inbox SET restarts = restarts + 1, process = ? "
            f"WHERE platform = ? AND done IS NULL AND process <> ? AND {of_this_part}",
            (self._process, platform, self._process, place),
        )
        rows = await self._store.rows(
            "SELECT key, platform, payload, accepted, restarts FROM inbox "
            "WHERE platform = ? AND done IS NULL AND process = ? ORDER BY accepted",
            (platform, self._process),
        )
        fresh: list[Request] = []
        stale: list[Request] = []
        oldest = time.time() - self.fresh_seconds
        for key, of, payload, accepted, restarts in rows:
            request = Request(key, of, json.loads(payload), accepted)
            (fresh if accepted >= oldest and restarts <= MOST_RESTARTS else stale).append(request)
        return fresh, stale
