"""The Telegram adapter: connects, takes updates, and lets every question be answered once."""

import asyncio
import logging
import sqlite3
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

from telegram import CallbackQuery, Message, Update
from telegram.constants import ChatType
from telegram.error import InvalidToken

from bot import trail
from bot.adapters.telegram.albums import Albums, shelf_of
from bot.adapters.telegram.asks import PLATFORM, Ask, joined
from bot.adapters.telegram.delivery import Delivery, Stale
from bot.adapters.telegram.errands import Errand, Errands, guarded, key_of
from bot.adapters.telegram.link import Bot, Timings, connect, said_by_telegram
from bot.adapters.telegram.parts import Parts
from bot.adapters.telegram.polling import Polling
from bot.adapters.telegram.sources import source_of
from bot.adapters.telegram.updates import read
from bot.adapters.telegram.webhook import Webhook
from bot.community import Community
from bot.core import Checker
from bot.errors import GiveUp
from bot.inbox import Inbox, Request
from bot.presence import BEAT_SECONDS
from bot.settings import Settings
from bot.store import Store
from bot.wording import say

logger = logging.getLogger(__name__)

_REFUSED = (
    "Telegram refuses the bot's token ({why}). Get the right one from @BotFather and set TELEGRAM_TOKEN; "
    "if [telegram] base_url is set, check that it is a Bot API server."
)


