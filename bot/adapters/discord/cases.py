"""A verdict and a case as the log channel shows them: words, and the buttons for moderators."""

from bot.adapters.discord.answer import Answer, harmless
from bot.adapters.discord.controls import Row, Style, button, row
from bot.adapters.discord.here import number
from bot.community import Case, Decision
from bot.verdict import Label, Verdict
from bot.wording import say, score

STYLES = {Decision.RIGHT: Style.SUCCESS, Decision.WRONG: Style.DANGER, Decision.IGNORED: Style.SECONDARY}
LONGEST_REASON = 500


def verdict_line(verdict: Verdict, link: str, language: str, *, automatic: bool) -> str:
    """A verdict without the picture: what, how sure, where, by which model, and the hash."""
    how = say("discord.case.automatic" if automatic else "discord.case.asked", language)
    return f"{_line(verdict.label, verdict, link, verdict.model, verdict.sha256, language)} · {how}"


def case_answer(case: Case, verdict: Verdict | None, language: str, *, review: bool) -> Answer:
    """A case in its state now. With `review` more moderators may say what they think after it is decided."""
    lines = [_line(case.label, verdict, case.link, case.model, case.sha256, language)]
    if case.appeal is not None:
        reason = harmless(case.appeal, LONGEST_REASON) or say("discord.case.no_reason", language)
        lines.append(say("discord.case.appeal", language, author=f"<@{number(case.author)}>", reason=reason))
    if case.decision is not None:
        by = case.decided_by or ""
        moderator = f"<@{number(by)}>" if number(by).isdecimal() else say("discord.case.somebody", language)
        lines.append(say(f"discord.case.decided-{case.decision}", language, moderator=moderator))
        if review and case.label is not Label.UNSURE and case.decision is not Decision.IGNORED:
            lines.append(say("discord.case.review", language))
    return Answer(content="\n".join(lines), components=_buttons(case, language, review))


def forgotten_case(case: Case, language: str) -> Answer:
    """What is left of a case whose author wants to be forgotten: nothing about the author."""
    line = _line(case.label, None, case.link, case.model, case.sha256, language)
    return Answer(content=f"{line}\n{say('discord.case.forgotten', language)}")


def _line(label: Label, verdict: Verdict | None, link: str, model: str, sha256: str, language: str) -> str:
    title = f"{say(f'verdict.symbol-{label}', language)} **{say(f'verdict.title-{label}', language)}**"
    points = "" if verdict is None else say("discord.case.score", language, score=score(verdict))
    below = say("discord.case.made_by", language, model=model, sha256=sha256)
    return " · ".join(filter(None, (title, points, link))) + f"\n-# {below}"


def _buttons(case: Case, language: str, review: bool) -> tuple[Row, ...]:
    """None once it is decided, unless others may still say what they think."""
    voting = review and case.decision in (Decision.RIGHT, Decision.WRONG)
    if case.decision is not None and not voting:
        return ()
    found = []
    for decision in Decision:
        if decision is Decision.IGNORED and case.decision is not None:
            continue
        label = say(f"discord.case.{decision}", language)
        grey = decision is Decision.IGNORED and case.appeal is None
        found.append(button(f"case:{decision}:{case.id}", label, STYLES[decision], disabled=grey))
    return (row(*found),)
