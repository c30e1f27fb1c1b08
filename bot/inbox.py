"""Accepted requests, written down until they are answered, so that a crash loses none and answers none twice.

A row holds ids and addresses, never pixels. An answered request is remembered for a day: platforms deliver an event
again after a reconnect, and it must not be answered again.
"""

import asyncio
import json
import logging
import sqlite3
import time
from collections import Counter
from dataclasses import dataclass
from uuid import uuid4

from bot.presence import Presence
from bot.store import Json, Store

log = logging.getLogger(__name__)

_GROUP: dict[str, Json] = {"group": True}  # the payload of a row that stands for one
MOST_RESTARTS = 3  # a request that was open when Candid ended so often may be why: it isn't tried again


class TakenOver(Exception):
    """Another process has the request now, for this one was taken to have ended: it is left alone here."""


@dataclass(frozen=True, slots=True)
class Request:
    """`key` names the event on its platform ("discord/message/42"); `payload` is what its adapter needs to go on."""

    key: str
    platform: str
    payload: dict[str, Json]
    accepted: float  # unix seconds


class Inbox:
    """`fresh_seconds` is how long an accepted request is worth answering. One object a process.

    Where several processes share a database, `presence` tells which of them live: each takes up what those that have ended
    have left open, whichever comes first. Without it this process takes what there is to be its own.
    """

    def __init__(self, store: Store, fresh_seconds: float, presence: Presence | None = None) -> None:
        self._store = store
        self._process = presence.name if presence is not None else uuid4().hex
        self.shared = presence is not None
        self.fresh_seconds = fresh_seconds
        self._presence = presence
        self._coming: Counter[str] = Counter()  # being written down
        self._in_hand: set[str] = set()
        self._left: set[str] = set()  # struck off while it was looked for orphans
        self._owed: set[str] = set()  # answered, but the database could not be told yet
        self._looking = asyncio.Lock()

    @property
    def first(self) -> bool:
        """Whether this process is the one that does what several must not do at once."""
        return self._presence is None or self._presence.first

    async def accept(self, key: str, platform: str, payload: dict[str, Json], group: str = "") -> bool:
        """Write a request down. False when it was accepted before, answered or not: do nothing then.

        Requests of one `group` (the parts of an album) are one process' business, while the first of them is open: False also
        when that is another one, which finds it among its `orphans`. The key of the group is to be struck off like a request's.
        """
        self._coming[key] += 1
        try:
            if group and self.shared:
                await self._insert(group, platform, _GROUP)
            changed = await self._insert(key, platform, payload, group)
            mine = changed == 1 and (not (group and self.shared) or await self._has(key))
            if mine:
                self._in_hand.add(key)
            return mine
        finally:
            self._coming -= Counter([key])

    async def update(self, key: str, **payload: Json) -> None:
        """Change entries of an open request's payload (the id of a placeholder message, say); None takes one out.

        Raises TakenOver when another process has it, or has answered it.
        """
        mine, values = (" AND process = ?", (self._process,)) if self.shared else ("", ())
        changed = await self._store.change(
            f"UPDATE inbox SET payload = json_patch(payload, ?) WHERE key = ? AND done IS NULL{mine}",
            (json.dumps(payload), key, *values),
            again=True,
        )
        if self.shared and not changed:
            self._in_hand.discard(key)
            raise TakenOver(key)

    async def done(self, key: str) -> None:
        """It was answered, or the person was told why not. What it held is forgotten; only its key is kept."""
        try:
            await self._strike_off(key)
        except sqlite3.Error as error:
            if not self.shared:
                raise
            log.warning("The database does not hear that %s is answered (%s); trying again", key, error)
            self._owed.add(key)

    async def unanswered(self, platform: str) -> tuple[list[Request], list[Request]]:
        """At start-up, oldest first: what is to be answered, and what isn't any more (too old, or tried too often)."""
        await self._take_over(platform)
        return self._sorted(await self._open(platform))

    async def orphans(self, platform: str) -> tuple[list[Request], list[Request]]:
        """Now and then, where a database is shared: as `unanswered`, but only what this process has not in hand already."""
        async with self._looking:
            for key in tuple(self._owed):
                await self._strike_off(key)
                self._owed.discard(key)
            await self._take_over(platform)
            self._left.clear()
            before = self._in_hand | self._coming.keys()
            found = await self._open(platform)
            known = before | self._in_hand | self._coming.keys() | self._left
            return self._sorted([request for request in found if request[0].key not in known])

    async def _strike_off(self, key: str) -> None:
        await self._store.change(
            "UPDATE inbox SET done = ?, payload = '{}' WHERE key = ? AND done IS NULL", (time.time(), key), again=True
        )
        if self.shared:
            self._left.add(key)
        self._in_hand.discard(key)

    async def _insert(self, key: str, platform: str, payload: dict[str, Json], group: str = "") -> int:
        return await self._store.change(
            "INSERT INTO inbox (key, platform, payload, accepted, process) VALUES (?, ?, ?, ?, "
            "coalesce((SELECT process FROM inbox WHERE key = ? AND done IS NULL), ?)) ON CONFLICT (key) DO NOTHING",
            (key, platform, json.dumps(payload), time.time(), group, self._process),
            again=self.shared,  # one of which nobody knew whether it was written is an orphan, then
        )

    async def _has(self, key: str) -> bool:
        return bool(await self._store.rows("SELECT 1 FROM inbox WHERE key = ? AND process = ?", (key, self._process)))

    async def _take_over(self, platform: str) -> None:
        ended = " AND process NOT IN (SELECT name FROM processes)" if self.shared else ""
        await self._store.change(
            "UPDATE inbox SET restarts = restarts + 1, process = ? "
            f"WHERE platform = ? AND done IS NULL AND process <> ?{ended}",
            (self._process, platform, self._process),
            again=True,
        )

    async def _open(self, platform: str) -> list[tuple[Request, int]]:
        rows = await self._store.rows(
            "SELECT key, platform, payload, accepted, restarts FROM inbox "
            "WHERE platform = ? AND done IS NULL AND process = ? AND payload <> ? ORDER BY accepted",
            (platform, self._process, json.dumps(_GROUP)),
        )
        return [
            (Request(key, of, json.loads(payload), accepted), restarts) for key, of, payload, accepted, restarts in rows
        ]

    def _sorted(self, found: list[tuple[Request, int]]) -> tuple[list[Request], list[Request]]:
        fresh: list[Request] = []
        stale: list[Request] = []
        oldest = time.time() - self.fresh_seconds
        for request, restarts in found:
            self._in_hand.add(request.key)
            (fresh if request.accepted >= oldest and restarts <= MOST_RESTARTS else stale).append(request)
        return fresh, stale
