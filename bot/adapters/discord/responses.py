"""The first response to an interaction, which must be there within 3 s, and what follows it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import discord
from discord.http import Route

from bot import trail
from bot.adapters.discord.answer import Answer, sentence
from bot.adapters.discord.delivery import Delivery, Revoked, Stale
from bot.adapters.discord.files import request
from bot.adapters.discord.here import Interaction, locale
from bot.adapters.discord.post import FOLLOWUP, original
from bot.adapters.discord.timings import Timings
from bot.wording import say

log = logging.getLogger(__name__)

Maker = Callable[[], Awaitable[Answer]]
ALREADY_ACKNOWLEDGED = 40060
MESSAGE, UPDATE, FORM = 4, 7, 9  # types of a response
EPHEMERAL = 64
PAUSES = (0.1, 0.2, 0.4, 0.8, 1.0)
CALLBACK = "/interactions/{webhook_id}/{webhook_token}/callback"


class Responses:
    """Responds; tries again while there is time; never raises for what Discord or the network does."""

    def __init__(self, delivery: Delivery, timings: Timings) -> None:
        self._delivery = delivery
        self._timings = timings

    async def acknowledge(self, interaction: Interaction, *, ephemeral: bool = False, update: bool = False) -> bool:
        """Say that an answer is coming. False if that didn't get there."""
        response = interaction.response
        return await self.first(lambda: response.defer(ephemeral=ephemeral, thinking=not update))

    async def quietly(self, interaction: Interaction, make: Maker, *, update: bool = False) -> None:
        """Answer this person only; or, with `update`, change the message that the menu is on.

        At once if the answer is quickly made, else acknowledge first.
        """
        making = asyncio.ensure_future(self._made(interaction, make))
        done, _ = await asyncio.wait({making}, timeout=self._timings.quick_seconds)
        if done and not interaction.response.is_done():
            answer = making.result()
            update = update and not answer.aside
            body = answer.body() if update else answer.body() | {"flags": EPHEMERAL}
            await self._respond(interaction, UPDATE if update else MESSAGE, body, answer)
            return
        if not interaction.response.is_done():
            await self.acknowledge(interaction, ephemeral=True, update=update)
        answer = await making
        application, token = interaction.application_id, interaction.token
        body, route = answer.body(), original(application, token)
        if update and answer.aside:
            body |= {"flags": EPHEMERAL}
            route = Route("POST", FOLLOWUP, webhook_id=application, webhook_token=token)
        try:
            await self._delivery.call(time.time() + self._timings.tell_seconds, route, body, answer.file)
        except (Stale, Revoked, discord.HTTPException) as error:
            log.warning("Discord: an answer to a button or command was lost: %s", type(error).__name__)

    async def sentence(self, interaction: Interaction, text: str) -> None:
        """Answer this person only, with one sentence."""

        async def make() -> Answer:
            return sentence(text, aside=True)

        await self.quietly(interaction, make)

    async def form(self, interaction: Interaction, form: dict[str, Any]) -> None:
        """Open a form."""
        await self._respond(interaction, FORM, form)

    async def bug(self, interaction: Interaction, error: BaseException) -> None:
        """Log a bug under a number and say the number."""

        async def make() -> Answer:
            return self._numbered(interaction, error)

        await self.quietly(interaction, make)

    async def first(self, respond: Callable[[], Awaitable[object]]) -> bool:
        """Make the first response. False if that didn't work in time."""
        try:
            async with asyncio.timeout(self._timings.ack_seconds):
                for pause in PAUSES:
                    try:
                        await respond()
                        return True
                    except discord.InteractionResponded:
                        return True
                    except discord.HTTPException as error:
                        if error.code == ALREADY_ACKNOWLEDGED:  # by an attempt whose answer got lost
                            return True
                        if error.status != 429 and error.status < 500:
                            log.warning("Discord: an interaction could not be responded to: %s", error.text)
                            return False
                    except (aiohttp.ClientError, OSError) as error:
                        log.info("Discord can't be reached (%s); responding again.", type(error).__name__)
                    except RuntimeError as error:
                        if self._delivery.client is not None:
                            raise
                        log.info("The client was closed before an interaction was responded to (%s).", error)
                        return False
                    await asyncio.sleep(pause)
        except TimeoutError:
            log.warning("Discord: an interaction could not be responded to in time.")
        return False

    async def _respond(
        self, interaction: Interaction, kind: int, data: dict[str, Any], answer: Answer | None = None
    ) -> None:
        route = Route("POST", CALLBACK, webhook_id=interaction.id, webhook_token=interaction.token)
        body = request({"type": kind, "data": data}, answer.file if answer is not None else None)
        await self.first(lambda: interaction.client.http.request(route, **body))

    async def _made(self, interaction: Interaction, make: Maker) -> Answer:
        try:
            return await make()
        except Exception as error:
            return self._numbered(interaction, error)

    def _numbered(self, interaction: Interaction, error: BaseException) -> Answer:
        number = trail.number()
        log.error("Discord: error %s in an interaction (%s)", number, interaction.type.name, exc_info=error)
        return sentence(say("error", locale(interaction), id=number), aside=True)
