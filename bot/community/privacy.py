"""What is kept about a person: all of it shown, all of it erased, and how long it stays.

`HELD` names every column that holds a person; a test looks at the schema for one that was left out.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from sqlite3 import Row
from typing import Any

from bot.community.cases import MUTE_DAYS
from bot.community.review import Review
from bot.store import Json, Store
from bot.wording import DEFAULT, say

SOMEONE = "someone"

_JSON = ("verdict", "value", "payload")  # columns that hold JSON


class Forgotten(StrEnum):
    """What forgetting does with a row that names the person."""

    ROW = "row"  # the row goes
    NAME = "name"  # the row is somebody else's too: only the name goes
    NOTHING = "nothing"  # kept, for it is what the person asked for, or ends soon by itself; `words` says so


@dataclass(frozen=True, slots=True)
class Held:
    """A column that names people. `columns` are what such a row says about them; the rest of it is about others."""

    name: str  # in an export
    table: str
    column: str
    columns: tuple[str, ...]
    forgotten: Forgotten


HELD = (
    Held("opted_out", "members", "person", ("opted_out",), Forgotten.NOTHING),
    Held("muted", "mutes", "person", ("server", "ends"), Forgotten.NOTHING),
    Held("reports", "reports", "person", ("sha256", "model", "verdict", "chat", "says", "reported"), Forgotten.ROW),
    Held(
        "cases",
        "cases",
        "author",
        ("server", "sha256", "model", "label", "link", "opened", "appeal", "appealed", "decision", "decided"),
        Forgotten.ROW,
    ),
    Held("decisions", "cases", "decided_by", ("server", "sha256", "decision", "decided"), Forgotten.NAME),
    Held("votes", "votes", "moderator", ("case_id", "label", "voted"), Forgotten.ROW),
    Held("reviews", "review_people", "person", ("server", "sha256", "part", "since"), Forgotten.ROW),
    Held("review_votes", "review_votes", "moderator", ("server", "sha256", "label", "voted"), Forgotten.ROW),
    Held("settings_changed", "settings", "changed_by", ("server", "key", "value", "changed"), Forgotten.NAME),
)


class Privacy:
    """`keep_days` is how long everything stays anyway, but for pictures that `review` keeps."""

    def __init__(self, store: Store, keep_days: int, review: Review | None = None) -> None:
        self._store, self._keep_days, self._review = store, keep_days, review

    async def export(self, person: str) -> dict[str, Json]:
        """Every row about the person, as plain values; what a row says about others is left out."""
        found: dict[str, Json] = {"person": person}
        for held in HELD:
            names = ", ".join(held.columns)
            rows = await self._store.rows(f"SELECT {names} FROM {held.table} WHERE {held.column} = ?", (person,))
            found[held.name] = [_plain(row, person) for row in rows]
        exempt = await self._store.rows(
            f"SELECT server FROM settings WHERE key = 'exempt_users' AND id IN ({_NEWEST}) AND instr(value, ?) > 0",
            (json.dumps(person),),
        )
        found["exempt_in"] = [row["server"] for row in exempt]
        own = await self._store.rows(
            f"SELECT key, value FROM settings WHERE id IN ({_NEWEST}) AND server = ?", _chat(person)
        )
        found["settings"] = [_plain(row, person) for row in own]
        waiting = await self._store.rows(
            f"SELECT key, CASE WHEN {_OWN} THEN payload ELSE '{{}}' END AS payload, accepted FROM inbox "
            f"WHERE {_ASKED} OR {_ABOUT}",
            (*_split(person), *_asked(person), *_split(person)),
        )
        found["requests"] = [_plain(row, person) for row in waiting]
        return found

    async def forget(self, person: str) -> int:
        """Erase the person's rows, and the name from those of others; returns how many rows that changed.

        What stays: an opt-out, a running mute, and an exemption that a server's admins have set. A question that is
        just being answered is erased with its answer.
        """
        change = self._store.change
        gone = await self._review.forget(person) if self._review else 0
        gone += await change("DELETE FROM votes WHERE case_id IN (SELECT id FROM cases WHERE author = ?)", (person,))
        for held in HELD:
            if held.forgotten is Forgotten.ROW:
                gone += await change(f"DELETE FROM {held.table} WHERE {held.column} = ?", (person,))
            elif held.forgotten is Forgotten.NAME:
                sql = f"UPDATE {held.table} SET {held.column} = ? WHERE {held.column} = ?"
                gone += await change(sql, (SOMEONE, person))
        gone += await change(
            f"UPDATE settings SET value = replace(value, ?, ?) "
            f"WHERE key = 'exempt_users' AND id NOT IN ({_NEWEST}) AND instr(value, ?) > 0",
            (json.dumps(person), json.dumps(SOMEONE), json.dumps(person)),
        )
        gone += await change("DELETE FROM settings WHERE server = ?", _chat(person))
        gone += await change(f"DELETE FROM inbox WHERE done IS NOT NULL AND {_ASKED}", _asked(person))
        await self._store.scrub()
        return gone

    def words(self, language: str = DEFAULT) -> str:
        """What is kept and for how long, for whoever asks."""
        words = say("community.privacy", language, days=self._keep_days, mute=round(MUTE_DAYS))
        words += "\n" + say("community.privacy-log", language, days=self._keep_days)
        if self._review is not None and self._review.enabled:
            words += "\n" + say("community.privacy-review", language, days=self._review.keep_days)
        return words

    def erased(self, count: int, left: int, language: str = DEFAULT) -> str:
        """What `forget` has done: `count` rows went, and `left` messages in log channels could not be changed."""
        key = "community.privacy-erased" if count else "community.privacy-nothing"
        lines = [say(key, language, count=count, mute=round(MUTE_DAYS))]
        lines += [say("community.privacy-left", language, count=left)] if left else []
        return "\n".join([*lines, say("community.privacy-old", language, days=self._keep_days)])


_NEWEST = "SELECT max(id) FROM settings GROUP BY server, key"
# Requests of a person: by the asker's number in their payload, or because they stand in the person's private chat. Those
# of others about a person's picture name its author, or who first sent it.
_OWN = "(platform = ? AND json_extract(payload, '$.user') = ?)"
_ASKED = f"({_OWN} OR (key >= ? AND key < ?))"
_ABOUT = "(platform = ? AND ? IN (json_extract(payload, '$.author'), json_extract(payload, '$.origin')))"


def _asked(person: str) -> tuple[str, int, str, str]:
    platform, number = _split(person)
    return platform, number, f"{platform}:{number}/", f"{platform}:{number}0"  # "0" comes after "/"


def _chat(person: str) -> tuple[str]:
    """The server that is nobody else's: a private chat on Telegram has its person's number."""
    platform, number = _split(person)
    return (f"{platform}:{number}" if platform == "telegram" else "",)


def _split(person: str) -> tuple[str, int]:
    platform, _, number = person.partition(":user/")
    return platform, int(number) if number.lstrip("-").isdecimal() else 0


def _plain(row: Row, person: str) -> dict[str, Json]:
    plain: dict[str, Any] = dict(row)
    for column in _JSON:
        if column in plain:
            plain[column] = json.loads(plain[column])
    if "payload" in plain:
        plain["payload"].pop("token", None)  # with it anybody could answer in Candid's name
    if plain.get("key") == "exempt_users":  # the others in it are none of this person's business
        plain["value"] = [one for one in plain["value"] or () if one == person]
    return plain
