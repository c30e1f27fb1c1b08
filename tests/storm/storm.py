"""Twenty people post pictures in both chats at once; the gateway is dropped, and some sends fail."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

from bot.wording import say
from tests.conftest import make_picture
from tests.peers.discord import Cloudflare, Post, Status, Upload, World
from tests.peers.telegram import Chat, Human, Message, Telegram, Trouble

PEOPLE = 20  # half of them on each platform
FAILING = 0.05  # of the sends
LABELS = {label: say(f"verdict.title-{label}") for label in ("ai", "real", "unsure")}
BRIGHTNESS = {220: "ai", 30: "real", 128: "unsure"}  # to the fake network


@dataclass(frozen=True)
class Outcome:
    """How often each picture was answered with a verdict, and which verdicts were not those expected."""

    answers: Counter[str]
    wrong: list[str]

    @property
    def once(self) -> int:
        return sum(count == 1 for count in self.answers.values())


class Storm:
    """`pictures` in all; every one is different, and each is answered by its own message."""

    def __init__(self, discord: World, telegram: Telegram, pictures: int = 200) -> None:
        self.discord, self.telegram, self.pictures = discord, telegram, pictures
        guild = discord.guild()
        self.channels = [discord.channel(guild, f"room-{n}") for n in range(3)]
        self.members = [guild.join(discord.person(f"d{n}")) for n in range(PEOPLE // 2)]
        self.humans: list[Human] = [telegram.human(f"t{n}") for n in range(PEOPLE // 2)]
        self.groups: list[Chat] = [telegram.group(f"group {n}", *self.humans) for n in range(3)]
        self.asked: dict[str, tuple[Post | Message, str]] = {}

    def break_things(self) -> None:
        """From now on every twentieth send fails."""
        self.discord.faults.flaky(FAILING, Cloudflare(0.1), Status(502))
        for method in ("sendMessage", "editMessageText"):
            for trouble in (Trouble.TOO_MANY, Trouble.BAD_GATEWAY):
                self.telegram.faults.add(method, trouble, share=FAILING / 2, times=10_000)

    async def post(self, first: int = 0, last: int | None = None) -> None:
        """Everybody posts: by mention in Discord, in private and with /check in groups on Telegram."""
        for n in range(first, self.pictures if last is None else last):
            brightness = list(BRIGHTNESS)[n % 3]
            data = make_picture(brightness, seed=n)
            name = f"picture {n}"
            if n % 2:
                member = self.members[(n // 2) % len(self.members)]
                channel = self.channels[(n // 2) % len(self.channels)]
                mention = f"<@{self.discord.bot.id}> check"
                post = await self.discord.say(member, channel, mention, uploads=[Upload(f"{n}.png", data)])
                self.asked[name] = post, BRIGHTNESS[brightness]
            else:
                human = self.humans[(n // 2) % len(self.humans)]
                message = human.file(data)
                self.asked[name] = message, BRIGHTNESS[brightness]
            if n % 10 == 0:
                await asyncio.sleep(0)

    def outcome(self) -> Outcome:
        answers: Counter[str] = Counter()
        wrong = []
        on_telegram = self.telegram.answers()
        for name, (asked, label) in self.asked.items():
            said: list[str]
            if isinstance(asked, Post):
                said = [post.text for post in self.discord.replies(asked)]
            else:
                said = [message.text for message in on_telegram if message.reply_to is asked]
            verdicts = [text for text in said if any(title in text for title in LABELS.values())]
            answers[name] = len(verdicts)
            wrong += [f"{name}: {text}" for text in verdicts if LABELS[label] not in text]
            wrong += [f"{name}: {text}" for text in said if text not in verdicts and not looking(text)]
        return Outcome(answers, wrong)

    async def settled(self, seconds: float) -> Outcome:
        """Wait until everything is answered, then a little longer, for answers that come twice."""
        async with asyncio.timeout(seconds):
            while any(count == 0 for count in self.outcome().answers.values()):  # noqa: ASYNC110  both servers change it
                await asyncio.sleep(0.2)
        await asyncio.sleep(1.0)
        return self.outcome()


def looking(text: Any) -> bool:
    """The placeholder that an answer takes the place of."""
    return bool(text == say("telegram.looking"))
