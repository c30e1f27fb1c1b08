"""A server's rules: what its admins have set, one value with a default for everything they haven't."""

import asyncio
import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any

from bot.community import rule_values
from bot.errors import Refusal
from bot.store import Json, Store
from bot.wording import refuse

log = logging.getLogger(__name__)

EVERYWHERE = "*"


class Mode(StrEnum):
    """What an automatic check does with its verdict."""

    LOG = "log"
    REACT = "react"
    REPLY_AI = "reply-ai"
    REPLY = "reply"


class Audience(StrEnum):
    """Who sees the answer to a command, where the platform can hide it."""

    EVERYONE = "everyone"
    ASKER = "asker"


@dataclass(frozen=True, slots=True)
class Rules:
    """Ids are text: channels "123", people "discord:user/5". Telegram has no roles: "admins" is the only one there."""

    channels: tuple[str, ...] = ()  # where automatic checks run; "*" is everywhere
    mode: Mode = Mode.REPLY
    audience: Audience = Audience.EVERYONE
    sensitivity: int | None = None  # one false accusation in so many; None: the model's published bands
    log_channel: str | None = None
    exempt_users: tuple[str, ...] = ()
    exempt_roles: tuple[str, ...] = ()
    exempt_channels: tuple[str, ...] = ()
    users: tuple[str, ...] = ()  # the roles that may use commands; none named: everybody
    per_user_per_minute: float | None = None  # None: the host's limit
    per_server_per_day: int | None = None
    language: str | None = None  # None: the platform's
    appeals: bool = True  # authors may put a case before the moderators; where they read it is the log channel
    review: bool = False  # reported and appealed pictures are kept to learn from

    def automatic(self, *places: str) -> bool:
        """Whether every picture is checked there; `places` are the channel and what it lies in."""
        return EVERYWHERE in self.channels or not set(self.channels).isdisjoint(places)

    def exempt(self, person: str, roles: Collection[str], *places: str) -> bool:
        """Whether this person's pictures are left alone by automatic checks there."""
        return (
            person in self.exempt_users
            or not set(self.exempt_roles).isdisjoint(roles)
            or not set(self.exempt_channels).isdisjoint(places)
        )

    def may_ask(self, roles: Collection[str]) -> bool:
        """Whether somebody with these roles may use the commands."""
        return not self.users or not set(self.users).isdisjoint(roles)

    @property
    def appealable(self) -> bool:
        """Whether an appeal would reach anybody."""
        return self.appeals and self.log_channel is not None


KEYS = tuple(field.name for field in fields(Rules))


class RuleBook:
    """Reads and changes the rules of every server. Who may change them is for the adapters to know."""

    def __init__(self, store: Store, *, reviewable: bool = True) -> None:
        """`reviewable`: the host has named a folder for pictures to review, so that servers can opt in."""
        self._store, self._reviewable = store, reviewable
        self._changing = asyncio.Lock()
        self._left_out: set[tuple[str, str]] = set()  # what the log knows already

    async def read(self, server: str) -> Rules:
        """The rules of a server now. A stored value that can't be understood is as one that was never set."""
        found: dict[str, Any] = {}
        for key, value in (await self._store.server_settings(server)).items():
            if key in KEYS:
                try:
                    found[key] = _value(server, key, value)
                except Refusal as refusal:
                    if (server, key) not in self._left_out:
                        log.warning("A setting of %s is left out: %s", server, refusal)
                    self._left_out.add((server, key))
        return Rules(**found)

    async def change(self, server: str, by: str, **changes: object) -> Rules:
        """Set some of the rules, all or none. Raises Refusal with a sentence for each that can't be."""
        async with self._changing:
            return await self._set(server, by, await self.read(server), changes)

    async def export(self, server: str) -> dict[str, Json]:
        """All rules as plain values."""
        return {key: _plain(value) for key, value in asdict(await self.read(server)).items()}

    async def load(self, server: str, by: str, table: Mapping[str, object]) -> Rules:
        """Set the rules to what was exported, all or none; what `table` doesn't name goes back to its default."""
        async with self._changing:
            return await self._set(server, by, Rules(), table)

    async def move(self, old: str, new: str, by: str) -> None:
        """A server has a new name: its rules move with it, unless it has rules under the new name already.

        Whoever keeps the log there, itself or another server, keeps it there under the new name.
        """
        if not await self._store.server_settings(new):
            rules = await self.export(old)
            rules["review"] = rules["review"] and self._reviewable
            await self.load(new, by, rules)
        platform, _, place = old.partition(":")
        logs = await self._store.rows(
            "SELECT server FROM settings WHERE id IN (SELECT max(id) FROM settings WHERE key = 'log_channel' "
            "GROUP BY server) AND value = ? AND server >= ? AND server < ?",
            (json.dumps(place), f"{platform}:", f"{platform};"),  # ";" comes after ":"
        )
        for row in logs:
            if row["server"] != old:
                await self.change(row["server"], by, log_channel=new.partition(":")[2])

    async def _set(self, server: str, by: str, base: Rules, changes: Mapping[str, object]) -> Rules:
        values: dict[str, Any] = {}
        refusals: list[Refusal] = []
        for key, value in changes.items():
            try:
                values[key] = _value(server, key, value)
            except Refusal as refusal:
                refusals.append(refusal)
        rules = replace(base, **values)
        if not refusals and rules.mode is Mode.LOG and rules.log_channel is None:
            refusals.append(refuse("setting", "community.log-needs-channel"))
        if values.get("review") and not self._reviewable:  # what was switched on in other times stands in nobody's way
            refusals.append(refuse("setting", "community.no-review"))
        if refusals:
            raise refusals[0] if len(refusals) == 1 else Refusal("setting", "\n".join(map(str, refusals)))
        before, after = asdict(await self.read(server)), asdict(rules)
        changed = {key: _plain(value) for key, value in after.items() if value != before[key]}
        await self._store.change_settings(server, changed, by)
        return rules


def _value(server: str, key: str, value: object) -> Any:
    checked = rule_values.check(server, key, value, KEYS)
    return Mode(checked) if key == "mode" else Audience(checked) if key == "audience" else checked


def _plain(value: Any) -> Json:
    plain: Json = list(value) if isinstance(value, tuple) else str(value) if isinstance(value, StrEnum) else value
    return plain
