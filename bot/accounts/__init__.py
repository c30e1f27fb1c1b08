"""What a platform says about the bot's account there: for `candid setup` and `candid doctor`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import aiohttp

from bot.errors import CandidError

TIMEOUT = aiohttp.ClientTimeout(total=20)


class Grade(StrEnum):
    """`GOOD` works, `NOTE` is worth knowing, `WRONG` keeps something that is configured from working."""

    GOOD = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that was looked at, in one sentence."""

    grade: Grade
    says: str


@dataclass(frozen=True, slots=True)
class Account:
    """A bot's account. `link` is where people go to add it; `steps` is what else a person may want to do."""

    name: str
    points: tuple[Point, ...]
    link: str
    steps: tuple[str, ...] = ()


class TokenRefused(CandidError):
    """The platform doesn't know this token."""


class Unreachable(CandidError):
    """The platform could not be asked, so nothing is known about the token."""


async def fetch_json(session: aiohttp.ClientSession, url: str, platform: str) -> tuple[int, Any]:
    """Status and JSON body (None when it is something else). Unreachable says no address: that may hold a token."""
    try:
        async with session.get(url) as response:
            try:
                body = await response.json(content_type=None)
            except ValueError:
                body = None
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Unreachable(f"{platform} can't be reached from here ({type(error).__name__}).") from None
    if response.status == 429 or response.status >= 500:
        raise Unreachable(f"{platform} has trouble or asks to wait (status {response.status}); please try again later.")
    return response.status, body
