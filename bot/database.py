"""What the store needs of a database: SQLite in a file, or Postgres (bot/scale/postgres.py) for those who outgrow it.

SQL is written as SQLite understands it, "?" for values. Errors are PEP 249's, as sqlite3 names them, whichever database raises.
"""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import aiosqlite

from bot.errors import SettingsError, in_words
from bot.migrations import migrate

Value = None | int | float | str  # what stands in a column

BUSY_SECONDS = 5.0  # how long another process (a backup, say) may hold the database


class Database(Protocol):
    """Every change is a transaction of its own, committed when the method returns."""

    async def change(self, sql: str, values: Sequence[Value] = (), *, again: bool = False) -> int:
        """Run one changing statement; returns how many rows it changed.

        `again`: done twice is as good as done once, so that a broken connection need not be an error.
        """

    async def rows(self, sql: str, values: Sequence[Value] = ()) -> list[sqlite3.Row]:
        """Everything that a query finds."""
        ...

    async def scrub(self) -> None:
        """Overwrite what was deleted, where the database would keep it readable."""

    async def close(self) -> None:
        """Finish what was begun."""


class SqliteDatabase:
    """One connection to a file, write-ahead log: a `kill -9` loses nothing that was committed."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, path: Path) -> "SqliteDatabase":
        """Open or create the file (":memory:" for one that is forgotten); SettingsError when it can't be used."""
        try:
            _make(path)
            connection = await aiosqlite.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            why = in_words(error) if isinstance(error, OSError) else str(error)
            raise SettingsError(
                f"[store] path {str(path)!r} can't be opened ({why}); name a file in a folder that I may write to."
            ) from error
        try:
            connection.row_factory = sqlite3.Row
            await _write_ahead(connection)
            await connection.execute("PRAGMA synchronous = NORMAL")  # with WAL, safe against a killed process
            await connection.execute("PRAGMA secure_delete = ON")  # what is forgotten is overwritten
            await migrate(connection)
        except sqlite3.Error as error:
            await connection.close()
            raise SettingsError(
                f"[store] path {str(path)!r} can't be used ({error}); is it a database of mine, and may I write to it?"
            ) from error
        except BaseException:
            await connection.close()
            raise
        return cls(connection)

    async def change(self, sql: str, values: Sequence[Value] = (), *, again: bool = False) -> int:
        async with self._connection.execute(sql, values) as cursor:
            return cursor.rowcount

    async def rows(self, sql: str, values: Sequence[Value] = ()) -> list[sqlite3.Row]:
        return list(await self._connection.execute_fetchall(sql, values))

    async def scrub(self) -> None:
        """Empty the write-ahead log, in which forgotten rows are still to be read. Another process may prevent it."""
        await self.rows("PRAGMA wal_checkpoint(TRUNCATE)")

    async def close(self) -> None:
        await self._connection.close()


async def _write_ahead(connection: aiosqlite.Connection) -> None:
    """SQLite's busy timeout does not cover this change of mode, so two that open a new database at once would collide."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            await connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.02)


def _make(path: Path) -> None:
    if str(path) != ":memory:":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # it names people; the files that SQLite puts beside it inherit this
        # Fails here rather than in aiosqlite, whose thread would still report to an event loop that may be gone.
        sqlite3.connect(path).close()
