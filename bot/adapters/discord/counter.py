"""Everything that takes what people ask, press, choose and send, put together; it outlives a connection."""

from collections.abc import Awaitable, Callable

from bot.adapters.discord.controls import Press
from bot.adapters.discord.delivery import Delivery
from bot.adapters.discord.desk import Desk
from bot.adapters.discord.download import Downloads
from bot.adapters.discord.examine import Examiner
from bot.adapters.discord.front import Front
from bot.adapters.discord.here import Interaction
from bot.adapters.discord.log_channel import LogChannel
from bot.adapters.discord.moderation import Moderation
from bot.adapters.discord.objections import Objections
from bot.adapters.discord.panel import SettingsDesk
from bot.adapters.discord.pictures import Pictures
from bot.adapters.discord.post import Post
from bot.adapters.discord.privacy import PrivacyDesk
from bot.adapters.discord.reasons import Reasons
from bot.adapters.discord.responses import Responses
from bot.adapters.discord.sources import Finder
from bot.adapters.discord.timings import Timings
from bot.community import Community
from bot.core import Checker
from bot.inbox import Inbox
from bot.settings import ChecksSettings

Taker = Callable[[Interaction, Press], Awaitable[None]]


class Counter:
    """`desk` takes requests, `front`, `settings` and `privacy` take commands, `take` everything else."""

    def __init__(
        self,
        checks: ChecksSettings,
        checker: Checker,
        community: Community,
        inbox: Inbox,
        delivery: Delivery,
        finder: Finder,
        downloads: Downloads,
        timings: Timings,
    ) -> None:
        pictures = Pictures(delivery, finder, downloads, timings)
        log_channel = LogChannel(delivery, community, checker, timings)
        examiner = Examiner(checks, checker, community, delivery, finder, downloads, pictures, timings)
        self.desk = Desk(checks.fresh_minutes, examiner, inbox, Post(delivery, inbox, timings), log_channel)
        self.responses = responses = Responses(delivery, timings)
        self.front = Front(self.desk, checker, community, responses, finder)
        self.settings = SettingsDesk(checker, community, log_channel, responses)
        self.privacy = PrivacyDesk(community, log_channel, responses)
        objections = Objections(checker, community, pictures, log_channel, responses)
        self._takers: dict[str, Taker] = {
            "why": Reasons(checker, community, pictures, responses).pressed,
            "wrong": objections.wrong,
            "report": objections.report,
            "appeal": objections.appeal,
            "appealed": objections.appealed,
            "case": Moderation(community, log_channel, responses).pressed,
            "page": self.settings.turn,
            "set": self.settings.choose,
            "limits": self.settings.limit,
            "mine": self.privacy.pressed,
        }

    async def take(self, interaction: Interaction, press: Press) -> None:
        """A button, a menu or a form; nothing happens for one that isn't known (any more)."""
        taker = self._takers.get(press.what)
        if taker is not None:
            await taker(interaction, press)
