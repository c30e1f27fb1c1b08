"""The pages of the settings panel: what stands there, and the menus and buttons. Each is one message of five rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import discord

from bot.adapters.discord.answer import MOST_TEXT, Answer
from bot.adapters.discord.controls import Json, Option, Pick, Row, Style, button, menu, pick, row
from bot.adapters.discord.here import mentions, number
from bot.adapters.discord.post import missing
from bot.community import EVERYWHERE, Audience, Mode, Rules
from bot.sensitivity import Choice
from bot.wording import grouped, language_name, languages, machine_drafted, percent, say

PAGES = ("checks", "people", "answers")
DEFAULT = "default"  # in a menu: what holds where the server has set nothing
MOST_WARNINGS = 5
MOST_NAMED = 24  # lines of a menu, beside the first


@dataclass(frozen=True, slots=True)
class Panel:
    """All that a page is drawn from. `content`: the bot reads messages; `note` stands on top."""

    guild: discord.Guild
    rules: Rules
    language: str
    choices: Sequence[Choice]
    reviewable: bool
    keep_days: int
    content: bool
    used: int = 0  # checks today
    note: str = ""

    def page(self, name: str) -> Answer:
        """The page as a message that only the admin sees."""
        lines, rows = {"checks": self._checks, "people": self._people, "answers": self._answers}[name]()
        text = "\n".join(filter(None, (self.note, self._say("title"), *lines)))
        return Answer(content=text[:MOST_TEXT], components=(*rows, self._turns(name)))

    def _checks(self) -> tuple[list[str], list[Row]]:
        rules = self.rules
        everywhere = EVERYWHERE in rules.channels
        channels = self._known(rules.channels)
        log_channel = self._known((rules.log_channel,) if rules.log_channel else ())
        if everywhere:
            where = self._say("automatic_everywhere")
        else:
            where = self._say("automatic_in", channels=mentions(channels, "#")) if channels else self._say("nowhere")
        lost = bool(rules.log_channel) and not log_channel
        lines = [where, *([self._say("log_channel_gone")] if lost else []), *self._warnings(channels, log_channel)]
        modes = [Option(mode, self._say(f"mode-{mode}")) for mode in Mode]
        return lines, [
            row(pick(Pick.CHANNELS, "set:checks:channels", self._say("channels"), channels)),
            row(menu("set:checks:mode", self._say("mode"), modes, rules.mode)),
            row(pick(Pick.CHANNELS, "set:checks:log_channel", self._say("log_channel"), log_channel, 1)),
            row(self._sensitivity()),
        ]

    def _people(self) -> tuple[list[str], list[Row]]:
        rules = self.rules
        users = [number(user) for user in rules.exempt_users]
        roles, askers = self._roles(rules.exempt_roles), self._roles(rules.users)
        channels = self._known(rules.exempt_channels)
        lines = [
            self._say("people"),
            self._say("may_ask", roles=mentions(askers, "@&")) if askers else self._say("all_may_ask"),
        ]
        return lines, [
            row(pick(Pick.USERS, "set:people:exempt_users", self._say("exempt_users"), users)),
            row(pick(Pick.ROLES, "set:people:exempt_roles", self._say("exempt_roles"), roles)),
            row(pick(Pick.CHANNELS, "set:people:exempt_channels", self._say("exempt_channels"), channels)),
            row(pick(Pick.ROLES, "set:people:users", self._say("users"), askers)),
        ]

    def _answers(self) -> tuple[list[str], list[Row]]:
        rules = self.rules
        person = f"{rules.per_user_per_minute:g}" if rules.per_user_per_minute is not None else None
        day = grouped(rules.per_server_per_day, self.language) if rules.per_server_per_day is not None else None
        lines = [
            self._say("per_person", count=person) if person else self._say("per_person_default"),
            self._say("per_day", count=day) if day else self._say("per_day_default"),
            *([self._used()] if day else []),
            self._say("appeals_on" if rules.appealable else "appeals_need_log" if rules.appeals else "appeals_off"),
        ]
        if self.reviewable:
            lines.append(self._say("review_on" if rules.review else "review_off", days=self.keep_days))
        if rules.review and rules.log_channel is None:
            lines.append(say("community.review-needs-log", self.language))
        audiences = [Option(one, self._say(f"audience-{one}")) for one in Audience]
        note = self._say("language_drafted")
        known = [
            Option(code, language_name(code), note if machine_drafted(code) else "")
            for code in languages()[:MOST_NAMED]
        ]
        tongues = [Option(DEFAULT, self._say("language_default")), *known]
        toggles = [
            button("set:answers:limits", self._say("limits")),
            self._toggle("appeals", rules.appeals),
            self._toggle("review", rules.review, disabled=not self.reviewable and not rules.review),
        ]
        return lines, [
            row(menu("set:answers:audience", self._say("audience"), audiences, rules.audience)),
            row(menu("set:answers:language", self._say("language"), tongues, rules.language or DEFAULT)),
            row(*toggles),
        ]

    def _turns(self, name: str) -> Row:
        """The other pages."""
        buttons = [
            button(f"page:{one}", self._say(f"page-{one}"), Style.PRIMARY, disabled=one == name) for one in PAGES
        ]
        if name == "checks":
            buttons.append(self._toggle("everywhere", EVERYWHERE in self.rules.channels, page=name))
        return row(*buttons)

    def _toggle(self, key: str, on: bool, *, page: str = "answers", disabled: bool = False) -> Json:
        label = self._say(f"{key}_turn_off" if on else f"{key}_turn_on")
        return button(f"set:{page}:{key}", label, Style.SUCCESS if on else Style.SECONDARY, disabled=disabled)

    def _sensitivity(self) -> Json:
        """What each choice costs stands beside it."""
        options = [Option(DEFAULT, self._say("sensitivity_default"), self._say("sensitivity_default_cost"))]
        for choice in self.choices:
            label = self._say("sensitivity_one_in", count=grouped(choice.one_in, self.language))
            options.append(Option(str(choice.one_in), label, self._say("finds", found=percent(choice.found))))
        hint = self._say("sensitivity" if self.choices else "sensitivity_unknown")
        chosen = str(self.rules.sensitivity or DEFAULT)
        return menu("set:checks:sensitivity", hint, options, chosen, disabled=not self.choices)

    def _warnings(self, channels: Sequence[str], log_channel: Sequence[str]) -> list[str]:
        """What keeps the settings from working: at most a few lines."""
        found = [] if self.content else [say("discord.intent_missing", self.language)]
        mode = self.rules.mode
        for channel in dict.fromkeys((*(() if mode is Mode.LOG else channels), *log_channel)):
            reacting = mode is Mode.REACT and channel in channels
            lacking = ", ".join(missing(self.guild.get_channel_or_thread(int(channel)), reacting=reacting))
            if lacking:
                place = f"<#{channel}>"
                found.append(say("discord.permission_missing", self.language, channel=place, names=lacking))
        return found[:MOST_WARNINGS]

    def _used(self) -> str:
        used, most = (grouped(number or 0, self.language) for number in (self.used, self.rules.per_server_per_day))
        return say("community.quota-used", self.language, used=used, most=most)

    def _known(self, channels: Sequence[str]) -> list[str]:
        """Of these, the channels that there are still."""
        return [one for one in channels if one.isdecimal() and self.guild.get_channel_or_thread(int(one)) is not None]

    def _roles(self, roles: Sequence[str]) -> list[str]:
        return [one for one in roles if self.guild.get_role(int(one)) is not None]

    def _say(self, key: str, **values: object) -> str:
        return say(f"discord.panel.{key}", self.language, **values)
