"""What Candid remembers, in SQLite: settings of servers, accepted requests, recent verdicts and reports. Never a picture.

One connection, write-ahead log; every change is committed before its method returns, so a `kill -9` loses nothing that was
promised. The schema grows by MIGRATIONS; a database of a newer Candid is refused rather than guessed at.
"""

import json
import sqlite3
import time
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from bot.errors import SettingsError
from bot.migrations import migrate

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
T = TypeVar("T")

BUSY_SECONDS = 5.0
DAY = 86_400.0


class Store:
    """All times are unix seconds. Servers are named like "discord:123" or "telegram:-100"."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, path: Path) -> "Store":
        """Open or create the database; raises SettingsError when it can't be used."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = await aiosqlite.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(f"[store] path {str(path)!r} can't be opened ({error}); name a file in a folder that I may write to.") from error
        try:
            connection.row_factory = sqlite3.Row
            await connection.execute("PRAGMA journal_mode = WAL")
            await connection.execute("PRAGMA synchronous = NORMAL")  # with WAL, safe against a killed process
            await connection.execute("PRAGMA foreign_keys = ON")
            await migrate(connection)
        except sqlite3.Error as error:
            await connection.close()
            raise SettingsError(f"[store] path {str(path)!r} can't be used ({error}); is it a database of mine, and may I write to it?") from error
        except BaseException:
            await connection.close()
            raise
        return cls(connection)

    async def close(self) -> None:
        await self._connection.close()

    async def change(self, sql: str, values: tuple[Any, ...] = ()) -> int:
        """Run one changing statement; returns how many rows it changed. One statement is one transaction."""
        cursor = await self._connection.execute(sql, values)
        try:
            return cursor.rowcount
        finally:
            await cursor.close()

    async def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        cursor = await self._connection.execute(sql, values)
        try:
            return list(await cursor.fetchall())
        finally:
            await cursor.close()

    # Settings of a server

    async def setting(self, server: str, key: str, default: T) -> T:
        """One setting, or `default` where the server has none."""
        rows = await self.rows("SELECT value FROM settings WHERE server = ? AND key = ?", (server, key))
        value: T = json.loads(rows[0]["value"]) if rows else default
        return value

    async def server_settings(self, server: str) -> dict[str, Json]:
        rows = await self.rows("SELECT key, value FROM settings WHERE server = ? ORDER BY key", (server,))
        return {row["key"]: json.loads(row["value"]) for row in rows}

    async def change_setting(self, server: str, key: str, value: Json, by: str) -> None:
        """Set it, and write down who did when. The row and its audit row stand or fall together (a trigger writes the second)."""
        await self.change(
            "INSERT INTO settings (server, key, value, changed_by, changed) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (server, key) DO UPDATE SET value = excluded.value, changed_by = excluded.changed_by, changed = excluded.changed",
            (server, key, json.dumps(value), by, time.time()),
        )

    async def audit(self, server: str) -> list[dict[str, Json]]:
        """Every change of the server's settings, oldest first: key, value, changed_by, changed."""
        rows = await self.rows("SELECT key, value, changed_by, changed FROM settings_audit WHERE server = ? ORDER BY id", (server,))
        return [{**dict(row), "value": json.loads(row["value"])} for row in rows]

    # Recent verdicts

    async def keep_verdict(self, sha256: str, model: str, verdict: dict[str, Json]) -> None:
        await self.change(
            "INSERT INTO verdicts (sha256, model, verdict, judged) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (sha256, model) DO UPDATE SET verdict = excluded.verdict, judged = excluded.judged",
            (sha256, model, json.dumps(verdict), time.time()),
        )

    async def verdict(self, sha256: str, model: str | None = None) -> dict[str, Json] | None:
        """The newest verdict on a picture, by its hash or the first 32 or more digits of it; of `model` if one is named."""
        named = "" if model is None else "AND model = ? "
        rows = await self.rows(
            f"SELECT verdict FROM verdicts WHERE sha256 >= ? AND sha256 < ? {named}ORDER BY judged DESC LIMIT 1",
            (sha256, sha256 + "g", *(() if model is None else (model,))),
        )
        found: dict[str, Json] | None = json.loads(rows[0]["verdict"]) if rows else None
        return found

    # Reports of wrong verdicts

    async def keep_report(self, sha256: str, model: str, chat: str, user: str, says: str) -> bool:
        """False when this person has reported this picture before."""
        changed = await self.change(
            "INSERT INTO reports (sha256, model, chat, user, says, reported) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (sha256, user) DO NOTHING",
            (sha256, model, chat, user, says, time.time()),
        )
        return changed == 1

    async def reports(self, sha256: str) -> list[dict[str, Json]]:
        rows = await self.rows("SELECT * FROM reports WHERE sha256 = ? ORDER BY id", (sha256,))
        return [dict(row) for row in rows]

    async def purge(self, keep_days: float) -> int:
        """Forget verdicts and reports older than `keep_days`, and answered requests older than a day; returns how many rows went."""
        before = time.time() - keep_days * DAY
        gone = await self.change("DELETE FROM verdicts WHERE judged < ?", (before,))
        gone += await self.change("DELETE FROM reports WHERE reported < ?", (before,))
        gone += await self.change("DELETE FROM inbox WHERE done IS NOT NULL AND done < ?", (time.time() - DAY,))
        return gone
