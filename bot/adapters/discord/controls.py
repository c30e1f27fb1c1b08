"""What a person can press, choose in, or fill in, as the API has it; and what comes back.

Their ids say everything ("candid:why:<hash>"), so that they work after a restart, for ever. Nothing else is kept.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import discord

from bot.verdict import Label
from bot.wording import say

Json = dict[str, Any]
Row = dict[str, Any]
HASH = re.compile(r"[0-9a-f]{32}")
LONGEST_TEXT = 500
MOST_CHOSEN = 25


class Style(IntEnum):
    """Of a button."""

    PRIMARY = 1
    SECONDARY = 2
    SUCCESS = 3
    DANGER = 4


class Pick(IntEnum):
    """What is picked in a menu that Discord fills."""

    USERS = 5
    ROLES = 6
    CHANNELS = 8


_DEFAULTS = {Pick.USERS: "user", Pick.ROLES: "role", Pick.CHANNELS: "channel"}
_CHANNELS = [0, 2, 4, 5, 15]  # text, voice, category, announcements, forum
WRITABLE = [0, 5]  # text, announcements


@dataclass(frozen=True, slots=True)
class Option:
    """One line of a menu."""

    value: str
    label: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Press:
    """What came back: "candid:case:right:7" is `what` "case" with the `parts` "right" and "7".

    `values` were chosen in a menu, `texts` typed into a form.
    """

    what: str
    parts: tuple[str, ...]
    values: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    @property
    def sha(self) -> str:
        """The hash in a button's id or a menu's value; empty if that is something else."""
        found = (*self.parts, *self.values, "")[0]
        return found if HASH.fullmatch(found) else ""


def press(interaction: discord.Interaction[Any]) -> Press | None:
    """A button, menu or form of ours that somebody used; None for anything else."""
    kinds = (discord.InteractionType.component, discord.InteractionType.modal_submit)
    if interaction.type not in kinds or interaction.data is None:
        return None
    data: Json = dict(interaction.data)
    ours, *path = str(data.get("custom_id")).split(":")
    if ours != "candid" or not path:
        return None
    typed = [field for row in data.get("components", ()) for field in row.get("components", [row.get("component")])]
    texts = tuple(str(field.get("value") or "") for field in typed)
    return Press(path[0], tuple(path[1:]), tuple(map(str, data.get("values", ()))), texts)


def row(*items: Json) -> Row:
    """A row of up to five buttons, or one menu."""
    return {"type": 1, "components": list(items)}


def button(path: str, label: str, style: Style = Style.SECONDARY, *, disabled: bool = False) -> Json:
    """`path` is the id without "candid:"."""
    shown = {"type": 2, "style": int(style), "label": label[:80], "custom_id": f"candid:{path}"}
    return shown | {"disabled": True} if disabled else shown


def menu(path: str, hint: str, options: Iterable[Option], chosen: str | None = None, *, disabled: bool = False) -> Json:
    """One of several; `chosen` is the value that stands now."""
    shown = []
    for option in options:
        one: Json = {"label": option.label[:100], "value": option.value, "default": option.value == chosen}
        shown.append(one | ({"description": option.description[:100]} if option.description else {}))
    found: Json = {"type": 3, "custom_id": f"candid:{path}", "placeholder": hint[:150], "options": shown}
    return found | {"disabled": True} if disabled else found


def pick(kind: Pick, path: str, hint: str, chosen: Sequence[str], most: int = MOST_CHOSEN) -> Json:
    """Users, roles or channels of the server, with those that stand now."""
    found: Json = {
        "type": int(kind),
        "custom_id": f"candid:{path}",
        "placeholder": hint[:150],
        "min_values": 0,
        "max_values": most,
        "default_values": [{"id": one, "type": _DEFAULTS[kind]} for one in chosen[:most]],
    }
    if kind is Pick.CHANNELS:
        found["channel_types"] = WRITABLE if most == 1 else _CHANNELS
    return found


def field(label: str, hint: str = "", value: str = "", *, long: bool = False, most: int = LONGEST_TEXT) -> Json:
    """A line or a box of a form; it may stay empty."""
    return {
        "type": 4,
        "custom_id": re.sub(r"\W+", "-", label)[:100],
        "style": 2 if long else 1,
        "label": label[:45],
        "placeholder": hint[:100],
        "value": value,
        "required": False,
        "max_length": most,
    }


def form(path: str, title: str, *fields: Json) -> Json:
    """A form; it can be sent after a restart as well."""
    return {"custom_id": f"candid:{path}", "title": title[:45], "components": [row(one) for one in fields]}


def below_answer(choices: Sequence[tuple[str, str, Label]], language: str, appeal: bool) -> tuple[Row, ...]:
    """Buttons for one picture, menus for several: name, first 32 digits of the hash, and what was said of it.

    With `appeal`, the authors of flagged pictures can object.
    """
    if not choices:
        return ()
    kinds = [("why", choices), ("wrong", choices)]
    flagged = [choice for choice in choices if choice[2] is Label.AI]
    if appeal and flagged:
        kinds.append(("appeal", flagged))
    if len(choices) == 1:
        return (row(*(button(f"{kind}:{of[0][1]}", say(f"discord.{kind}", language)) for kind, of in kinds)),)
    return tuple(
        row(menu(kind, say(f"discord.{kind}_which", language), [Option(sha, name) for name, sha, _ in of]))
        for kind, of in kinds
    )
