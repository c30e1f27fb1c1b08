"""A whole Candid on a loopback Telegram, except that the detector is a small fake one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.adapters.telegram import TelegramAdapter, Timings
from bot.community import Community
from bot.core import Checker
from bot.inbox import Inbox
from bot.metrics import Metrics
from bot.secret import Secret
from bot.settings import Settings, default_settings
from bot.store import Store
from bot.wording import say
from tests.conftest import FakeDetector
from tests.conftest import make_picture as picture
from tests.peers.telegram import Chat, Message, Telegram

__all__ = [
    "LOOKING",
    "QUICK",
    "Candid",
    "answered",
    "candid_on",
    "nothing_open",
    "picture",
    "settings_for",
    "with_card",
]

QUICK = Timings(poll=1, album=0.15, first_retry=0.02, longest_retry=0.2, conflict=0.05, drain=5.0)
LOOKING = say("telegram.looking", "en")


def settings_for(telegram: Telegram, **fields: Any) -> Settings:
    """Settings that point at the loopback server; fields are those of [telegram]."""
    defaults = default_settings()
    own = replace(
        defaults.telegram,
        token=Secret(telegram.token),
        base_url=telegram.url,
        base_file_url=telegram.file_url,
        **fields,
    )
    return replace(defaults, telegram=own)


@dataclass
class Candid:
    """The running parts that tests look at."""

    adapter: TelegramAdapter
    checker: Checker
    store: Store
    inbox: Inbox
    community: Community
    task: asyncio.Task[None]


@asynccontextmanager
async def candid_on(
    telegram: Telegram,
    folder: Path,
    *,
    settings: Settings | None = None,
    timings: Timings = QUICK,
    detector: Any = None,
    kill: bool = False,
) -> AsyncIterator[Candid]:
    """Start Candid with its store in `folder`; at the end close it, or with `kill` cut it off wherever it is."""
    settings = settings or settings_for(telegram)
    store = await Store.open(folder / "candid.sqlite3")
    checker = Checker(settings.checks, detector or FakeDetector(), store, Metrics())
    await checker.start()
    inbox = Inbox(store, settings.checks.fresh_minutes * 60)
    community = Community.of(store, settings)
    adapter = TelegramAdapter(settings, checker, store, inbox, timings, community=community)
    task = asyncio.create_task(adapter.run())
    try:
        yield Candid(adapter, checker, store, inbox, community, task)
    finally:
        if kill:
            task.cancel()
        else:
            await adapter.close()
        await asyncio.gather(task, return_exceptions=True)
        await checker.close(0.0 if kill else 5.0)
        await store.close()


def with_card(detector: FakeDetector | None = None) -> FakeDetector:
    """A detector whose card has figures: how it does on photos, and a curve to choose a sensitivity by."""
    detector = detector or FakeDetector()
    tier = {"false_accusations": {"value": 0.012}, "recall": {"value": 0.44}}
    points = ((1000, 0.97, 0.21), (300, 0.94, 0.3), (100, 0.9, 0.4), (30, 0.8, 0.61))
    curve = [
        {"rate": 1 / one_in, "threshold": at, "recall": found, "false_accusations": 1 / one_in}
        for one_in, at, found in points
    ]
    data = {"metrics": {"tiers": dict.fromkeys(("clean", "telegram"), tier)}}
    data["curve"] = dict.fromkeys(("clean", "telegram"), curve)  # type: ignore[arg-type]
    detector.card = replace(detector.card, data={**detector.card.data, **data})
    return detector


async def nothing_open(candid: Candid, seconds: float = 5.0) -> None:
    """Wait until every accepted question is struck off; fails when one stays open."""
    for _ in range(int(seconds / 0.01)):
        if await candid.inbox.unanswered("telegram") == ([], []):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"left open: {await candid.inbox.unanswered('telegram')}")


async def answered(telegram: Telegram, chat: Chat, count: int = 1, seconds: float = 10.0) -> list[Message]:
    """Wait until a chat has `count` final answers (placeholders don't count)."""

    def final() -> list[Message]:
        return [message for message in telegram.answers(chat) if message.text != LOOKING]

    await telegram.until(lambda: len(final()) >= count, seconds)
    return final()
