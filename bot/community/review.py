"""Review: reported and appealed pictures of servers that want it, which moderators label so that the next model learns.

Nobody's single word is enough. A label is approved when it leads by two: each moderator's vote is one, and a trusted
signature in the file that says AI is one more. Whoever posted or reported the picture has no vote on it, and votes
count in the server that they were given in. A signature that says camera proves nothing: a screen can be photographed.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import Collection
from dataclasses import dataclass
from sqlite3 import Row
from typing import Literal

from bot.community.members import Members
from bot.community.rules import Rules
from bot.community.strongbox import Strongbox
from bot.errors import Refusal
from bot.evidence import says_ai
from bot.intake import decode
from bot.looks import alike, looks
from bot.settings import Settings
from bot.store import DAY, Store
from bot.verdict import Label, Strength, Verdict

log = logging.getLogger(__name__)

A_DAY_OF_A_PERSON = 5  # pictures that one person may have posted, or reported
A_DAY_OF_A_SERVER = 50
LEAD = 2  # votes that a label must be ahead
_STRAY_SECONDS = 3600.0  # after which a file without a row belongs to nobody any more

Source = Literal["report", "appeal"]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A kept picture, and how the votes stand. `verdict` is what the model said; `author` is empty once forgotten."""

    server: str
    sha256: str
    looks: int
    source: str
    verdict: Label
    proof: bool
    says_ai: int
    says_real: int
    kept: float
    voted: float | None
    author: str

    @property
    def label(self) -> Label | None:
        """The approved label, if there is one."""
        lead = self.says_ai + self.proof - self.says_real
        return Label.AI if lead >= LEAD else Label.REAL if lead <= -LEAD else None


