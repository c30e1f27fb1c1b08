"""Long polling.

The loop is ours, not the library's Updater: that one confirms updates before anything is written down, spins on a
batch that it can't read, and ends silently at the first 404.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from telegram import Update
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bot.adapters.telegram.delivery import Delivery, brief
from bot.adapters.telegram.link import ALLOWED_UPDATES, Bot, Timings

logger = logging.getLogger(__name__)


class Polling:
    """Takes updates in order. One is confirmed only after `take` has returned, so that a crash loses none."""

    def __init__(
        self,
        bot: Bot,
        delivery: Delivery,
        timings: Timings,
        take: Callable[[Update], Awaitable[None]],
        report: Callable[[str], None],
    ) -> None:
        self._bot = bot
        self._delivery = delivery
        self._timings = timings
        self._take = take
        self._report = report
        self._offset: int | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Poll until `stop` is set (then confirm what was taken) or the token is refused."""
        delay, conflict = self._timings.first_retry, self._timings.conflict
        hold = 0  # after trouble, a poll that is not held soon tells that it is over
        while not stop.is_set():
            try:
                updates = await self._poll(stop, hold)
            except Conflict as error:
                self._report(f"another process uses this bot's token ({brief(error)}); stop one of the two")
                await _pause(conflict, stop)
                conflict = min(conflict * 2, 60.0)
                hold = self._timings.poll  # only a held poll tells that nobody else polls
            except InvalidToken as error:
                if await self._delivery.token_is_refused(error):
                    return
                delay, hold = await self._back_off(delay, "404", stop), 0
            except RetryAfter as error:
                wait = error.retry_after
                await _pause(wait.total_seconds() if isinstance(wait, timedelta) else wait, stop)
            except TelegramError as error:
                delay, hold = await self._back_off(delay, brief(error), stop), 0
            else:
                self._report("")
                if hold:
                    conflict = self._timings.conflict
                delay, hold = self._timings.first_retry, self._timings.poll
                if not await self._take_all(updates):
                    await _pause(delay, stop)
        await self._confirm()

    async def _poll(self, stop: asyncio.Event, hold: int) -> tuple[Update, ...]:
        """One held poll, abandoned when `stop` is set; what it might have brought is not confirmed and comes again."""
        poll = asyncio.ensure_future(
            self._bot.get_updates(offset=self._offset, timeout=timedelta(seconds=hold), allowed_updates=ALLOWED_UPDATES)
        )
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait((poll, stopped), return_when=asyncio.FIRST_COMPLETED)
            return poll.result() if poll.done() else ()
        finally:
            stopped.cancel()
            if not poll.done():
                poll.cancel()
                await asyncio.wait((poll,))

    async def _take_all(self, updates: tuple[Update, ...]) -> bool:
        """False when a batch brought nothing new: asking again at once would spin."""
        before = self._offset
        for update in updates:
            await self._take(update)
            self._offset = max(self._offset or 0, update.update_id + 1)
        return not updates or self._offset != before

    async def _back_off(self, delay: float, what: str, stop: asyncio.Event) -> float:
        self._report(f"Telegram does not answer as it should ({what}); trying again")
        await _pause(delay, stop)
        return min(delay * 2, self._timings.longest_retry)

    async def _confirm(self) -> None:
        """Tell Telegram what was taken, so that the next start does not get it again."""
        if self._offset is None:
            return
        try:
            await self._bot.get_updates(offset=self._offset, timeout=0, limit=1, allowed_updates=ALLOWED_UPDATES)
        except TelegramError as error:
            logger.info("The last updates could not be confirmed (%s); the inbox knows them", error)


async def _pause(seconds: float, stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
