"""Two bot processes serve one webhook, with workers, a Redis and a Postgres; one of these after the other breaks.

Whatever breaks, people see an answer to each question, and none sees two. `CANDID_FULL=1` asks 500.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.secret import Secret
from bot.settings import Settings
from bot.store import Store
from bot.wording import say
from tests.adapters.balancer import Balancer
from tests.conftest import make_picture
from tests.peers.discord import Post, Upload, World
from tests.peers.telegram import Message, Pace, Telegram
from tests.scale.conftest import Cluster, Line, RedisServer, until, until_it_says
from tests.scale.processes import CUT_SECONDS, FULL, PATIENCE, REQUESTS, Bot, worker_process

PEOPLE = 20
QUESTIONS = REQUESTS if FULL else 60
VERDICTS = tuple(say(f"verdict.title-{label}") for label in ("ai", "real", "unsure"))
LOOKING = say("telegram.looking")


@dataclass
class Town:
    """Everything that runs, and what was asked."""

    telegram: Telegram
    bots: list[Bot]
    workers: list[asyncio.subprocess.Process]
    redis: RedisServer
    line: Line  # the first bot's to Redis
    cluster: Cluster
    asked: list[Message] = field(default_factory=list)

    async def ask(self) -> None:
        people = [self.telegram.human(f"person {n}") for n in range(PEOPLE)]
        for n in range(QUESTIONS):
            shade = (250, 20, 128)[n % 3]
            self.asked.append(people[n % PEOPLE].file(make_picture(shade, seed=n)))
            await asyncio.sleep(0.01)

    def answers(self) -> list[list[str]]:
        """What was said to each question."""
        said: dict[int, list[str]] = {id(message): [] for message in self.asked}
        for message in self.telegram.answers():
            if id(message.reply_to) in said:
                said[id(message.reply_to)].append(message.text)
        return list(said.values())

    def answered(self) -> int:
        return sum(any(_is_verdict(text) for text in texts) for texts in self.answers())

    async def until(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.answered() < count:  # noqa: ASYNC110  the bots change it
                await asyncio.sleep(0.1)


def _is_verdict(text: str) -> bool:
    return any(title in text for title in VERDICTS)


@pytest.fixture
async def town(
    tmp_path: Path, settings: Settings, server: RedisServer, cluster: Cluster, address: Secret
) -> AsyncIterator[Town]:
    line, versions = Line(server), settings.model.directory
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(Telegram(pace=Pace(per_second=1000)))
        balancer = await stack.enter_async_context(Balancer())
        cut = await stack.enter_async_context(line.open())
        bots = [
            Bot.on_telegram(tmp_path, telegram, balancer, versions, DATABASE_URL=address.reveal(), REDIS_URL=url)
            for url in (cut, server.url)
        ]
        workers = [await stack.enter_async_context(worker_process(settings, 0.05)) for _ in range(2)]
        for bot in bots:
            stack.push_async_callback(bot.kill)
            await bot.start()
        yield Town(telegram, bots, workers, server, line, cluster)


async def kill_a_bot(town: Town) -> None:
    await town.bots[0].kill()


async def kill_a_worker(town: Town) -> None:
    town.workers[0].kill()


async def restart_redis(town: Town) -> None:
    await town.redis.stop()
    await asyncio.sleep(1)
    await town.redis.start()


async def restart_postgres(town: Town) -> None:
    await asyncio.to_thread(town.cluster.stop)
    await asyncio.to_thread(town.cluster.start)


async def cut_the_line(town: Town) -> None:
    town.line.whole.clear()
    await asyncio.sleep(CUT_SECONDS)
    town.line.whole.set()


Fault = Callable[[Town], Coroutine[Any, Any, None]]


@pytest.mark.parametrize("fault", [kill_a_bot, kill_a_worker, restart_redis, restart_postgres, cut_the_line])
async def test_every_question_has_one_answer(town: Town, fault: Fault, capsys: pytest.CaptureFixture[str]) -> None:
    asking = asyncio.create_task(town.ask())
    await town.until(QUESTIONS // 5)
    before = town.answered()
    await fault(town)
    await asking
    await town.until(QUESTIONS)
    await asyncio.sleep(5.0 if FULL else 2.0)  # for answers that come twice
    counts = Counter(sum(map(_is_verdict, texts)) for texts in town.answers())
    other = Counter(text for texts in town.answers() for text in texts if not _is_verdict(text))
    with capsys.disabled():
        print(
            f"\n{fault.__name__}: {before} of {QUESTIONS} were answered before; answers each: {dict(counts)}; else: {dict(other)}"
        )
    logs = "\n".join(bot.log.read_text() for bot in town.bots)
    assert before < QUESTIONS, "it broke too late to be in the middle"
    assert counts == {1: QUESTIONS}, logs[-4000:]
    assert not set(other) - {LOOKING}, logs[-4000:]


async def test_shards_are_dealt_anew_while_hundreds_wait(
    tmp_path: Path, settings: Settings, server: RedisServer, address: Secret, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both processes are killed when all is accepted and little answered; two with other shards come instead."""
    async with AsyncExitStack() as stack:
        discord = await stack.enter_async_context(World())
        places = []
        for n in range(PEOPLE):
            guild = discord.guild(f"server {n}")
            places.append((discord.channel(guild), guild.join(discord.person(f"person {n}"))))

        async def bots(*shards: str) -> list[Bot]:
            where = {"DATABASE_URL": address.reveal(), "REDIS_URL": server.url}
            found = [Bot.on_discord(tmp_path, discord, one, settings.model.directory, **where) for one in shards]
            for bot in found:
                stack.push_async_callback(bot.kill)
                await bot.start()
            return found

        async def accepted() -> bool:
            return (await store.rows("SELECT count(*) AS number FROM inbox"))[0]["number"] == QUESTIONS

        store = await Store.open(address)
        stack.push_async_callback(store.close)
        posts: list[Post] = []

        def verdicts() -> list[int]:
            """How many each question has."""
            return [sum(_is_verdict(reply.text) for reply in discord.replies(post)) for post in posts]

        async with worker_process(settings, 0.5):
            doomed = await bots("0/2", "1/2")
            await discord.until(lambda: {one.shard for one in discord.gateway.sessions} == {(0, 2), (1, 2)}, 60)
            for n in range(QUESTIONS):
                channel, person = places[n % PEOPLE]
                picture = Upload("picture.png", make_picture((250, 20, 128)[n % 3], seed=n))
                posts.append(await discord.say(person, channel, f"<@{discord.bot.id}> check", uploads=[picture]))
            await until_it_says(accepted, PATIENCE)
            await until(lambda: sum(verdicts()) >= QUESTIONS // 10, PATIENCE)
            for bot in doomed:
                await bot.kill()
            before = sum(verdicts())
        async with worker_process(settings, 0.02):
            anew = await bots("0-1/4", "2-3/4")
            await until(lambda: all(verdicts()), PATIENCE)
            await asyncio.sleep(5.0 if FULL else 2.0)
        counts, said = Counter(verdicts()), sum(len(discord.replies(post)) for post in posts)
        with capsys.disabled():
            print(f"\nshards dealt anew: {before} of {QUESTIONS} were answered before; answers each: {dict(counts)}")
        assert said == QUESTIONS, "something else was said as well"
        assert before < QUESTIONS, "they were killed too late"
        assert counts == {1: QUESTIONS}, "\n".join(bot.log.read_text() for bot in anew)[-4000:]
