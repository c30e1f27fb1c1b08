"""What Candid remembers: servers' settings, accepted requests, recent verdicts, reports, cases. No picture.

Every change is a single statement, and with that a transaction of its own, committed when the method returns: a `kill -9`
loses nothing that was promised, and a cancelled caller leaves nothing half done. See bot/database.py for which database.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from bot.database import Database, SqliteDatabase, Value
from bot.secret import Secret

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
T = TypeVar("T")

DAY = 86_400.0
LONGEST_REPORT = 1000  # characters


class Store:
    """All times are unix seconds. Servers are named like "discord:123" or "telegram:-100"."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.change, self.rows, self.scrub = database.change, database.rows, database.scrub

    @classmethod
    async def open(cls, where: Path | Secret) -> "Store":
        """Open or create the database: a file (":memory:" for one that is forgotten), or Postgres by its address.

        SettingsError when it can't be used.
        """
        if isinstance(where, Path):
            return cls(await SqliteDatabase.open(where))
        from bot.scale import require

        require()
        from bot.scale.postgres import PostgresDatabase

        return cls(await PostgresDatabase.open(where))

    async def close(self) -> None:
        """Finish what was begun, and close the database."""
        await self._database.close()

    # Settings of a server

    async def setting(self, server: str, key: str, default: T) -> T:
        """One setting, or `default` where the server has none."""
        rows = await self.rows(
            "SELECT value FROM settings WHERE server = ? AND key = ? ORDER BY id DESC LIMIT 1", (server, key)
        )
        value: T = json.loads(rows[0]["value"]) if rows else default
        return value

    async def server_settings(self, server: str) -> dict[str, Json]:
        """Every setting that the server has."""
        rows = await self.rows(
            "SELECT key, value FROM settings WHERE id IN (SELECT max(id) FROM settings WHERE server = ? GROUP BY key)",
            (server,),
        )
        return {row["key"]: json.loads(row["value"]) for row in rows}

    async def change_setting(self, server: str, key: str, value: Json, by: str) -> None:
        """Set it; what it was before stays in `audit`."""
        await self.change_settings(server, {key: value}, by)

    async def change_settings(self, server: str, changes: Mapping[str, Json], by: str) -> None:
        """Set several at once, all or none."""
        if not changes:
            return
        now = time.time()
        values: list[Value] = []
        for key, value in changes.items():
            values += [server, key, json.dumps(value, ensure_ascii=False), by, now]
        rows = ", ".join("(?, ?, ?, ?, ?)" for _ in changes)
        await self.change(f"INSERT INTO settings (server, key, value, changed_by, changed) VALUES {rows}", values)

    async def audit(self, server: str) -> list[dict[str, Json]]:
        """Every change of the server's settings, oldest first: key, value, changed_by, changed."""
        rows = await self.rows(
            "SELECT key, value, changed_by, changed FROM settings WHERE server = ? ORDER BY id", (server,)
        )
        return [{**dict(row), "value": json.loads(row["value"])} for row in rows]

    # Recent verdicts

    async def keep_verdict(self, sha256: str, model: str, verdict: dict[str, Json]) -> None:
        """Remember what `model` said about a picture; a later verdict of the same model replaces it."""
        await self.change(
            "INSERT INTO verdicts (sha256, model, verdict, judged) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (sha256, model) DO UPDATE SET verdict = excluded.verdict, judged = excluded.judged",
            (sha256, model, json.dumps(verdict), time.time()),
            again=True,
        )

    async def verdict(self, sha256: str, model: str | None = None) -> dict[str, Json] | None:
        """The newest verdict on a picture, by its hash or the first digits of it; of `model` if one is named."""
        rows = await self.rows(
            "SELECT verdict FROM verdicts WHERE sha256 >= ? AND sha256 < ? AND model = coalesce(?, model) "
            "ORDER BY judged DESC LIMIT 1",
            (sha256, sha256 + "g", model),  # "g" comes after every hexadecimal digit
        )
        found: dict[str, Json] | None = json.loads(rows[0]["verdict"]) if rows else None
        return found

    # Reports of wrong verdicts

    async def keep_report(
        self, sha256: str, model: str, verdict: dict[str, Json], chat: str, person: str, says: str
    ) -> bool:
        """False when this person has reported this picture before."""
        changed = await self.change(
            "INSERT INTO reports (sha256, model, verdict, chat, person, says, reported) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (sha256, person) DO NOTHING",
            (sha256, model, json.dumps(verdict), chat, person, says[:LONGEST_REPORT], time.time()),
        )
        return changed == 1

    async def reports_of(self, person: str, since: float) -> int:
        """How many pictures this person has reported since then."""
        count = "SELECT count(*) AS count FROM reports WHERE person = ? AND reported > ?"
        return int((await self.rows(count, (person, since)))[0]["count"])

    async def reports(self, sha256: str) -> list[dict[str, Json]]:
        """Every report of a picture, oldest first."""
        rows = await self.rows("SELECT * FROM reports WHERE sha256 = ? ORDER BY reported", (sha256,))
        return [{**dict(row), "verdict": json.loads(row["verdict"])} for row in rows]

    async def purge(self, keep_days: float) -> int:
        """Forget what is older than `keep_days`, and answered requests after a day; returns how many rows went.

        Settings stay: they are the servers' own.
        """
        now = time.time()
        before = now - keep_days * DAY
        gone = await self.change("DELETE FROM verdicts WHERE judged < ?", (before,))
        gone += await self.change("DELETE FROM reports WHERE reported < ?", (before,))
        gone += await self.change("DELETE FROM cases WHERE coalesce(decided, appealed, opened) < ?", (before,))
        gone += await self.change("DELETE FROM votes WHERE case_id NOT IN (SELECT id FROM cases)")
        gone += await self.change("DELETE FROM mutes WHERE ends < ?", (now,))
        gone += await self.change("DELETE FROM quotas WHERE day < ?", (int(now // DAY),))
        gone += await self.change("DELETE FROM inbox WHERE done < ?", (now - DAY,))
        gone += await self.change("DELETE FROM inbox WHERE accepted < ?", (before,))  # of a platform that was given up
        await self.scrub()
        return gone
