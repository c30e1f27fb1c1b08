"""Verdict -> words. Every sentence that a chat or the page shows stands in bot/messages/, one file a language."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from bot.errors import Refusal, TryLater
from bot.verdict import VIEW_KINDS, Arrival, Basis, Label, Phrase, Verdict

if TYPE_CHECKING:
    from bot.core import ModelInfo
    from bot.record import Record

DEFAULT = "en"
MOST_SURE = 99  # percent: no verdict is certain

_NAMES = ("what", "trust")  # values of sentences that are keys


@dataclass(frozen=True, slots=True)
class Words:
    """A verdict in words. `symbol` tells labels apart without colour; `advice` says what would help, if anything."""

    symbol: str
    title: str
    confidence: str
    arrival: str
    honest: str
    advice: str | None
    footer: str


def say(key: str, language: str = DEFAULT, **values: object) -> str:
    """The sentence `key` ("refusal.truncated") with its {words} filled in; in English where the language lacks it.

    Raises KeyError for a key that English lacks: that is a bug, and a test looks for it.
    """
    sentence = _messages(_known(language)).get(key)
    if sentence is None:
        sentence = _messages(DEFAULT)[key]
    return sentence.format(**values) if values else sentence


def refuse(reason: str, key: str, /, **values: object) -> Refusal:
    """A Refusal with the sentence `key`, for those who don't know yet in which language it will be read.

    The value `what` is a key itself: of what to call the file.
    """
    return Refusal(reason, refused(Refusal(reason, "", key, values)), key, values)


def refused(error: Refusal | TryLater, language: str = DEFAULT) -> str:
    """The sentence of a Refusal or of TryLater in a language, as far as it names one."""
    if not error.key:
        return str(error)
    if isinstance(error, TryLater):
        return say(error.key, language, wait=duration(round(error.seconds), language))
    return _phrase(error.key, error.values, language)


def told(phrases: Iterable[Phrase], language: str = DEFAULT) -> str:
    """Phrases as a text."""
    return " ".join(_phrase(phrase.key, dict(phrase.values), language) for phrase in phrases)


def in_language(verdict: Verdict, language: str) -> Verdict:
    """The verdict with what the file says in a language, as far as it is kept as phrases."""
    if not verdict.evidence or _known(language) == DEFAULT:
        return verdict
    said = (replace(one, says=told(one.phrases, language)) if one.phrases else one for one in verdict.evidence)
    return replace(verdict, evidence=tuple(said))


def _phrase(key: str, values: Mapping[str, object], language: str) -> str:
    """The sentence `key`; some of its values are keys themselves, of what to call a thing."""
    named = {name: say(str(value), language, **values) for name, value in values.items() if name in _NAMES}
    return say(key, language, **{**values, **named})


def words(verdict: Verdict, language: str = DEFAULT) -> Words:
    label = verdict.label.value
    advice = None
    if verdict.label is Label.UNSURE and verdict.arrival is not Arrival.ORIGINAL:
        advice = say(f"verdict.advice-{verdict.arrival.value}", language)
    return Words(
        symbol=say(f"verdict.symbol-{label}", language),
        title=say(f"verdict.title-{label}", language),
        confidence=_confidence(verdict, language),
        arrival=say(f"verdict.arrival-{verdict.arrival.value}", language),
        honest=say("verdict.honest-file" if verdict.basis is Basis.FILE else f"verdict.honest-{label}", language),
        advice=advice,
        footer=say("verdict.footer", language, model=verdict.model),
    )


def why(verdict: Verdict, language: str = DEFAULT, record: "Record | None" = None) -> str:
    """How the verdict came about: the score, the bands, what each view says by itself, what the file says.

    `record` (see bot.record) adds how often the model is right about pictures that arrive like this one.
    """
    verdict = in_language(verdict, language)
    lines = [
        say("why.score", language, p_ai=score(verdict)),
        say("why.bands", language, real=percent(verdict.bands.real), ai=percent(verdict.bands.ai)),
    ]
    for kind in VIEW_KINDS:
        scores = [percent(view.p_ai) for view in verdict.views if view.kind == kind]
        if scores:
            lines.append(say(f"why.{kind}", language, scores=", ".join(str(score) for score in scores)))
    lines += [say(f"note.{note}", language) for note in verdict.notes]
    if verdict.evidence:
        lines.append(say("why.evidence", language))
        lines += [say(f"why.{finding.strength.value}", language, says=finding.says) for finding in verdict.evidence]
    if verdict.basis is Basis.FILE:
        lines.append(say("why.by-file", language))
    if record:
        lines.append(how_it_does(record, language))
    lines.append(say("why.honest", language))
    return "\n".join(lines)


def how_it_does(record: "Record", language: str = DEFAULT) -> str:
    """False accusations of 1,000 real pictures, and finds of 100 AI-generated ones; never none and never all."""
    return say("why.record", language, accused=max(1, round(1000 * record.accused)), found=percent(record.found))


def about(model: "ModelInfo", language: str = DEFAULT) -> str:
    """What Candid is, which model answers, and its published bands; and whether a machine wrote these words."""
    bands = {"real": percent(model.bands.real), "ai": percent(model.bands.ai)}
    text = say("about.text", language, model=model.version, **bands)
    return f"{text}\n{say('about.drafted', language)}" if machine_drafted(language) else text


def percent(share: float) -> int:
    """A share as whole percent, never 0 or 100."""
    return max(100 - MOST_SURE, min(MOST_SURE, round(100 * share)))


def score(verdict: Verdict) -> int:
    """p_ai as whole percent that stands on the same side of the bands as p_ai does, however those are rounded."""
    shown, bands = percent(verdict.p_ai), verdict.bands
    if verdict.p_ai < bands.ai:
        shown = min(shown, percent(bands.ai) - 1)
    if verdict.p_ai > bands.real:
        shown = max(shown, percent(bands.real) + 1)
    return shown


def duration(seconds: int, language: str = DEFAULT) -> str:
    """A time to wait, rounded up: "a second", "20 seconds", "3 minutes"."""
    count, unit = (seconds, "second") if seconds <= 90 else (-(-seconds // 60), "minute")
    return say(f"duration.{unit}" if count == 1 else f"duration.{unit}s", language, count=count)


def _confidence(verdict: Verdict, language: str) -> str:
    if verdict.basis is Basis.FILE:
        return say("verdict.confidence-file", language)
    if verdict.label is Label.UNSURE:
        return say("verdict.confidence-unsure", language, p_ai=score(verdict))
    return say("verdict.confidence", language, sure=percent(verdict.confidence))


def languages() -> list[str]:
    """The languages that there is a file for."""
    return sorted(
        file.name[:-5] for file in resources.files("bot").joinpath("messages").iterdir() if file.name.endswith(".toml")
    )


def spoken(code: str) -> str:
    """Which of `languages` serves a code of a platform or browser: "es-419" is served by "es", "zh" by "zh-CN"."""
    return _known(code)


def language_name(language: str) -> str:
    """What a language calls itself."""
    return say("language.name", language)


def machine_drafted(language: str) -> bool:
    """Whether a machine wrote the sentences of a language and no native speaker has read them yet."""
    return say("language.drafted", language) == str(True)


def grouped(count: int, language: str = DEFAULT) -> str:
    """A large number as the language writes it: "1,000", "1.000"."""
    return f"{count:,}".replace(",", say("language.thousands", language))


def _known(language: str) -> str:
    """ "de-AT" is served by "de", "pt-BR" by "pt", and any Chinese by "zh-CN"; an unknown language by English."""
    if language in _available():
        return language
    short = language.replace("_", "-").lower()
    first = short.split("-")[0]
    names = {name.lower(): name for name in sorted(_available())}
    alike = [name for code, name in names.items() if code.split("-")[0] == first]
    return names.get(short) or names.get(first) or next(iter(alike), DEFAULT)


@cache
def _available() -> frozenset[str]:
    return frozenset(languages())


@cache
def _messages(language: str) -> dict[str, str]:
    text = resources.files("bot").joinpath("messages", f"{language}.toml").read_text(encoding="utf-8")
    return dict(_flat(tomllib.loads(text)))


def _flat(table: dict[str, Any], before: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in table.items():
        found += _flat(value, f"{before}{key}.") if isinstance(value, dict) else [(f"{before}{key}", str(value))]
    return found