class Review:
    """Keeps nothing unless the host has named a directory and the server has opted in."""

    def __init__(self, store: Store, settings: Settings) -> None:
        """Raises SettingsError for a REVIEW_KEY that can't be used here."""
        self._store, self._settings, self._checks = store, settings.review, settings.checks
        self._members = Members(store)
        self.box = Strongbox.of(settings.review)
        self._changing = (
            asyncio.Lock()
        )  # a picture is kept, or erased, but never both at once; votes don't wait for that

    @property
    def enabled(self) -> bool:
        """Whether servers of this Candid can opt in."""
        return self.box is not None

    @property
    def keep_days(self) -> int:
        """How long a picture stays at most."""
        return self._settings.keep_days

    async def keep(
        self, server: str, data: bytes, verdict: Verdict, author: str, reporter: str, source: Source, rules: Rules
    ) -> bool:
        """Keep a picture to be labelled; true when it is there now.

        False: nobody wants that here, the author has opted out, a cap is reached, or a copy of it is there already.
        """
        if self.box is None or not rules.review:
            return False
        async with self._changing:
            if await self._members.opted_out(author):
                return False
            now = time.time()
            if await self.find(server, verdict.sha256) is not None:
                await self._take_part(server, verdict.sha256, author, reporter, now)
                await self._count(server, verdict.sha256)
                return True
            if await self._full(server, {author, reporter}, len(data), now):
                return False
            look = await asyncio.to_thread(self._look, data, verdict.sha256)
            if look is None or await self._alike(server, look):
                return False
            await asyncio.to_thread(self.box.put, verdict.sha256, data)
            await self._take_part(server, verdict.sha256, author, reporter, now)
            await self._vote_as_before(server, verdict.sha256)
            proof = any(says_ai(finding) and finding.strength is Strength.SIGNED for finding in verdict.evidence)
            await self._store.change(
                "INSERT INTO reviews (server, sha256, looks, bytes, source, model, label, proof, kept) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (server, verdict.sha256, f"{look:016x}", len(data), source, verdict.model, verdict.label, proof, now),
            )
            await self._count(server, verdict.sha256)
        return True

    async def vote(self, server: str, sha256: str, moderator: str, says_ai: bool) -> bool:
        """What a moderator of this server says that the picture is; the last word counts.

        False when it counts for nothing: the picture is not kept here, or is the moderator's own or reported by them.
        """
        label = Label.AI if says_ai else Label.REAL
        changed = await self._store.change(
            "INSERT INTO review_votes (server, sha256, moderator, label, voted) "
            "SELECT server, sha256, ?, ?, ? FROM reviews WHERE server = ? AND sha256 = ? "
            "ON CONFLICT (server, sha256, moderator) DO UPDATE SET label = excluded.label, voted = excluded.voted",
            (moderator, label.value, time.time(), server, sha256),
        )
        if not changed:
            return False
        await self._count(server, sha256)
        part = "SELECT 1 FROM review_people WHERE server = ? AND sha256 = ? AND person = ?"
        return not await self._store.rows(part, (server, sha256, moderator))

    async def find(self, server: str, sha256: str) -> Reviewed | None:
        """A picture that is kept in this server."""
        rows = await self._store.rows(f"{_REVIEWED} WHERE server = ? AND sha256 = ?", (server, sha256))
        return _reviewed(rows[0]) if rows else None

    async def everything(self) -> list[Reviewed]:
        """Every picture that is kept, the oldest first."""
        return [_reviewed(row) for row in await self._store.rows(f"{_REVIEWED} ORDER BY kept, server, sha256")]

    async def forget(self, person: str) -> int:
        """Erase what this person has posted, files and all; returns how many pictures that were."""
        return await self._erase(
            "SELECT server, sha256 FROM review_people WHERE person = ? AND part = 'author'", (person,)
        )

    async def purge(self) -> int:
        """Erase what is too old, or is of servers and people that don't want it any more; how many pictures that were."""
        before = time.time() - self._settings.keep_days * DAY
        gone = await self._erase("SELECT server, sha256 FROM reviews WHERE kept < ?", (before,))
        gone += await self._erase(
            "SELECT server, sha256 FROM review_people WHERE part = 'author' AND person IN (SELECT person FROM members)"
        )
        for row in await self._store.rows("SELECT DISTINCT server FROM reviews"):
            if not await self._store.setting(row["server"], "review", False):
                gone += await self._erase("SELECT server, sha256 FROM reviews WHERE server = ?", (row["server"],))
        async with self._changing:
            for table in ("review_people", "review_votes"):
                await self._store.change(f"DELETE FROM {table} WHERE (server, sha256) NOT IN ({_KEPT})")
            if self.box is not None:
                await self._remove(await asyncio.to_thread(lambda box: set(box.left(_STRAY_SECONDS)), self.box))
        return gone

    async def move(self, old: str, new: str) -> None:
        """A server has a new name: its pictures move along."""
        async with self._changing:
            for table in ("review_people", "review_votes", "reviews"):
                await self._store.change(f"UPDATE OR IGNORE {table} SET server = ? WHERE server = ?", (new, old))

    async def _full(self, server: str, people: Collection[str], size: int, now: float) -> bool:
        """Whether a cap is reached: this picture's people, its server's, or the folder's."""
        for person in people:
            rows = await self._store.rows(
                "SELECT count(DISTINCT server || ' ' || sha256) AS count FROM review_people "
                "WHERE person = ? AND since > ?",
                (person, now - DAY),
            )
            if rows[0]["count"] >= A_DAY_OF_A_PERSON:
                return True
        rows = await self._store.rows(
            "SELECT coalesce(sum(bytes), 0) AS bytes, count(*) FILTER (WHERE server = ? AND kept > ?) AS today "
            "FROM reviews",
            (server, now - DAY),
        )
        most = self._settings.megabytes * 1_000_000
        return bool(rows[0]["today"] >= A_DAY_OF_A_SERVER or rows[0]["bytes"] + size > most)

    def _look(self, data: bytes, sha256: str) -> int | None:
        """How it looks; None for bytes that are not the picture that the verdict was on."""
        if hashlib.sha256(data).hexdigest() != sha256:
            log.warning("A picture is not kept for review: it is not the one that was judged")
            return None
        try:
            return looks(decode(data, self._checks).pixels)
        except Refusal as refusal:
            log.warning("A picture is not kept for review: %s", refusal)
            return None

    async def _alike(self, server: str, look: int) -> bool:
        known = await self._store.rows("SELECT looks FROM reviews WHERE server = ?", (server,))
        return any(alike(look, int(row["looks"], 16)) for row in known)

    async def _take_part(self, server: str, sha256: str, author: str, reporter: str, now: float) -> None:
        await self._store.change(
            "INSERT INTO review_people (server, sha256, person, part, since) VALUES (?, ?, ?, ?, ?), (?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            (server, sha256, author, "author", now, server, sha256, reporter, "reporter", now),
        )

    async def _vote_as_before(self, server: str, sha256: str) -> None:
        """The votes that moderators gave on its cases before the picture was kept."""
        await self._store.change(
            "INSERT INTO review_votes (server, sha256, moderator, label, voted) "
            "SELECT server, sha256, moderator, votes.label, voted FROM votes JOIN cases ON cases.id = case_id "
            "WHERE server = ? AND sha256 = ? ORDER BY voted DESC ON CONFLICT DO NOTHING",
            (server, sha256),
        )

    async def _count(self, server: str, sha256: str) -> None:
        """Count the votes of those who have no part in it."""
        count = (
            "(SELECT count(*) FROM review_votes AS vote WHERE vote.server = reviews.server "
            "AND vote.sha256 = reviews.sha256 AND vote.label = '{}' AND vote.moderator NOT IN (SELECT person "
            "FROM review_people AS part WHERE part.server = vote.server AND part.sha256 = vote.sha256))"
        )
        await self._store.change(
            f"UPDATE reviews SET says_ai = {count.format('ai')}, says_real = {count.format('real')}, "
            "voted = (SELECT max(voted) FROM review_votes AS vote WHERE vote.server = reviews.server "
            "AND vote.sha256 = reviews.sha256) WHERE server = ? AND sha256 = ?",
            (server, sha256),
        )

    async def _erase(self, chosen: str, values: Collection[str | float] = ()) -> int:
        """Erase the pictures that a query names by server and sha256."""
        async with self._changing:
            found = [(row["server"], row["sha256"]) for row in await self._store.rows(chosen, tuple(values))]
            gone = 0
            for server, sha256 in dict.fromkeys(found):
                for table in ("review_votes", "review_people", "reviews"):
                    of = await self._store.change(
                        f"DELETE FROM {table} WHERE server = ? AND sha256 = ?", (server, sha256)
                    )
                gone += of
            await self._remove({sha256 for _, sha256 in found})
        return gone

    async def _remove(self, hashes: Collection[str]) -> None:
        """Delete the files that no server keeps any more."""
        if self.box is None:
            return
        for sha256 in hashes:
            if not await self._store.rows("SELECT 1 FROM reviews WHERE sha256 = ?", (sha256,)):
                await asyncio.to_thread(self.box.remove, sha256)


_KEPT = "SELECT server, sha256 FROM reviews"
_REVIEWED = (
    "SELECT *, coalesce((SELECT min(person) FROM review_people AS part WHERE part.server = reviews.server "
    "AND part.sha256 = reviews.sha256 AND part.part = 'author'), '') AS author FROM reviews"
)


def _reviewed(row: Row) -> Reviewed:
    return Reviewed(
        server=row["server"],
        sha256=row["sha256"],
        looks=int(row["looks"], 16),
        source=row["source"],
        verdict=Label(row["label"]),
        proof=bool(row["proof"]),
        says_ai=row["says_ai"],
        says_real=row["says_real"],
        kept=row["kept"],
        voted=row["voted"],
        author=row["author"],
    )
