"""What each rule of a server may be, and the sentence when it isn't."""

import difflib
import math
import re
from collections.abc import Callable, Collection
from typing import Any

from bot.errors import Refusal
from bot.sensitivity import SENSITIVITIES
from bot.wording import languages, refuse

MODES = ("log", "react", "reply-ai", "reply")
AUDIENCES = ("everyone", "asker")
MOST_IDS = 200
LONGEST_SHOWN = 60  # characters of what was found

_SERVER = re.compile(r"(discord):[0-9]{1,20}|(telegram):-?[0-9]{1,20}")
_ID = re.compile(r"-?[0-9]{1,20}")


def check(server: str, key: str, value: object, known: Collection[str]) -> Any:
    """`value` as the rule `key` keeps it: lists as tuples, each entry once. Raises Refusal; `known` are all rules."""
    if key not in known:
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
        if near:
            raise refuse("setting", "community.unknown-near", setting=_shown(key), near=near[0])
        raise refuse("setting", "community.unknown", setting=_shown(key), known=", ".join(known))
    return _CHECKS[key](platform(server), key, value)


def platform(server: str) -> str:
    """The platform of a server's name; Refusal when it isn't one."""
    found = _SERVER.fullmatch(server)
    if not found:
        raise refuse("server", "community.no-server", found=_shown(server))
    return found[1] or found[2]


def _channels(platform: str, key: str, value: object) -> tuple[str, ...]:
    return _ids(key, value, lambda one: one == "*" or _ID.fullmatch(one), "community.channels")


def _some_channels(platform: str, key: str, value: object) -> tuple[str, ...]:
    return _ids(key, value, _ID.fullmatch, "community.some-channels")


def _people(platform: str, key: str, value: object) -> tuple[str, ...]:
    person = re.compile(rf"{platform}:user/-?[0-9]{{1,20}}")
    return _ids(key, value, person.fullmatch, "community.people", platform=platform)


def _roles(platform: str, key: str, value: object) -> tuple[str, ...]:
    if platform == "telegram":
        return _ids(key, value, lambda one: one == "admins", "community.telegram-roles")
    return _ids(key, value, _ID.fullmatch, "community.roles")


def _ids(key: str, value: object, fits: Callable[[str], object], sentence: str, **values: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple | set | frozenset):
        raise refuse("setting", sentence, setting=key, found=_shown(value), **values)
    wrong = [one for one in value if not (isinstance(one, str) and fits(one))]
    if wrong:
        raise refuse("setting", sentence, setting=key, found=_shown(wrong[0]), **values)
    unique = tuple(dict.fromkeys(value))
    if len(unique) > MOST_IDS:
        raise refuse("setting", "community.too-many-entries", setting=key, count=len(unique), most=MOST_IDS)
    return unique


def _channel(platform: str, key: str, value: object) -> str | None:
    if value is None or (isinstance(value, str) and _ID.fullmatch(value)):
        return value
    raise refuse("setting", "community.channel", setting=key, found=_shown(value))


def _choice(choices: Callable[[], Collection[Any]], *, optional: bool) -> Callable[[str, str, object], Any]:
    def chosen(platform: str, key: str, value: object) -> Any:
        if (value is None and optional) or any(type(value) is type(one) and value == one for one in choices()):
            return value
        if isinstance(value, str) and value in choices():  # of a StrEnum
            return value
        raise refuse(
            "setting", "community.choice", setting=key, found=_shown(value), choices=", ".join(map(str, choices()))
        )

    return chosen


def _number(kind: type[int] | type[float], least: float, most: float) -> Callable[[str, str, object], float | None]:
    def number(platform: str, key: str, value: object) -> float | None:
        if value is None:
            return None
        plain = isinstance(value, int) and not isinstance(value, bool)
        if not (plain or (kind is float and isinstance(value, float) and math.isfinite(value))):
            raise _out_of(key, value)
        assert isinstance(value, int | float)
        if not least <= value <= most:
            raise _out_of(key, value)
        return kind(value)

    def _out_of(key: str, value: object) -> Refusal:
        sentence = "community.number" if kind is float else "community.whole-number"
        return refuse("setting", sentence, setting=key, found=_shown(value), least=f"{least:g}", most=f"{most:,g}")

    return number


def _switch(platform: str, key: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise refuse("setting", "community.switch", setting=key, found=_shown(value))


def _shown(value: object) -> str:
    """What was found, short and on one line."""
    text = " ".join((value if isinstance(value, str) else repr(value)).split())
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


_CHECKS: dict[str, Callable[[str, str, object], Any]] = {
    "channels": _channels,
    "mode": _choice(lambda: MODES, optional=False),
    "audience": _choice(lambda: AUDIENCES, optional=False),
    "sensitivity": _choice(lambda: SENSITIVITIES, optional=True),
    "log_channel": _channel,
    "exempt_users": _people,
    "exempt_roles": _roles,
    "exempt_channels": _some_channels,
    "users": _roles,
    "per_user_per_minute": _number(float, 0.01, 1000),
    "per_server_per_day": _number(int, 1, 1_000_000),
    "language": _choice(languages, optional=True),
    "appeals": _switch,
    "review": _switch,
}
