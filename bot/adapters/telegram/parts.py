"""The parts that work for one bot, put together."""

import asyncio
from dataclasses import dataclass
from typing import Self

from bot.adapters.telegram.albums import Albums
from bot.adapters.telegram.appeals import Appeals
from bot.adapters.telegram.asks import Reader
from bot.adapters.telegram.attachments import Attachments
from bot.adapters.telegram.buttons import Buttons, Reports
from bot.adapters.telegram.casebook import CaseBook
from bot.adapters.telegram.commands import Commands
from bot.adapters.telegram.delivery import Delivery
from bot.adapters.telegram.desk import Desk
from bot.adapters.telegram.gate import Gate
from bot.adapters.telegram.groups import Groups
from bot.adapters.telegram.link import Bot, Timings
from bot.adapters.telegram.panel import Panel
from bot.adapters.telegram.personal import Personal
from bot.adapters.telegram.pictures import Pictures
from bot.adapters.telegram.placeholders import Placeholders
from bot.adapters.telegram.reactions import Reactions
from bot.adapters.telegram.rights import Rights
from bot.adapters.telegram.talk import Talk
from bot.adapters.telegram.whispers import Whispers
from bot.adapters.telegram.why import Why
from bot.community import Community
from bot.core import Checker
from bot.inbox import Inbox
from bot.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    """What the adapter itself speaks to."""

    delivery: Delivery
    talk: Talk
    reader: Reader
    desk: Desk
    groups: Groups
    commands: Commands
    buttons: Buttons

    @classmethod
    def of(
        cls,
        bot: Bot,
        settings: Settings,
        checker: Checker,
        inbox: Inbox,
        community: Community,
        timings: Timings,
        albums: Albums,
        stop: asyncio.Event,
    ) -> Self:
        """For an initialized bot; `stop` is set when nothing new is to be begun."""
        name, delivery = bot.username, Delivery(bot, timings)
        rights, attachments = Rights(bot, delivery, timings), Attachments(bot, delivery)
        gate = Gate(community, rights)
        talk = Talk(delivery, gate)
        pictures = Pictures(delivery, albums, settings.checks.max_bytes)
        casebook = CaseBook(delivery, community, rights, gate)
        why = Why(name, checker, delivery, attachments, Whispers(bot, delivery), gate, pictures, timings)
        appeals = Appeals(name, checker, delivery, community, gate, pictures, casebook, talk)
        personal = Personal(name, delivery, attachments, community, casebook, talk)
        panel = Panel(bot, delivery, community, checker, rights, gate, talk)
        groups = Groups(bot, delivery, community, checker, rights, gate, talk)
        reports = Reports(delivery, checker, community, gate, pictures, casebook)
        reactions, placeholders = Reactions(bot, delivery), Placeholders(delivery, inbox, attachments)
        desk = Desk(
            settings, checker, inbox, delivery, gate, pictures, casebook, reactions, placeholders, timings, stop
        )
        return cls(
            delivery=delivery,
            talk=talk,
            reader=Reader(name, albums),
            desk=desk,
            groups=groups,
            commands=Commands(groups, panel, personal, why, appeals),
            buttons=Buttons(delivery, why, reports, appeals, casebook, panel, personal),
        )
