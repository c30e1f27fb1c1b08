"""Commands and pressed buttons: written down until they are dealt with, so that each is dealt with, and by one process."""

import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from telegram import Update

from bot import trail
from bot.adapters.telegram.asks import PLATFORM
from bot.adapters.telegram.delivery import Stale, TokenRefused, Undeliverable
from bot.adapters.telegram.updates import when_speaking, written
from bot.inbox import Inbox, Request, TakenOver

logger = logging.getLogger(__name__)

Work = Callable[[], Coroutine[Any, Any, None]]
Tell = Callable[[str], Coroutine[Any, Any, None]]
Spawn = Callable[[Coroutine[Any, Any, None]], None]


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be done, and how whoever asked is told the number of an error."""

    work: Work
    tell: Tell | None = None


class Errands:
    """Runs them as tasks."""

    def __init__(self, inbox: Inbox, spawn: Spawn) -> None:
        self._inbox = inbox
        self._spawn = spawn

    async def take(self, update: Update, errand: Errand) -> None:
        """Write down what an update wants, and begin; one that is known already is left alone."""
        if await self._inbox.accept(key_of(update), PLATFORM, written(update)):
            self.begin(key_of(update), errand)

    def begin(self, key: str, errand: Errand) -> None:
        """Do what is written down under `key`."""
        self._spawn(guarded(self._run(key, errand.work), errand.tell))

    async def give_up(self, row: Request) -> None:
        """It was left open, and is too old now or may have been answered."""
        logger.warning("Telegram: a command or a button was given up: it is too old, or may have been answered")
        await self._inbox.done(row.key)

    async def _run(self, key: str, work: Work) -> None:
        when_speaking(partial(self._inbox.update, key, sending=True))
        try:
            await work()
        except (TakenOver, TokenRefused):
            raise
        except Exception:
            await self._done(key)
            raise
        await self._done(key)

    async def _done(self, key: str) -> None:
        when_speaking(None)
        await self._inbox.done(key)


def key_of(update: Update) -> str:
    """The key of an update in the inbox."""
    return f"{PLATFORM}/update/{update.update_id}"


async def guarded(work: Coroutine[Any, Any, None], tell: Tell | None = None) -> None:
    """Nobody awaits these tasks, so what goes wrong in them is said here: all to the log, its number to the person."""
    try:
        await work
    except (Undeliverable, Stale) as error:
        logger.info("Telegram: not delivered: %s", error)
    except TakenOver:
        logger.info("Telegram: what this process was slow with, another one has done")
    except TokenRefused:
        return
    except Exception:
        number = trail.number()
        logger.exception("Telegram: error %s", number)
        if tell:
            await guarded(tell(number))
