"""An answer as Discord shows it: an embed a picture, in words, colour and symbol, with buttons; one message in all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import discord

from bot.adapters.discord.controls import below_answer
from bot.adapters.discord.files import File
from bot.verdict import Label, Verdict
from bot.wording import in_language, say, words

# Orange and blue, which the colour-blind tell apart; the symbol and the words say it too.
COLOURS = {Label.AI: 0xE8590C, Label.REAL: 0x1C7ED6, Label.UNSURE: 0x868E96}
MOST_TEXT = 2000
MOST_FINDING = 150  # ten embeds together may have 6,000 characters


@dataclass(frozen=True, slots=True)
class Item:
    """What came of one picture: a verdict, or the sentence that says why there is none."""

    name: str
    outcome: Verdict | str


@dataclass(frozen=True, slots=True)
class Answer:
    """One message: `body` for the API, `plain` where embeds are not permitted.

    With `aside` it is for the person only, also where it comes of a button on a message that all see.
    """

    embeds: tuple[discord.Embed, ...] = ()
    content: str = ""
    components: tuple[dict[str, Any], ...] = ()
    file: File | None = None
    aside: bool = False

    def body(self) -> dict[str, Any]:
        """Everything; what is empty is sent too, because it may replace an older state. Mentions nobody."""
        body = {
            "content": self.content,
            "embeds": [e.to_dict() for e in self.embeds],
            "components": list(self.components),
            "allowed_mentions": {"parse": [], "replied_user": False},
        }
        return body | ({"attachments": [self.file.entry]} if self.file is not None else {})

    def plain(self) -> dict[str, Any]:
        """The same in plain text."""
        parts = [self.content]
        for embed in self.embeds:
            fields = [f"{f.name}: {f.value}" for f in embed.fields]
            parts += [f"**{embed.title}**" if embed.title else "", embed.description or "", *fields]
            parts.append(f"-# {embed.footer.text}" if embed.footer.text else "")
        text = "\n".join(part for part in parts if part)
        return self.body() | {"embeds": [], "content": text[: MOST_TEXT - 1] + "…" if len(text) > MOST_TEXT else text}


def sentence(text: str, *, aside: bool = False) -> Answer:
    """An answer that is only a sentence."""
    return Answer(content=text[:MOST_TEXT], aside=aside)


def compose(items: Sequence[Item], left_out: int, language: str, *, appeal: bool = False) -> Answer:
    """One answer for all pictures of a message, at most ten; `left_out` more were not looked at.

    With `appeal`, their author can object to what was flagged.
    """
    verdicts = [item.outcome for item in items if isinstance(item.outcome, Verdict)]
    note = say("discord.left_out", language, looked=len(items), left=left_out) if left_out else ""
    if len(items) == 1 and not verdicts:
        return sentence("\n".join(filter(None, (str(items[0].outcome), note))))
    numbered = len(items) > 1
    embeds = [_embed(item, number if numbered else None, language) for number, item in enumerate(items, 1)]
    if numbered and verdicts:
        _say_once(embeds[-1], verdicts, language)
    choices: dict[str, tuple[str, str, Label]] = {}
    for number, item in enumerate(items, 1):
        if isinstance(item.outcome, Verdict):  # the same picture twice has one button
            sha = item.outcome.sha256[:32]
            choices.setdefault(sha, (f"{number} · {item.name}", sha, item.outcome.label))
    return Answer(tuple(embeds), note, below_answer(list(choices.values()), language, appeal))


def _embed(item: Item, number: int | None, language: str) -> discord.Embed:
    before = f"{number} · " if number is not None else ""
    name = _escaped(item.name)
    verdict = item.outcome
    if isinstance(verdict, str):
        return discord.Embed(title=f"{before}{name}"[:256], description=verdict, colour=COLOURS[Label.UNSURE])
    verdict = in_language(verdict, language)
    said = words(verdict, language)
    embed = discord.Embed(title=f"{before}{said.symbol} {said.title}", colour=COLOURS[verdict.label])
    if number is not None:
        findings = [f"> {harmless(finding.says, MOST_FINDING)}" for finding in verdict.evidence[:1]]
        embed.description = "\n".join([f"**{said.confidence}** · {name}", *findings])
        return embed
    lines = [f"**{said.confidence}**", said.honest, said.advice or ""]
    lines += [say(f"note.{note}", language) for note in verdict.notes]
    embed.description = "\n".join(line for line in lines if line)
    embed.add_field(name=say("discord.arrival", language), value=said.arrival)
    if verdict.evidence:
        told = [say(f"why.{f.strength}", language, says=harmless(f.says, MOST_FINDING)) for f in verdict.evidence[:4]]
        embed.add_field(name=say("discord.evidence", language), value="\n".join(told)[:1024], inline=False)
    embed.set_footer(text=said.footer)
    return embed


def _say_once(last: discord.Embed, verdicts: list[Verdict], language: str) -> None:
    """Below several pictures: the honest sentence (of an accused one, if there is one), advice, arrival, the model."""
    said = [words(verdict, language) for verdict in verdicts]
    first = next((s for s, v in zip(said, verdicts, strict=True) if v.label is Label.AI), said[0])
    notes = dict.fromkeys(say(f"note.{note}", language) for verdict in verdicts for note in verdict.notes)
    below = [first.honest, *dict.fromkeys(s.advice for s in said if s.advice), *notes]
    last.description = "\n".join([last.description or "", *below])
    last.add_field(name=say("discord.arrival", language), value="\n".join(dict.fromkeys(s.arrival for s in said)))
    last.set_footer(text=first.footer)


def harmless(text: str, most: int) -> str:
    """A stranger's text, short and harmless: no markup, mention or link (which would show what is behind it)."""
    short = text if len(text) <= most else text[:most] + "…"
    inert = short.replace("://", ":\u200b//")
    return discord.utils.escape_mentions(discord.utils.escape_markdown(inert))


def _escaped(name: str) -> str:
    """A file's name: its beginning and its end tell most."""
    return harmless(name if len(name) <= 60 else f"{name[:40]}…{name[-19:]}", 60)
