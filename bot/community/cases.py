"""Cases: a flagged picture, what its author says to it, and what the moderators decide. Ids and hashes, no pictures."""

import time
from dataclasses import dataclass
from enum import StrEnum
from sqlite3 import Row

from bot.store import DAY, LONGEST_REPORT, Store
from bot.verdict import Label, Verdict
from bot.wording import refuse

APPEALS_A_DAY = 5  # of one person in one server
MUTE_DAYS = 7.0


class Decision(StrEnum):
    """What a moderator says: about the verdict, or that this author's appeals are to be left unread for a while."""

    RIGHT = "right"
    WRONG = "wrong"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Case:
    """A picture by one author in one server. `link` leads to the message that was answered."""

    id: int
    server: str
    sha256: str
    model: str
    author: str
    link: str
    opened: float
    appeal: str | None
    decision: Decision | None
    decided_by: str | None
    log_message: str | None
    label: Label  # what the model said


class Cases:
    """Every method that is given an id wants the server as well: another server's id means nothing here."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def open(self, server: str, verdict: Verdict, author: str, link: str) -> Case:
        """The case of a picture. The same picture by the same author in the same server is the same case."""
        await self._store.change(
            "INSERT INTO cases (server, sha256, author, model, label, link, opened) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (server, sha256, author) DO NOTHING",
            (server, verdict.sha256, author, verdict.model, verdict.label.value, link, time.time()),
        )
        found = await self._of(server, verdict.sha256)
        return next(case for case in found if case.author == author)

    async def find(self, server: str, id: int) -> Case | None:
        """The case with this id, if it is this server's."""
        rows = await self._store.rows("SELECT * FROM cases WHERE id = ? AND server = ?", (id, server))
        return _case(rows[0]) if rows else None

    async def own(self, author: str, sha256: str) -> Case | None:
        """The newest case of this author's picture in whichever server; 32 or more digits of the hash are enough."""
        rows = await self._store.rows(
            "SELECT * FROM cases WHERE author = ? AND sha256 >= ? AND sha256 < ? ORDER BY id DESC LIMIT 1",
            (author, sha256, sha256 + "g"),
        )
        return _case(rows[0]) if rows and len(sha256) >= 32 else None

    async def naming(self, person: str) -> list[Case]:
        """Every case in all servers whose message in a log channel may name this person: as author, or who decided.

        Those with an appeal come first, then the newest.
        """
        rows = await self._store.rows(
            "SELECT * FROM cases WHERE (author = ? OR decided_by = ?) AND log_message IS NOT NULL "
            "ORDER BY appeal IS NULL, id DESC",
            (person, person),
        )
        return [_case(row) for row in rows]

    async def appealable(self, server: str, sha256: str, person: str) -> Case:
        """The case that this person may appeal now: to be asked before the reason is. Raises Refusal as `appeal` does."""
        found = await self._of(server, sha256)
        if not found:
            raise refuse("no-case", "community.no-case")
        case = next((case for case in found if case.author == person), None)
        if case is None:
            raise refuse("not-author", "community.not-author")
        await self._refuse_appeal(case, time.time())
        return case

    async def appeal(self, server: str, sha256: str, person: str, reason: str) -> Case:
        """The author puts the case before the moderators; 32 or more digits of the hash are enough.

        A case that the moderators have looked at before is open again. Raises Refusal: no such case, not the author's,
        appealed before, found wrong already, too many appeals in a day, or told to stop.
        """
        case = await self.appealable(server, sha256, person)
        now = time.time()
        changed = await self._store.change(
            "UPDATE cases SET appeal = ?, appealed = ?, decision = NULL, decided_by = NULL, decided = NULL "
            "WHERE id = ? AND appeal IS NULL AND (SELECT count(*) FROM cases AS other "
            "WHERE other.author = ? AND other.server = ? AND other.appealed > ?) < ?",
            (reason.strip()[:LONGEST_REPORT], now, case.id, person, server, now - DAY, APPEALS_A_DAY),
        )
        if not changed:  # two presses at once
            raise refuse("appealed", "community.appealed")
        return await self._known(server, case.id)

    async def decide(self, server: str, id: int, moderator: str, decision: Decision, *, review: bool = False) -> Case:
        """What a moderator decides, once. With `review` (the server's rule) further moderators may still vote.

        Raises Refusal when the case is not this server's, or was decided before.
        """
        case = await self._known(server, id)
        now = time.time()
        first = await self._store.change(
            "UPDATE cases SET decision = ?, decided_by = ?, decided = ? WHERE id = ? AND decision IS NULL",
            (decision.value, moderator, now, id),
        )
        # The same again is for the vote of a moderator whose decision Candid kept just before it ended.
        again = (case.decided_by, case.decision) == (moderator, decision)
        counts = first or review or again
        voted = await self._vote(case, moderator, decision, now, anew=bool(first)) if counts else False
        if first and decision is Decision.IGNORED:
            await self._mute(case, now)
        if not (first or voted):
            raise refuse("decided", "community.decided")
        return await self._known(server, id)

    async def note(self, server: str, id: int, *, log_message: str) -> None:
        """Remember where the case stands in the log channel."""
        await self._store.change(
            "UPDATE cases SET log_message = ? WHERE id = ? AND server = ?", (log_message, id, server)
        )

    async def move(self, old: str, new: str) -> None:
        """A server has a new name: its cases move with it."""
        for table in ("cases", "mutes"):
            await self._store.change(f"UPDATE OR IGNORE {table} SET server = ? WHERE server = ?", (new, old))

    async def _of(self, server: str, sha256: str) -> list[Case]:
        rows = await self._store.rows(
            "SELECT * FROM cases WHERE server = ? AND sha256 >= ? AND sha256 < ? ORDER BY id",
            (server, sha256, sha256 + "g"),  # "g" comes after every hexadecimal digit
        )
        return [_case(row) for row in rows] if len(sha256) >= 32 else []

    async def _known(self, server: str, id: int) -> Case:
        case = await self.find(server, id)
        if case is None:
            raise refuse("no-case", "community.no-case")
        return case

    async def _refuse_appeal(self, case: Case, now: float) -> None:
        if case.decision is Decision.WRONG:
            raise refuse("decided", "community.found-wrong")
        if case.appeal is not None:
            raise refuse("appealed", "community.appealed")
        muted = "SELECT ends FROM mutes WHERE server = ? AND person = ? AND ends > ?"
        if case.decision is Decision.IGNORED or await self._store.rows(muted, (case.server, case.author, now)):
            raise refuse("muted", "community.muted", days=round(MUTE_DAYS))
        today = "SELECT count(*) AS count FROM cases WHERE author = ? AND server = ? AND appealed > ?"
        rows = await self._store.rows(today, (case.author, case.server, now - DAY))
        if rows[0]["count"] >= APPEALS_A_DAY:
            raise refuse("too-many-appeals", "community.too-many-appeals", most=APPEALS_A_DAY)

    async def _vote(self, case: Case, moderator: str, decision: Decision, now: float, *, anew: bool) -> bool:
        """Keep what a decision says about the picture, one vote a moderator; `anew`: in the place of an earlier one.

        What an author says about the own picture is no vote.
        """
        label = _says(case.label, decision)
        if label is None or moderator == case.author:
            return False
        known = "UPDATE SET label = excluded.label, voted = excluded.voted" if anew else "NOTHING"
        changed = await self._store.change(
            "INSERT INTO votes (case_id, moderator, label, voted) VALUES (?, ?, ?, ?) "
            f"ON CONFLICT (case_id, moderator) DO {known}",
            (case.id, moderator, label.value, now),
        )
        return changed == 1

    async def _mute(self, case: Case, now: float) -> None:
        await self._store.change(
            "INSERT INTO mutes (server, person, ends) VALUES (?, ?, ?) "
            "ON CONFLICT (server, person) DO UPDATE SET ends = excluded.ends",
            (case.server, case.author, now + MUTE_DAYS * DAY),
        )


def _says(label: Label, decision: Decision) -> Label | None:
    """What the picture is, if the decision is that the verdict `label` is right or wrong."""
    if label is Label.UNSURE or decision is Decision.IGNORED:
        return None
    if decision is Decision.RIGHT:
        return label
    return Label.REAL if label is Label.AI else Label.AI


def _case(row: Row) -> Case:
    return Case(
        id=row["id"],
        server=row["server"],
        sha256=row["sha256"],
        model=row["model"],
        author=row["author"],
        link=row["link"],
        opened=row["opened"],
        appeal=row["appeal"],
        decision=Decision(row["decision"]) if row["decision"] else None,
        decided_by=row["decided_by"],
        log_message=row["log_message"],
        label=Label(row["label"]),
    )
