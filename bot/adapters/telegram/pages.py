"""The pages of a group's settings: what each says and which buttons it has, from the rules alone.

A button's data is "set:PAGE" to open a page, and "set:PAGE:VALUE" to change something there. Nothing is kept between two
presses, so the buttons outlive a restart.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.adapters.telegram.asks import GENERAL
from bot.adapters.telegram.link import deep_link
from bot.community import EVERYWHERE, SENSITIVITIES, Audience, Mode, Rules
from bot.core import ModelInfo
from bot.sensitivity import choices
from bot.verdict import Arrival
from bot.wording import grouped, language_name, languages, machine_drafted, percent, say

SETTINGS = "set"
LOG = "log"  # what the link that chooses a log chat begins with

MINUTE = (1, 3, 10)
DAY = (100, 500, 2000)

_MOST_PEOPLE = 20  # whose exemption a page can end


@dataclass(frozen=True, slots=True)
class View:
    """What a page is made from. `topic` is the one that the page stands in, in a group with topics."""

    rules: Rules
    language: str
    chat: int
    username: str
    model: ModelInfo
    topic: str | None = None
    sees_all: bool = True
    reviews: bool = False  # whether whoever runs the bot keeps pictures for review
    used: int = 0  # checks today
    names: dict[str, str] = field(default_factory=dict)  # of exempt people

    def say(self, key: str, **values: object) -> str:
        """A sentence of the settings."""
        return say(f"telegram.panel.{key}", self.language, **values)


Row = list[InlineKeyboardButton]


def page(name: str, view: View) -> tuple[str, InlineKeyboardMarkup]:
    """The text and the buttons of a page; of the first one for a name that isn't known."""
    if name not in _PAGES:
        name = "main"
    lines = [view.say(name)]
    if name in ("main", "where") and view.rules.channels and not view.sees_all:
        lines.append(say("telegram.privacy_mode", view.language))
    if name == "where" and view.topic is not None:
        lines.append(view.say("where_topic"))
    if name == "language":
        drafted = ", ".join(language_name(code) for code in languages() if machine_drafted(code))
        lines += [view.say("language_drafted", names=drafted)] if drafted else []
    most = view.rules.per_server_per_day
    if name == "limits" and most is not None:
        used = {"used": grouped(view.used, view.language), "most": grouped(most, view.language)}
        lines.append(say("community.quota-used", view.language, **used))
    if name == "review" and view.rules.review and view.rules.log_channel is None:
        lines.append(say("community.review-needs-log", view.language))
    if name == "exempt":
        lines.append(say("telegram.exempt_how", view.language))
    if name == "sensitivity" and not _curve(view):
        lines = [view.say("sensitivity_none")]
    rows = [*_PAGES[name](view)]
    if name != "main":
        rows.append([_opens(view.say("back"), "main")])
    return "\n\n".join(lines), InlineKeyboardMarkup(rows)


def _main(view: View) -> Iterable[Row]:
    rules = view.rules
    per_minute_or_day = rules.per_user_per_minute is not None or rules.per_server_per_day is not None
    own = view.say("language_own")
    now = {
        "where": _where_now(view),
        "mode": view.say(f"mode_{rules.mode.value}"),
        "sensitivity": _one_in(view, rules.sensitivity),
        "log": _log_now(view),
        "exempt": _exempt_now(view),
        "who": view.say("who_admins" if rules.users else "who_all"),
        "language": language_name(rules.language) if rules.language else own,
        "limits": view.say("limits_some" if per_minute_or_day else "limits_none"),
        "appeals": view.say("yes" if rules.appealable else "no"),
    }
    if view.reviews:
        now["review"] = view.say("yes" if rules.review else "no")
    for name, value in now.items():
        yield [_opens(view.say(f"button_{name}", now=value), name)]
    yield [_sets(view.say("close"), "close", "")]


def _where(view: View) -> Iterable[Row]:
    channels = view.rules.channels
    yield [_chosen(view.say("everywhere"), EVERYWHERE in channels, "where", "all")]
    if view.topic is not None:
        yield from _topics(view, channels, "where")
    yield [_chosen(view.say("nowhere"), not channels, "where", "off")]


def _topics(view: View, chosen: tuple[str, ...], name: str) -> Iterable[Row]:
    """This topic, and the others that are chosen: Telegram tells no bot which topics there are."""
    others = [topic for topic in chosen if topic not in (EVERYWHERE, view.topic)]
    if view.topic is not None:
        yield [_chosen(view.say("this_topic"), view.topic in chosen, name, f"t{view.topic}")]
    for topic in others:
        yield [_chosen(view.say("topic", number=topic), True, name, f"t{topic}")]


def _mode(view: View) -> Iterable[Row]:
    for mode in Mode:
        yield [_chosen(view.say(f"mode_{mode.value}"), view.rules.mode is mode, "mode", mode.value)]


def _sensitivity(view: View) -> Iterable[Row]:
    yield [_chosen(view.say("published"), view.rules.sensitivity is None, "sensitivity", "0")]
    found = _curve(view)
    for one_in in SENSITIVITIES:
        if one_in in found:
            label = view.say("one_in_found", count=grouped(one_in, view.language), found=percent(found[one_in]))
            yield [_chosen(label, view.rules.sensitivity == one_in, "sensitivity", str(one_in))]


