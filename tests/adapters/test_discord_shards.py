"""More than one connection to Discord: in one process, in two, and taking turns to identify."""

import asyncio
import dataclasses
import itertools
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.discord import DiscordAdapter
from bot.adapters.discord.shards import Shards, parse_shards, turns_in_redis
from bot.community import Community
from bot.core import Checker
from bot.errors import SettingsError
from bot.inbox import Inbox
from bot.metrics import Metrics
from bot.store import Store
from bot.supervisor import BackOff, Supervisor
from tests.adapters.discord_rig import Rig, upload
from tests.conftest import FakeDetector
from tests.peers.discord import Channel, Person


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("0/1", Shards((0,), 1)),
        ("5/16", Shards((5,), 16)),
        ("0-3/16", Shards((0, 1, 2, 3), 16)),
        (" 2-2/4 ", Shards((2,), 4)),
    ],
)
def test_what_shards_may_be(text: str, expected: Shards | None) -> None:
    assert parse_shards(text) == expected


@pytest.mark.parametrize("text", ["4/4", "3-1/8", "0-8/8", "all", "1", "-1/4", "0/0", "1,2/4"])
def test_what_shards_may_not_be(text: str) -> None:
    with pytest.raises(SettingsError, match=r"\[discord\] shards: found"):
        parse_shards(text)


def place_in(rig: Rig, shard: int) -> tuple[Channel, Person]:
    """A channel and a member of a server that Discord deals to this one of two shards."""
    while True:
        rig.world.pass_time(0.001)
        guild = rig.world.guild(f"server of shard {shard}")
        if (guild.id >> 22) % 2 == shard:
            return rig.world.channel(guild), guild.join(rig.world.person(f"member of shard {shard}"))


async def test_one_process_holds_two_shards(tmp_path: Path) -> None:
    rig = Rig(tmp_path, shards="0-1/2")
    places = [place_in(rig, shard) for shard in (0, 1)]
    async with rig:
        await rig.start()
        await rig.world.until(lambda: len(rig.world.gateway.sessions) == 2, 20)
        for channel, member in places:
            post = await rig.world.say(member, channel, f"<@{rig.world.bot.id}> check", uploads=[upload()])
            assert "Likely AI-generated" in (await rig.world.reply(post)).text
        await rig.world.gateway.drop()
        await rig.world.until(lambda: rig.world.gateway.resumed == 2, 20)
        assert len(rig.world.gateway.sessions) == 2


def beating() -> set[str]:
    """The threads that discord.py has for the heartbeats of shards."""
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("keep-alive-handler")}


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not done():  # noqa: ASYNC110 - threads tell nobody
            await asyncio.sleep(0.01)


async def test_one_that_is_stopped_while_its_shards_connect_ends(tmp_path: Path) -> None:
    rig = Rig(tmp_path, shards="0-2/3")
    async with asyncio.timeout(60), rig:
        await rig.start()
        await until(lambda: "keep-alive-handler:shard-1" in beating())
        assert len(rig.world.gateway.sessions) == 1  # the second has not said yet who it is
    await until(lambda: not beating())
    assert rig.world.gateway.connects == 2


async def test_two_processes_hold_one_each_and_answer_once(tmp_path: Path) -> None:
    rig = Rig(tmp_path, shards="0/2")
    places = [place_in(rig, shard) for shard in (0, 1)]
    async with rig:
        await rig.start()
        settings = rig.settings()
        settings = dataclasses.replace(settings, discord=dataclasses.replace(settings.discord, shards="1/2"))
        store = await Store.open(tmp_path / "other.sqlite3")
        checker = Checker(settings.checks, FakeDetector(), store, Metrics())
        await checker.start()
        community = Community.of(store, settings)
        other = DiscordAdapter(settings, checker, store, Inbox(store, 900), rig.timings, community=community)
        supervisor = Supervisor(other, BackOff(first=0.1, most=0.3))
        running = asyncio.create_task(supervisor.run())
        await rig.world.until(lambda: {session.shard for session in rig.world.gateway.sessions} == {(0, 2), (1, 2)}, 20)
        posts = []
        for channel, member in places:
            posts.append(await rig.world.say(member, channel, f"<@{rig.world.bot.id}> check", uploads=[upload()]))
        for post in posts:
            await rig.world.reply(post)
        await asyncio.sleep(0.5)
        assert [len(rig.world.replies(post)) for post in posts] == [1, 1]
        await supervisor.close()
        await running
        await checker.close(5)
        await store.close()


async def test_processes_take_turns_to_identify(tmp_path: Path) -> None:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed (Debian's package of that name)")
    from redis.asyncio import Redis

    from tests.scale.conftest import RedisServer

    server = RedisServer(tmp_path)
    await server.start()
    moments: list[tuple[int, float]] = []
    clients: list[Any] = [Redis.from_url(server.url) for _ in range(4)]

    async def process(number: int) -> None:
        turn = turns_in_redis(clients[number], seconds=0.6)
        for _ in range(2):
            await turn(number % 2)
            moments.append((number % 2, asyncio.get_running_loop().time()))

    await asyncio.gather(*(process(number) for number in range(4)))
    for bucket in (0, 1):
        times = sorted(at for of, at in moments if of == bucket)
        assert len(times) == 4
        assert all(later - earlier > 0.5 for earlier, later in itertools.pairwise(times))
    await server.stop()
    await asyncio.wait_for(turns_in_redis(clients[0], seconds=0.1)(0), 30)  # nobody waits for a Redis that is away
    for client in clients:
        await client.aclose()
