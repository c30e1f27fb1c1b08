"""Processes that share servers by shards: what one leaves open when it ends is answered by another, and by one only."""

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import bot.adapters.discord.desk
import bot.presence
from bot.adapters.discord import DiscordAdapter
from bot.core import Checker
from bot.inbox import Inbox
from bot.metrics import Metrics
from bot.presence import Presence
from bot.supervisor import BackOff, Supervisor
from tests.adapters.discord_rig import Rig, upload
from tests.conftest import FakeDetector
from tests.peers.discord import Post

QUESTIONS = 5


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot.presence, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(bot.presence, "LEASE_SECONDS", 1.0)
    monkeypatch.setattr(bot.adapters.discord.desk, "BEAT_SECONDS", 0.05)


class Process:
    """A Candid with its shards, on the store and the Discord of a rig."""

    def __init__(self, rig: Rig, shards: str) -> None:
        self.rig, self.detector = rig, FakeDetector()
        settings = rig.settings()
        self.settings = dataclasses.replace(settings, discord=dataclasses.replace(settings.discord, shards=shards))

    async def start(self) -> "Process":
        rig = self.rig
        self.presence = Presence(rig.store)
        await self.presence.start()
        self.checker = Checker(self.settings.checks, self.detector, rig.store, Metrics())
        await self.checker.start()
        inbox = Inbox(rig.store, 900, self.presence)
        community = rig.community
        self.adapter = DiscordAdapter(self.settings, self.checker, rig.store, inbox, rig.timings, community=community)
        self.supervisor = Supervisor(self.adapter, BackOff(first=0.1, most=0.3))
        self.running = asyncio.create_task(self.supervisor.run())
        await rig.world.until(lambda: self.adapter.status == "running", 20)
        return self

    async def die(self) -> None:
        """Nothing is finished and nobody is told."""
        self.fall_silent()
        self.adapter._desk._closing = True
        for task in (*self.adapter._desk._work, self.running):
            task.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    def fall_silent(self) -> None:
        """The database hears nothing of it for a long time, while it goes on."""
        assert self.presence._beating is not None and self.adapter._desk._watching is not None
        self.presence._beating.cancel()
        self.adapter._desk._watching.cancel()

    async def close(self) -> None:
        self.detector.gate.set()
        await self.supervisor.close()
        await asyncio.gather(self.running, return_exceptions=True)
        await self.presence.close()
        await self.checker.close(1.0)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path) as rig:
        yield rig


async def ask(rig: Rig) -> list[Post]:
    """Questions, and each of the two processes has its share of the servers: this server is of one of them."""
    mention = f"<@{rig.world.bot.id}> check"
    return [await rig.world.say(rig.member, rig.general, mention, uploads=[upload(255)]) for _ in range(QUESTIONS)]


async def answered_once(rig: Rig, posts: list[Post]) -> None:
    for post in posts:
        assert "Likely AI-generated" in (await rig.world.reply(post)).text
    await asyncio.sleep(0.7)
    assert [len(rig.world.replies(post)) for post in posts] == [1] * QUESTIONS


def both(rig: Rig) -> tuple[Process, Process]:
    """The one with the server, and the other."""
    of_rig = (rig.guild.id >> 22) % 2
    return Process(rig, f"{of_rig}/2"), Process(rig, f"{1 - of_rig}/2")


async def test_what_a_killed_process_had_in_hand_is_answered_by_one_with_other_shards(rig: Rig) -> None:
    doomed, other = both(rig)
    doomed.detector.gate.clear()
    await doomed.start()
    await other.start()
    posts = await ask(rig)
    await rig.world.until(lambda: doomed.detector.at_gate)
    assert rig.world.answers() == []
    await doomed.die()
    await answered_once(rig, posts)
    assert not doomed.detector.passes
    for process in (doomed, other):
        await process.close()


async def test_shards_may_be_dealt_anew_while_something_is_open(rig: Rig) -> None:
    doomed, _ = both(rig)
    doomed.detector.gate.clear()
    await doomed.start()
    posts = await ask(rig)
    await rig.world.until(lambda: doomed.detector.at_gate)
    await doomed.die()
    await doomed.supervisor.close()
    anew = [await Process(rig, shards).start() for shards in ("0-1/4", "2-3/4")]
    await answered_once(rig, posts)
    for process in (doomed, *anew):
        await process.close()


async def test_a_process_that_was_taken_for_dead_does_not_answer_too(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    slow, other = both(rig)
    slow.detector.gate.clear()
    await slow.start()
    await other.start()
    posts = await ask(rig)
    await rig.world.until(lambda: slow.detector.at_gate)
    slow.fall_silent()
    for post in posts:
        await rig.world.reply(post)
    rig.world.pass_time(600)  # Discord itself would no longer notice that it is said twice
    slow.detector.gate.set()
    await rig.world.until(lambda: caplog.text.count("is another process' now") == QUESTIONS)
    await answered_once(rig, posts)
    for process in (slow, other):
        await process.close()


async def test_what_is_not_done_in_time_at_the_end_is_answered_by_another_at_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot.presence, "LEASE_SECONDS", 3600.0)
    leaving, other = both(rig)
    rig.timings = dataclasses.replace(rig.timings, drain_seconds=0.1)
    leaving.detector.gate.clear()
    await leaving.start()
    await other.start()
    posts = await ask(rig)
    await rig.world.until(lambda: leaving.detector.at_gate)
    await leaving.supervisor.close()
    await leaving.presence.close()
    await answered_once(rig, posts)
    for process in (leaving, other):
        await process.close()
