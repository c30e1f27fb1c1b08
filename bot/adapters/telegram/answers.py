"""An answer as Telegram shows it: one message for one picture or for an album, with its buttons."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.adapters.telegram.delivery import plain
from bot.verdict import Label, Verdict
from bot.wording import in_language, say, words

WHY, WRONG, APPEAL = "why", "wrong", "appeal"
_A_ROW = 5

Outcome = Verdict | str  # a verdict, or the sentence that says why there is none


@dataclass(frozen=True, slots=True)
class Answer:
    """HTML and the keyboard below it."""

    text: str
    keyboard: InlineKeyboardMarkup | None


def compose(outcomes: Sequence[Outcome], language: str, left_out: int = 0, appealable: Collection[str] = ()) -> Answer:
    """One message for everything that was asked.

    `left_out` pictures were too many to look at; `appealable` are the hashes of those that their author may appeal.
    """
    verdicts = [(number, o) for number, o in enumerate(outcomes, 1) if isinstance(o, Verdict)]
    if len(outcomes) == 1 and not left_out:
        return Answer(_one(outcomes[0], language), _keyboard(verdicts, language, appealable, numbered=False))
    lines = [f"{number}. {_line(outcome, language)}" for number, outcome in enumerate(outcomes, 1)]
    if left_out:
        lines.append(plain(say("telegram.left_out", language, looked=len(outcomes), left=left_out)))
    lines += _below([verdict for _, verdict in verdicts], language)
    return Answer("\n".join(lines), _keyboard(verdicts, language, appealable, numbered=True))


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


def _keyboard(
    verdicts: Sequence[tuple[int, Verdict]], language: str, appealable: Collection[str], *, numbered: bool
) -> InlineKeyboardMarkup | None:
    if not verdicts:
        return None
    labels = {action: say(f"telegram.{action}", language) for action in (WHY, WRONG, APPEAL)}
    flagged = [entry for entry in verdicts if entry[1].sha256 in appealable]
    if not numbered:
        verdict = verdicts[0][1]
        rows = [[_button(labels[WHY], WHY, verdict), _button(labels[WRONG], WRONG, verdict)]]
        rows += [[_button(labels[APPEAL], APPEAL, verdict)] for _, verdict in flagged]
        return InlineKeyboardMarkup(rows)
    return InlineKeyboardMarkup(
        [
            [_button(f"{labels[action]} {number}", action, verdict) for number, verdict in row]
            for action, entries in ((WHY, verdicts), (WRONG, verdicts), (APPEAL, flagged))
            for row in (entries[start : start + _A_ROW] for start in range(0, len(entries), _A_ROW))
        ]
    )


def _button(label: str, action: str, verdict: Verdict) -> InlineKeyboardButton:
    return InlineKeyboardButton(label, callback_data=f"{action}:{verdict.sha256[:32]}")