def _log(view: View) -> Iterable[Row]:
    here = view.topic if view.topic not in (None, str(GENERAL)) else str(view.chat)
    chosen = view.rules.log_channel
    yield [_chosen(view.say("log_off"), chosen is None, "log", "off")]
    name = "this_topic" if here == view.topic else "log_here"
    yield [_chosen(view.say(name), chosen == here, "log", f"h{here}")]
    link = deep_link(view.username, f"{LOG}_{view.chat}", group=True)
    elsewhere = chosen is not None and chosen != here
    yield [InlineKeyboardButton(_marked(view.say("log_choose"), elsewhere), url=link)]


def _exempt(view: View) -> Iterable[Row]:
    rules = view.rules
    yield [_chosen(view.say("exempt_admins"), "admins" in rules.exempt_roles, "exempt", "admins")]
    if view.topic is not None:
        yield from _topics(view, rules.exempt_channels, "exempt")
    for person in rules.exempt_users[:_MOST_PEOPLE]:
        number = person.rpartition("/")[2]
        yield [_chosen(view.names.get(person, number), True, "exempt", f"u{number}")]


def _who(view: View) -> Iterable[Row]:
    yield [_chosen(view.say("who_all"), not view.rules.users, "who", "all")]
    yield [_chosen(view.say("who_admins"), bool(view.rules.users), "who", "admins")]
    aside = view.rules.audience is Audience.ASKER
    yield [_chosen(view.say("audience_everyone"), not aside, "who", Audience.EVERYONE.value)]
    yield [_chosen(view.say("audience_asker"), aside, "who", Audience.ASKER.value)]


def _language(view: View) -> Iterable[Row]:
    yield [_chosen(view.say("language_own"), view.rules.language is None, "language", "own")]
    known = languages()
    for start in range(0, len(known), 2):
        yield [
            _chosen(language_name(code), view.rules.language == code, "language", code)
            for code in known[start : start + 2]
        ]


def _limits(view: View) -> Iterable[Row]:
    """A few choices, and what else a file may have set."""
    minute, day = view.rules.per_user_per_minute, view.rules.per_server_per_day
    yield [_chosen(view.say("limit_minute_none"), minute is None, "limits", "m0")]
    for count in sorted({*MINUTE, minute or MINUTE[0]}):
        yield [_chosen(view.say("limit_minute", count=f"{count:g}"), minute == count, "limits", f"m{count:.6g}")]
    yield [_chosen(view.say("limit_day_none"), day is None, "limits", "d0")]
    for most in sorted({*DAY, day or DAY[0]}):
        label = view.say("limit_day", count=grouped(most, view.language))
        yield [_chosen(label, day == most, "limits", f"d{most}")]


def _appeals(view: View) -> Iterable[Row]:
    yield from _switch(view, view.rules.appeals, "appeals")


def _review(view: View) -> Iterable[Row]:
    yield from _switch(view, view.rules.review, "review")


def _switch(view: View, on: bool, name: str) -> Iterable[Row]:
    yield [_chosen(view.say("yes"), on, name, "1"), _chosen(view.say("no"), not on, name, "0")]


_PAGES: dict[str, Callable[[View], Iterable[Row]]] = {
    "main": _main,
    "where": _where,
    "mode": _mode,
    "sensitivity": _sensitivity,
    "log": _log,
    "exempt": _exempt,
    "who": _who,
    "language": _language,
    "limits": _limits,
    "appeals": _appeals,
    "review": _review,
}


def _where_now(view: View) -> str:
    channels = view.rules.channels
    if EVERYWHERE in channels:
        return view.say("everywhere")
    return view.say("topics", count=len(channels)) if channels else view.say("nowhere")


def _one_in(view: View, one_in: int | None) -> str:
    return view.say("published") if one_in is None else view.say("one_in", count=grouped(one_in, view.language))


def _log_now(view: View) -> str:
    chosen = view.rules.log_channel
    if chosen is None:
        return view.say("log_off")
    if chosen == str(view.chat):
        return view.say("log_here")
    return view.say("log_elsewhere") if int(chosen) < 0 else view.say("topic", number=chosen)


def _exempt_now(view: View) -> str:
    rules = view.rules
    count = len(rules.exempt_users) + len(rules.exempt_roles) + len(rules.exempt_channels)
    return view.say("exempt_entries", count=count) if count else view.say("nobody")


def _curve(view: View) -> dict[int, float]:
    """What each sensitivity finds among photos, which is how most pictures come on Telegram."""
    return {choice.one_in: choice.found for choice in choices(view.model, Arrival.RECOMPRESSED)}


def _opens(label: str, name: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(label, callback_data=f"{SETTINGS}:{name}")


def _sets(label: str, name: str, value: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(label, callback_data=f"{SETTINGS}:{name}:{value}")


def _chosen(label: str, on: bool, name: str, value: str) -> InlineKeyboardButton:
    return _sets(_marked(label, on), name, value)


def _marked(label: str, on: bool) -> str:
    return f"✓ {label}" if on else label
