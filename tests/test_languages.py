"""Every language says everything, fills in the same words, and keeps within what chats take."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

from bot import wording
from bot.wording import (
    DEFAULT,
    about,
    duration,
    grouped,
    language_name,
    languages,
    machine_drafted,
    say,
    spoken,
)

BOT = Path(__file__).parent.parent / "bot"
OTHERS = [language for language in languages() if language != DEFAULT]
ENGLISH = wording._messages(DEFAULT)

# What is the same in another language on purpose. Only symbols and punctuation are the same in all of them.
SAME = {
    "verdict.symbol-ai",
    "verdict.symbol-real",
    "verdict.symbol-unsure",
    "web.later_warming",
    "web.refused",
    "web.finished",
}
SAME_WORDS = {
    "de": {"telegram.panel.exempt_admins", "web.token_label", "web.view_native"},
    "es": {"telegram.panel.exempt_admins", "telegram.panel.no", "evidence.prompt", "web.token_label"},
    "fr": {"telegram.panel.exempt_admins", "duration.minutes", "web.caption"},
    "pt": {"telegram.panel.exempt_admins", "evidence.prompt", "web.token_label", "web.caption"},
}


def test_the_languages_that_the_settings_offer_are_there() -> None:
    assert set(languages()) == {"en", "es", "de", "fr", "pt", "ja", "zh-CN", "hi"}
    assert [name for name in map(language_name, languages()) if not name.strip()] == []
    assert len(set(map(language_name, languages()))) == len(languages())


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_said_in_every_language_and_no_other(language: str) -> None:
    own = wording._messages(language)
    assert sorted(ENGLISH.keys() - own.keys()) == []
    assert sorted(own.keys() - ENGLISH.keys()) == []
    assert [key for key, sentence in own.items() if not sentence] == []


@pytest.mark.parametrize("language", OTHERS)
def test_the_words_to_fill_in_are_those_of_the_english_sentence(language: str) -> None:
    own = wording._messages(language)
    assert [key for key in ENGLISH.keys() & own.keys() if _slots(ENGLISH[key]) != _slots(own[key])] == []
    for key in own:  # and every sentence can be filled in
        say(key, language, **dict.fromkeys(_slots(own[key]), "7"))


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_left_in_english_by_accident(language: str) -> None:
    own = wording._messages(language)
    allowed = SAME | SAME_WORDS.get(language, set()) | {"language.thousands"}
    same = {key for key in ENGLISH.keys() & own.keys() if own[key] == ENGLISH[key] and re.search("[A-Za-z]", own[key])}
    assert sorted(same - allowed) == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_sentence_is_laid_out_like_the_english_one(language: str) -> None:
    own = wording._messages(language)
    for key in ENGLISH.keys() & own.keys() - {"language.thousands"}:
        english, said = ENGLISH[key], own[key]
        assert said == said.strip(), key
        assert said.count("\n") == english.count("\n"), key
        for mark in ("/check", "/settings", "/exempt", "/optout", "/candid", "`", "**", "•", "-# ", "📣", "⚠️", "["):
            assert said.count(mark) == english.count(mark), (key, mark)
        assert ('"' in said) <= ('"' in english), (key, "typewriter quotes")


@pytest.mark.parametrize(
    ("language", "likely", "never_proof"),
    [
        ("en", "likely", "never proof"),
        ("es", "probablemente", "nunca una prueba"),
        ("de", "wahrscheinlich", "nie ein Beweis"),
        ("fr", "probablement", "jamais une preuve"),
        ("pt", "provavelmente", "nunca uma prova"),
        ("ja", "おそらく", "証拠ではありません"),
        ("zh-CN", "很可能", "绝不是证据"),
        ("hi", "संभवतः", "सबूत कभी नहीं"),
    ],
)
def test_no_language_is_surer_than_the_english_one(language: str, likely: str, never_proof: str) -> None:
    for key in ("verdict.title-ai", "verdict.title-real", "web.scale_ai", "web.scale_real", "why.bands", "about.text"):
        assert likely in say(key, language).lower(), key
    hedged = [key for key, sentence in ENGLISH.items() if "never proof" in sentence]
    assert len(hedged) > 6
    for key in hedged:
        assert never_proof in say(key, language), key


@pytest.mark.parametrize("language", languages())
def test_a_time_to_wait_fits_into_its_sentence(language: str) -> None:
    waits = [duration(seconds, language) for seconds in (1, 2, 90, 91, 3600)]
    assert len(set(waits)) == 5
    one, many = say("duration.second", language), say("duration.minute", language)
    assert one != many
    for unit in ("seconds", "minutes"):
        assert _slots(say(f"duration.{unit}", language)) == {"count"}
    assert not _slots(one + many)
    for key in [key for key in ENGLISH if key.startswith("later.")]:
        for wait in waits:
            assert wait in say(key, language, wait=wait)


@pytest.mark.parametrize("language", languages())
def test_large_numbers_are_grouped_as_the_language_does_it(language: str) -> None:
    assert re.fullmatch(r"12[.,\u202f]000", grouped(12000, language))
    assert (grouped(1000, language) == "1,000") == (language in {"en", "ja", "zh-CN", "hi"})


@pytest.mark.parametrize(
    ("code", "served"),
    [
        ("de-AT", "de"),
        ("pt-BR", "pt"),
        ("pt-br", "pt"),
        ("es-419", "es"),
        ("es-ES", "es"),
        ("zh-CN", "zh-CN"),
        ("zh-Hans", "zh-CN"),
        ("zh-hans-cn", "zh-CN"),
        ("zh", "zh-CN"),
        ("zh-TW", "zh-CN"),  # read more easily than English by those who read traditional characters
        ("zh_CN", "zh-CN"),
        ("en-GB", "en"),
        ("hi", "hi"),
        ("JA", "ja"),
        ("ko", "en"),
        ("z", "en"),
        ("zhx", "en"),
        ("", "en"),
        ("-", "en"),
        ("../../etc/passwd", "en"),
    ],
)
def test_the_code_of_a_platform_finds_its_language(code: str, served: str) -> None:
    assert spoken(code) == served
    assert say("verdict.title-ai", code) == say("verdict.title-ai", served)


def test_it_says_which_languages_a_machine_drafted() -> None:
    from bot.core import ModelInfo
    from bot.verdict import Bands

    assert not machine_drafted("en")
    model = ModelInfo("wild-3", Bands(0.2, 0.8), {})
    for language in languages():
        notice = say("about.drafted", language)
        assert (notice in about(model, language)) == machine_drafted(language)
        head = (BOT / "messages" / f"{language}.toml").read_text(encoding="utf-8").split("\n\n")[0]
        assert ("Drafted by a machine" in head) == machine_drafted(language)


def test_no_sentence_is_there_that_nothing_says() -> None:
    assert [key for key in ENGLISH if not _used(key)] == []
    assert not _used("verdict.nonsense")
    assert not _used("telegram.panel.nonsense")


# What Discord and Telegram take at most, by the longest values that are filled in.
LIMITS = {
    32: ("discord.command.menu",),
    45: (  # titles and labels of Discord's forms
        "discord.form_title",
        "discord.form_label",
        "discord.appeal_title",
        "discord.appeal_label",
        "discord.panel.limits",
        "discord.panel.limit_person",
        "discord.panel.limit_day",
    ),
    64: ("telegram.appeal_hint",),  # in the empty input field
    80: (  # Discord's buttons
        "discord.why",
        "discord.wrong",
        "discord.appeal",
        "discord.case.right",
        "discord.case.wrong",
        "discord.case.ignored",
        "discord.privacy.erase",
        "discord.privacy.export_label",
        "discord.privacy.forget_label",
        "discord.privacy.optout_label",
        "discord.privacy.optin_label",
        "discord.panel.page-checks",
        "discord.panel.page-people",
        "discord.panel.page-answers",
        "discord.panel.everywhere_turn_on",
        "discord.panel.everywhere_turn_off",
        "discord.panel.appeals_turn_on",
        "discord.panel.appeals_turn_off",
        "discord.panel.review_turn_on",
        "discord.panel.review_turn_off",
    ),
    100: (  # descriptions of Discord's commands, hints in its forms, lines of its menus
        *(key for key in ENGLISH if key.startswith("discord.command.")),
        "discord.form_hint",
        "discord.appeal_hint",
        "discord.panel.limit_hint",
        *(key for key in ENGLISH if key.startswith(("discord.panel.mode-", "discord.panel.audience-"))),
        "discord.panel.sensitivity_default",
        "discord.panel.sensitivity_default_cost",
        "discord.panel.sensitivity_one_in",
        "discord.panel.finds",
        "discord.panel.language_default",
        "discord.panel.language_drafted",
    ),
    150: (  # what stands in Discord's menus before a choice
        "discord.why_which",
        "discord.wrong_which",
        "discord.appeal_which",
        "discord.panel.channels",
        "discord.panel.mode",
        "discord.panel.log_channel",
        "discord.panel.sensitivity",
        "discord.panel.sensitivity_unknown",
        "discord.panel.exempt_users",
        "discord.panel.exempt_roles",
        "discord.panel.exempt_channels",
        "discord.panel.users",
        "discord.panel.audience",
        "discord.panel.language",
    ),
    200: (  # what Telegram shows for a moment when a button was pressed
        "telegram.too_old",
        "telegram.why_private",
        "telegram.why_drawing",
        "telegram.noted_before",
        "telegram.moderators_only",
        "telegram.vote_noted",
        "telegram.admins_only",
        "telegram.appeals_off",
        "telegram.admins_ask",
        "telegram.exempt_here",
        "community.no-case",
        "community.not-author",
        "community.appealed",
        "community.found-wrong",
        "community.muted",
        "community.too-many-appeals",
        "community.decided",
        "community.log-needs-channel",
        "community.quota-server",
        "community.quota-user",
    ),
    256: tuple(key for key in ENGLISH if key.startswith("telegram.command.")),
    1024: ("discord.why_alt",),
    2000: tuple(key for key in ENGLISH if key.startswith(("discord.", "community."))),
    4096: tuple(key for key in ENGLISH if key.startswith("telegram.")),
}


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("limit", list(LIMITS))
def test_chats_take_every_sentence_in_every_language(language: str, limit: int) -> None:
    own = wording._messages(language)
    for key in LIMITS[limit]:
        filled = say(key, language, **dict.fromkeys(_slots(own.get(key, "")), "1,000"))
        units = len(filled.encode("utf-16-le")) // 2  # as the chats count
        assert 1 <= units <= limit, (key, units, filled)


@pytest.mark.parametrize("language", languages())
def test_the_legend_of_a_heat_map_has_no_empty_boxes(language: str) -> None:
    from bot.explanation import drawn_words
    from model.scale import can_draw
    from tests.test_wording import VERDICT

    legend, scale = drawn_words(VERDICT, language)
    said = (legend.ai, legend.real, scale.score, *scale.names)
    assert can_draw("".join(said))
    own = say("explain.speaks_ai", language)
    assert legend.ai == (own if can_draw(own) else say("explain.speaks_ai"))
    # Nothing is half in one language: all of it is in the reader's, or all of it in English.
    assert scale.names[0] == say("web.scale_real", language if legend.ai == own else DEFAULT)


def test_scripts_that_the_font_lacks_are_drawn_in_english() -> None:
    from bot.explanation import drawn_words
    from tests.test_wording import VERDICT

    english = drawn_words(VERDICT, DEFAULT)
    for language in ("ja", "zh-CN", "hi", "zh", "ja-JP"):
        assert drawn_words(VERDICT, language) == english
    for language in ("de", "es", "fr", "pt"):
        assert drawn_words(VERDICT, language) != english, "an own legend that the font can draw"


def _slots(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


@cache
def _sources() -> tuple[frozenset[str], tuple[re.Pattern[str], ...]]:
    """Every text in the sources, and every text with something to fill in, as a pattern."""
    texts: set[str] = set()
    patterns: set[str] = set()
    for path in BOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                patterns.add("".join(_pattern(node)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
    for path in BOT.rglob("page/*"):
        if path.suffix in {".js", ".html"}:
            found = re.findall(r"""["'`{]([\w-]+)["'`}]""", path.read_text(encoding="utf-8"))
            texts |= {f"web.{one}" for one in found}
    return frozenset(texts), tuple(re.compile(one) for one in sorted(patterns))


def _pattern(node: ast.JoinedStr) -> Iterator[str]:
    for part in node.values:
        if isinstance(part, ast.Constant):
            yield re.escape(str(part.value))
        else:
            yield r"[\w-]+"


def _used(key: str) -> bool:
    """Whether the sources name a key, in one piece or as a part of it that is put together."""
    texts, patterns = _sources()
    if key in texts:
        return True
    section, _, rest = key.rpartition(".")
    whole = re.escape(section) + r"\." + r"[\w-]+"  # f"{section}.{key}": then the key itself must be somewhere
    found = [one.pattern for one in patterns if one.fullmatch(key)]
    if any(pattern != whole and pattern.startswith(re.escape(section)) for pattern in found):
        return True
    parts = [
        one for one in patterns if one.fullmatch(rest) and re.search(r"[A-Za-z]{2}", one.pattern.replace(r"\w", ""))
    ]
    return whole in found and (rest in texts or bool(parts))