class TelegramAdapter:
    """One Telegram bot. `run` works until cancelled or closed; it can be run again."""

    name = "telegram"

    def __init__(
        self,
        settings: Settings,
        checker: Checker,
        store: Store,
        inbox: Inbox,
        timings: Timings | None = None,
        *,
        community: Community,
    ) -> None:
        self.status = "starting"
        self._settings = settings
        self._checker = checker
        self._community = community
        self._inbox = inbox
        self._timings = timings or Timings()
        self._stop = asyncio.Event()
        self._finished = asyncio.Event()
        self._finished.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._albums = Albums(shelf=shelf_of(settings) if inbox.shared else None)
        self._errands = Errands(inbox, self._spawn)

    async def run(self) -> None:
        """Connect and answer. Raises GiveUp for a refused token; any other exception is the supervisor's to repeat."""
        self.status = "starting"
        self._finished.clear()
        bot: Bot | None = None
        try:
            # In a thread: reading the certificates would hold the event loop for a tenth of a second.
            bot = await asyncio.to_thread(connect, self._settings.telegram, self._timings)
            await _initialize(bot)
            await self._serve(bot)
        except GiveUp as error:
            self.status = f"waiting: {error}"
            raise
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            if bot:
                await bot.shutdown()
            self._finished.set()

    async def close(self) -> None:
        """Take nothing new, finish what was accepted, confirm it to Telegram; `run` returns then."""
        self._stop.set()
        await self._finished.wait()
        await self._albums.close()

    async def _serve(self, bot: Bot) -> None:
        self._bot = bot
        parts = self._parts = Parts.of(
            bot, self._settings, self._checker, self._inbox, self._community, self._timings, self._albums, self._stop
        )
        delivery = parts.delivery
        await self._resume(*await self._inbox.unanswered(PLATFORM))
        if self._inbox.shared:
            parts.desk.look_around = self._complete
            self._spawn(guarded(self._watch()))
        self._spawn(guarded(self._parts.groups.register_commands()))
        polls = self._settings.telegram.mode == "polling"
        feed = asyncio.create_task(self._poll(bot, delivery) if polls else self._listen(bot))
        refused = asyncio.create_task(delivery.refused.wait())
        try:
            await asyncio.wait((feed, refused), return_when=asyncio.FIRST_COMPLETED)
            if delivery.refused.is_set():
                raise GiveUp(_REFUSED.format(why="401 Unauthorized"))
            feed.result()
        finally:
            for task in (feed, refused):
                task.cancel()
            await asyncio.gather(feed, refused, return_exceptions=True)
        await self._drain()

    async def _poll(self, bot: Bot, delivery: Delivery) -> None:
        try:
            await delivery.ask(bot.delete_webhook)  # one that is left from webhook mode would end every poll with 409
        except Stale as error:
            raise ConnectionError(str(error)) from None
        await Polling(bot, delivery, self._timings, self._take, self._report).run(self._stop)

    async def _listen(self, bot: Bot) -> None:
        webhook = Webhook(self._settings.telegram, bot, self._take)
        try:
            await webhook.open()
            while not (self._inbox.first or self._stop.is_set()):
                self._report("")
                await self._pause(BEAT_SECONDS)
            if not self._stop.is_set():
                await webhook.register()
            self._report("")
            await self._stop.wait()
        finally:
            await webhook.close()

    def _report(self, trouble: str) -> None:
        """Keep the status; say a change of it once."""
        status = f"waiting: {trouble}" if trouble else "running"
        if status == self.status:
            return
        self.status = status
        if trouble:
            logger.warning("Telegram: %s", trouble)
        else:
            logger.info("Telegram: connected")

    async def _drain(self) -> None:
        """Let what was accepted be answered; what is left after that stays in the inbox for the next start."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._timings.drain)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()

    async def _watch(self) -> None:
        """Take up what other processes leave when they end."""
        while not self._stop.is_set():
            try:
                await self._look_around()
            except sqlite3.Error as error:
                logger.warning("Telegram: what other processes left can't be looked for (%s); trying again", error)
            await self._pause(BEAT_SECONDS)

    async def _look_around(self) -> None:
        await self._resume(*await self._inbox.orphans(PLATFORM))

    async def _complete(self, ask: Ask) -> bool:
        """Parts of an album that came to other processes: those that were asked about there, and those that were only seen."""
        await self._look_around()
        parts = await self._albums.look_up(ask.place.chat, ask.album or "")
        return ask.take_in({number: part for number, part in parts.items() if part.still or not ask.automatic})

    async def _resume(self, fresh: list[Request], stale: list[Request]) -> None:
        """Take up what an earlier run, or another process, has left."""
        for rows, work in ((fresh, self._parts.desk.resume), (stale, self._parts.desk.apologize)):
            asks = [row for row in rows if "update" not in row.payload]
            for ask in joined(Ask.of_payload(row.key, row.payload, row.accepted) for row in asks):
                with trail.following(ask.keys[0]):
                    self._spawn(guarded(work(ask)))
        for row in [*fresh, *stale]:
            if "update" in row.payload:
                with trail.following(row.key):
                    await self._again(row, fresh=row in fresh)
        if fresh or stale:
            logger.info(
                "Telegram: %d questions were left open, %d of them are still fresh", len(fresh) + len(stale), len(fresh)
            )

    async def _take(self, update: Update) -> None:
        """Write down what an update asks, then let it be worked on. Only a failing store lets this fail."""
        with trail.following(key_of(update)):
            ask = await self._look(update)
        await self._ask(ask)

    async def _again(self, row: Request, *, fresh: bool) -> None:
        """A command or a pressed button that whoever had it did not finish."""
        if fresh and not row.payload.get("sending"):
            await self._ask(await self._look(read(row.payload, self._bot), again=True))
        else:
            await self._errands.give_up(row)

    async def _ask(self, ask: Ask | None) -> None:
        if ask:
            with trail.following(ask.keys[0]):
                if await self._parts.desk.accept(ask):
                    self._spawn(guarded(self._parts.desk.answer(ask)))

    async def _look(self, update: Update, *, again: bool = False) -> Ask | None:
        """What an update asks. A bug in reading one must not stop the ones behind it."""
        try:
            found = await self._read(update)
            if isinstance(found, Errand):
                if again:
                    self._errands.begin(key_of(update), found)
                else:
                    await self._errands.take(update, found)
            elif again:
                await self._inbox.done(key_of(update))
        except sqlite3.Error:
            raise
        except Exception:
            logger.exception("Update %d could not be read (error %s)", update.update_id, trail.number())
            if again:
                await self._inbox.done(key_of(update))
            return None
        return found if isinstance(found, Ask) else None

    async def _read(self, update: Update) -> Ask | Errand | None:
        """What an update asks for."""
        if query := update.callback_query:
            return Errand(partial(self._parts.buttons.press, query), partial(self._alert_error, query))
        if member := update.my_chat_member:
            return Errand(partial(self._parts.groups.welcome, member))
        return await self._read_message(update.message) if update.message else None

    async def _read_message(self, message: Message) -> Ask | Errand | None:
        chat = message.chat
        private = chat.type == ChatType.PRIVATE
        if message.migrate_to_chat_id:
            await self._parts.groups.moved(chat.id, message.migrate_to_chat_id)
            return None
        if message.from_user and message.from_user.is_bot and not message.sender_chat:
            return None
        await self._albums.remember(message)
        automatic = not private and source_of(message) is not None and await self._parts.groups.automatic(message)
        ask = self._parts.reader.ask(message, automatic=automatic)
        if ask is None and self._parts.desk.collects(chat.id, message.media_group_id):
            ask = self._parts.reader.part(message)
        if ask:
            return ask
        handler = self._parts.commands.handler(message, self._parts.reader.command(message))
        return Errand(partial(handler, message), partial(self._say_error, message)) if handler else None

    async def _say_error(self, message: Message, number: str) -> None:
        talk = self._parts.talk
        await talk.say(message, say("error", await talk.language(message), id=number))

    async def _alert_error(self, query: CallbackQuery, number: str) -> None:
        await self._parts.delivery.alert(query.id, say("error", query.from_user.language_code or "en", id=number))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _initialize(bot: Bot) -> None:
    try:
        await bot.initialize()
    except InvalidToken as error:  # its text holds the token: it must not be shown, nor be the cause of what is
        first = error.__cause__
        if isinstance(first, InvalidToken) and said_by_telegram(first):
            why = first.message
        else:
            raise ConnectionError("Telegram answers 404 and not as a Bot API server") from None
    else:
        return
    raise GiveUp(_REFUSED.format(why=why))
