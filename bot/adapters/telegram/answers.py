"""An answer as Telegram shows it: one message for one picture or for an album, with its buttons."""

from collections.abc import Sequence
from dataclasses import dataclass

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.adapters.telegram.delivery import plain
from bot.verdict import Label, Verdict
from bot.wording import in_language, percent, say, score, words

WHY, WRONG = "why", "wrong"
ALERT = 200  # Telegram's limit for the answer to a pressed button, in characters
_A_ROW = 5

Outcome = Verdict | str  # a verdict, or the sentence that says why there is none


@dataclass(frozen=True, slots=True)
class Answer:
    """HTML and the keyboard below it."""

    text: str
    keyboard: InlineKeyboardMarkup | None


def compose(outcomes: Sequence[Outcome], language: str, left_out: int = 0) -> Answer:
    """One message for everything that was asked; `left_out` pictures were too many to look at."""
    verdicts = [(number, o) for number, o in enumerate(outcomes, 1) if isinstance(o, Verdict)]
    if len(outcomes) == 1 and not left_out:
        return Answer(_one(outcomes[0], language), _keyboard(verdicts, language, numbered=False))
    lines = [f"{number}. {_line(outcome, language)}" for number, outcome in enumerate(outcomes, 1)]
    if left_out:
        lines.append(plain(say("telegram.left_out", language, looked=len(outcomes), left=left_out)))
    lines += _below([verdict for _, verdict in verdicts], language)
    return Answer("\n".join(lines), _keyboard(verdicts, language, numbered=True))


def _one(outcome: Outcome, language: str) -> str:
    if isinstance(outcome, str):
        return plain(outcome)
    outcome = in_language(outcome, language)
    said = words(outcome, language)
    lines = [_line(outcome, language), plain(said.arrival)]
    lines += [plain(say(f"note.{note}", language)) for note in outcome.notes]
    lines += [plain(say(f"why.{f.strength.value}", language, says=f.says)) for f in outcome.evidence]
    return "\n".join([*lines, *_below([outcome], language)])


def _line(outcome: Outcome, language: str) -> str:
    if isinstance(outcome, str):
        return plain(outcome)
    said = words(outcome, language)
    return f"{said.symbol} <b>{plain(said.title)}</b> · {plain(said.confidence)}"


def _below(verdicts: Sequence[Verdict], language: str) -> list[str]:
    """What is said once: the advice, the honest sentence, the model."""
    if not verdicts:
        return []
    said = [words(verdict, language) for verdict in verdicts]
    advice = [text for text in dict.fromkeys(s.advice for s in said) if text]
    # Among several pictures, the sentence about the one that is accused is the one that must not be missed.
    first = next((s for s, v in zip(said, verdicts, strict=True) if v.label is Label.AI), said[0])
    lines = [plain(text) for text in [first.honest, *advice]]
    return [*lines, f"<i>{plain(first.footer)}</i>"]


def _keyboard(verdicts: Sequence[tuple[int, Verdict]], language: str, *, numbered: bool) -> InlineKeyboardMarkup | None:
    if not verdicts:
        return None
    why, wrong = say("telegram.why", language), say("telegram.wrong", language)
    if not numbered:
        digest = verdicts[0][1].sha256[:32]
        row = [InlineKeyboardButton(why, callback_data=f"{WHY}:{digest}")]
        row.append(InlineKeyboardButton(wrong, callback_data=f"{WRONG}:{digest}"))
        return InlineKeyboardMarkup([row])
    rows = [verdicts[start : start + _A_ROW] for start in range(0, len(verdicts), _A_ROW)]
    return InlineKeyboardMarkup(
        [
            [_numbered(label, action, *entry) for entry in row]
            for label, action in ((why, WHY), (wrong, WRONG))
            for row in rows
        ]
    )


def _numbered(label: str, action: str, number: int, verdict: Verdict) -> InlineKeyboardButton:
    return InlineKeyboardButton(f"{label} {number}", callback_data=f"{action}:{verdict.sha256[:32]}")


def short_why(verdict: Verdict, language: str) -> str:
    """The reasons in one alert."""
    views = ", ".join(str(percent(view.p_ai)) for view in verdict.views)
    bands = {"real": percent(verdict.bands.real), "ai": percent(verdict.bands.ai)}
    text = say("telegram.short_why", language, score=score(verdict), views=views or "–", **bands)
    return text if len(text) <= ALERT else text[: ALERT - 1] + "…"
