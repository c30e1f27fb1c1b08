"""Which processes share the database, and which of them have ended, so that others take up what those had accepted.

A process counts its heartbeats in a row of its own. Who sees that a count has stood still for `LEASE_SECONDS`, by its own
clock, strikes the row out: no two machines' clocks are compared, and who could not look for a while begins to watch anew, so
that a database that was away ends nobody. A process that was only slow writes its row again; what was taken from it meanwhile
is not its any more, and the inbox tells it so before it answers.
"""

import asyncio
import logging
import sqlite3
import time
from uuid import uuid4

from bot.store import Store

log = logging.getLogger(__name__)

BEAT_SECONDS = 2.0
LEASE_SECONDS = 15.0


class Presence:
    """This process among those that share a database. `role` is what only one of several does (see `first`)."""

    def __init__(self, store: Store, role: str = "") -> None:
        self.name = uuid4().hex
        self._store, self._role = store, role
        self._seen: dict[str, tuple[int, float]] = {}  # of each process its count, and since when it has stood there
        self._looked = time.monotonic()
        self._first = False
        self._beating: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """From now on it is known; before that nothing may be accepted in its name."""
        await self._beat()
        self._beating = asyncio.create_task(self._go_on())

    async def close(self) -> None:
        """It ends: what it leaves open is the others', from now on."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        try:
            await self._strike(self.name)
        except sqlite3.Error as error:
            log.warning(
                "The database did not hear that this process ends (%s); the others find out by themselves", error
            )

    @property
    def first(self) -> bool:
        """Whether this process is the oldest of those with its role."""
        return self._first

    async def _go_on(self) -> None:
        failed = False
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await self._beat()
                failed = False
            except sqlite3.Error as error:
                if not failed:
                    log.warning("The database does not hear from this process (%s); trying again", error)
                failed = True

    async def _beat(self) -> None:
        known = await self._store.change("UPDATE processes SET beats = beats + 1 WHERE name = ?", (self.name,))
        if not known:
            if self.name in self._seen:
                log.warning("This process was silent for so long that others may have taken up what it had accepted")
            await self._store.change(
                "INSERT INTO processes (name, role, beats) VALUES (?, ?, 0) ON CONFLICT (name) DO NOTHING",
                (self.name, self._role),
            )
        rows = await self._store.rows("SELECT name, role, beats FROM processes ORDER BY id")
        now, before = time.monotonic(), self._seen
        if now - self._looked > max(
            LEASE_SECONDS / 2, 2.5 * BEAT_SECONDS
        ):  # the others may have been kept from it by the same
            before = {}
        self._looked = now
        self._seen = {
            name: before[name] if before.get(name, (None, 0))[0] == beats else (beats, now) for name, _, beats in rows
        }
        for name, (beats, since) in self._seen.items():
            if name != self.name and now - since > LEASE_SECONDS and await self._strike(name, beats):
                log.warning("A process that shares the database has ended without a word")
        self._first = next((name for name, role, _ in rows if role == self._role), None) == self.name

    async def _strike(self, name: str, beats: int | None = None) -> bool:
        """Take a process off the list; with `beats` only if it has been silent since."""
        return bool(
            await self._store.change(
                "DELETE FROM processes WHERE name = ? AND beats = coalesce(?, beats)", (name, beats)
            )
        )
