"""Strict reading of single settings: what a value must be, and the sentence when it isn't."""

import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal, get_args, get_origin

from bot.errors import SettingsError

Value = bool | int | float | str

_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "text in quotes"}
_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


@dataclass(frozen=True, slots=True)
class Within:
    """The range of a number, both ends included."""

    least: float
    most: float


def convert(key: str, kind: object, found: object) -> Value:
    """`found`, as a TOML file has it, as the type `kind` (a plain type, `Annotated[.., Within]` or `Literal`)."""
    plain, within, choices = _parts(kind)
    value: object = found
    if plain is float and type(found) is int:
        value = float(found)
    if type(value) is not plain or (choices and value not in choices):
        raise _refused(key, kind, found)
    if isinstance(value, float) and not math.isfinite(value):
        raise _refused(key, kind, found)
    if within and isinstance(value, int | float) and not within.least <= value <= within.most:
        raise _refused(key, kind, found)
    assert isinstance(value, bool | int | float | str)
    return value


def convert_text(key: str, kind: object, text: str) -> Value:
    """The same from the environment, where everything is text."""
    plain, _, _ = _parts(kind)
    found: object = text
    if plain is bool:
        low = text.strip().lower()
        found = True if low in _TRUE else False if low in _FALSE else text
    elif plain in (int, float):
        try:
            found = int(text) if plain is int else float(text)
        except ValueError:
            found = text
    return convert(key, kind, found)


def accepted(kind: object) -> str:
    """What `kind` accepts, in words."""
    plain, within, choices = _parts(kind)
    if choices:
        return " or ".join(f'"{choice}"' for choice in choices)
    if within:
        return f"{_NAMES[plain]} from {within.least:,.10g} to {within.most:,.10g}".replace(",", "_")
    return _NAMES[plain]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean ...?`, or what there is when nothing is near."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f" Did you mean {near[0]}?" if near else f" There are: {', '.join(names)}."


def _parts(kind: object) -> tuple[type, Within | None, tuple[str, ...]]:
    if get_origin(kind) is Annotated:
        plain, within = get_args(kind)
        return plain, within, ()
    if get_origin(kind) is Literal:
        return str, None, get_args(kind)
    assert isinstance(kind, type)
    return kind, None, ()


def _refused(key: str, kind: object, found: object) -> SettingsError:
    shown = (
        "true" if found is True else "false" if found is False else f'"{found}"' if isinstance(found, str) else found
    )
    return SettingsError(f"{key}: found {shown}, accepted is {accepted(kind)}.")
