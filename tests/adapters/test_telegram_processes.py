"""One webhook, several processes behind a balancer: every update is dealt with once, whoever gets it and whoever dies."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

import bot.adapters.telegram.adapter
import bot.presence
from bot.adapters.telegram import TelegramAdapter
from bot.adapters.telegram.updates import about_to_speak
from bot.community import Community
from bot.core import Checker
from bot.inbox import Inbox
from bot.metrics import Metrics
from bot.presence import Presence
from bot.secret import Secret
from bot.settings import Settings
from bot.store import Store
from bot.wording import say
from tests.adapters.balancer import Balancer, free_port
from tests.adapters.telegram_bot import LOOKING, QUICK, answered, picture, settings_for
from tests.conftest import FakeDetector
from tests.peers.telegram import Telegram
from tests.scale.conftest import RedisServer


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot.presence, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(bot.presence, "LEASE_SECONDS", 1.0)
    monkeypatch.setattr(bot.adapters.telegram.adapter, "BEAT_SECONDS", 0.05)


class Process:
    """A Candid behind the balancer; the store is everybody's."""

    def __init__(self, telegram: Telegram, balancer: Balancer, folder: Path, redis: str = "") -> None:
        self.telegram, self.folder, self.port = telegram, folder, free_port()
        self.settings: Settings = settings_for(
            telegram,
            mode="webhook",
            webhook_url=balancer.url,
            webhook_listen=f"127.0.0.1:{self.port}",
            webhook_secret=Secret("of-the-webhook"),
        )
        self.settings = replace(self.settings, scale=replace(self.settings.scale, redis=Secret(redis)))
        balancer.ports.append(self.port)
        self.balancer, self.detector, self.timings = balancer, FakeDetector(), replace(QUICK, album=0.3)

    async def start(self) -> "Process":
        self.store = await Store.open(self.folder / "candid.sqlite3")
        self.presence = Presence(self.store, "telegram webhook")
        await self.presence.start()
        self.checker = Checker(self.settings.checks, self.detector, self.store, Metrics())
        await self.checker.start()
        inbox, self.community = Inbox(self.store, 900, self.presence), Community.of(self.store, self.settings)
        self.adapter = TelegramAdapter(
            self.settings, self.checker, self.store, inbox, self.timings, community=self.community
        )
        self.running = asyncio.create_task(self.adapter.run())
        await self.telegram.until(lambda: self.adapter.status == "running")
        return self

    async def die(self) -> None:
        """Nothing is finished and nobody is told; the balancer finds nobody there."""
        self.fall_silent()
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)
        self.balancer.ports.remove(self.port)

    def fall_silent(self) -> None:
        """The database hears nothing of it for a long time, while it goes on."""
        assert self.presence._beating is not None
        self.presence._beating.cancel()

    async def close(self) -> None:
        self.detector.gate.set()
        if not self.running.done():
            await self.adapter.close()
        await asyncio.gather(self.running, return_exceptions=True)
        await self.presence.close()
        await self.checker.close(1.0)
        await self.store.close()


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Telegram() as server:
        yield server


@pytest.fixture
async def balancer() -> AsyncIterator[Balancer]:
    async with Balancer() as balancer:
        yield balancer


@pytest.fixture
async def two(telegram: Telegram, balancer: Balancer, tmp_path: Path) -> AsyncIterator[tuple[Process, Process]]:
    processes = [await Process(telegram, balancer, tmp_path).start() for _ in range(2)]
    await telegram.until(lambda: telegram.updates.webhook)
    yield processes[0], processes[1]
    for process in processes:
        await process.close()


async def test_both_work_and_the_webhook_is_set_once(
    telegram: Telegram, balancer: Balancer, two: tuple[Process, Process]
) -> None:
    ann = telegram.human("Ann")
    for n in range(6):
        ann.photo(picture(250, seed=n))
    await answered(telegram, ann.chat, 6)
    assert len(telegram.answers(ann.chat)) == 6
    assert {number for number, status in balancer.handed if status == 200} == {0, 1}
    assert len(telegram.called("setWebhook")) == 1
    assert balancer.secrets == {"of-the-webhook"}
    balancer.ports.remove(two[0].port)
    await two[0].adapter.close()
    await two[0].presence.close()
    await telegram.until(lambda: len(telegram.called("setWebhook")) == 2)  # by the heir, should it have another address
    ann.photo(picture(250, seed=9))
    await answered(telegram, ann.chat, 7)


async def test_an_update_that_both_get_is_dealt_with_once(
    telegram: Telegram, balancer: Balancer, two: tuple[Process, Process]
) -> None:
    balancer.to_all = True
    ann = telegram.human("Ann")
    ann.photo(picture(250))
    [answer] = await answered(telegram, ann.chat)
    ann.says("/help")
    await answered(telegram, ann.chat, 2)
    ann.presses(answer, say("telegram.wrong"))
    await telegram.until(lambda: telegram.called("answerCallbackQuery"))
    ann.album([picture(10, seed=n) for n in range(1, 4)])
    await answered(telegram, ann.chat, 3)
    await asyncio.sleep(0.5)
    assert len(telegram.answers(ann.chat)) == 3
    assert len(telegram.called("answerCallbackQuery")) == 1
    assert len(balancer.handed) == 2 * 6 and {status for _, status in balancer.handed} == {200}


async def test_an_album_whose_parts_reach_both_is_answered_once_and_in_order(
    telegram: Telegram, balancer: Balancer, two: tuple[Process, Process]
) -> None:
    ann = telegram.human("Ann")
    ann.album([picture(shade, seed=shade) for shade in (250, 10, 250, 10, 128)])
    [answer] = await answered(telegram, ann.chat)
    await asyncio.sleep(1.0)
    assert telegram.answers(ann.chat) == [answer]
    lines = [line for line in answer.text.splitlines() if line[:1].isdigit()]
    expected = [say(f"verdict.title-{label}") for label in ("ai", "real", "ai", "real", "unsure")]
    assert len(lines) == 5 and all(title in line for title, line in zip(expected, lines, strict=True))
    assert {number for number, _ in balancer.handed} == {0, 1}
    for process in two:
        assert await process.adapter._inbox.unanswered("telegram") == ([], [])


@pytest.mark.parametrize("automatic", [False, True])
async def test_an_album_is_asked_about_whole_by_one_caption_or_reply(
    telegram: Telegram, balancer: Balancer, tmp_path: Path, automatic: bool
) -> None:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed (Debian's package of that name)")
    telegram.world.reads_all = True
    server = RedisServer(tmp_path)
    await server.start()
    processes = [await Process(telegram, balancer, tmp_path, server.url).start() for _ in range(2)]
    await telegram.until(lambda: telegram.updates.webhook)
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    if automatic:
        for process in processes:
            await process.community.rules.change(f"telegram:{group.id}", "test", channels=["*"])
    parts = ann.album([picture(shade, seed=shade) for shade in (250, 10, 250, 128)], group, caption="/check")
    [answer] = await answered(telegram, group)
    assert [line[:3] for line in answer.text.splitlines() if line[:1].isdigit()] == ["1. ", "2. ", "3. ", "4. "]
    ann.says("/check", group, reply_to=parts[2])
    [_, second] = await answered(telegram, group, 2)
    assert "4. " in second.text and answer.text.splitlines()[:4] == second.text.splitlines()[:4]
    await asyncio.sleep(1.0)
    assert len(telegram.answers(group)) == 2
    await server.stop()  # without it, the parts of one process are better than none
    ann.album([picture(250, seed=n) for n in range(4)], group, caption="/check")
    await answered(telegram, group, 3, seconds=20)
    for process in processes:
        await process.close()


async def test_what_a_killed_process_had_in_hand_is_taken_over(
    telegram: Telegram, balancer: Balancer, two: tuple[Process, Process]
) -> None:
    doomed, _ = two
    doomed.detector.gate.clear()
    ann = telegram.human("Ann")
    for n in range(6):
        ann.photo(picture(250, seed=n))
    await telegram.until(lambda: doomed.detector.at_gate and len(balancer.handed) == 6)
    await answered(telegram, ann.chat, 3)
    await doomed.die()
    assert len([m for m in telegram.answers(ann.chat) if m.text == LOOKING]) == 3
    await answered(telegram, ann.chat, 6)
    await asyncio.sleep(0.5)
    assert len(telegram.answers(ann.chat)) == 6 and not doomed.detector.passes


async def test_an_album_of_a_killed_process_is_answered_once(
    telegram: Telegram, balancer: Balancer, two: tuple[Process, Process]
) -> None:
    doomed, _ = two
    doomed.detector.gate.clear()
    ann = telegram.human("Ann")
    balancer.ports.reverse()
    ann.photo(picture(250, seed=100))  # the other's, so that the album begins at the doomed
    await answered(telegram, ann.chat)
    ann.album([picture(250, seed=n) for n in range(4)])
    await telegram.until(lambda: doomed.detector.at_gate)
    await doomed.die()
    [_, answer] = await answered(telegram, ann.chat, 2)
    await asyncio.sleep(0.5)
    assert "4. " in answer.text and len(telegram.answers(ann.chat)) == 2


async def test_a_process_that_was_taken_for_dead_does_not_answer_too(
    telegram: Telegram, balancer: Balancer, two: tuple[Process, Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    telegram.world.reads_all = True
    slow, other = two
    slow.detector.gate.clear()
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    await slow.community.rules.change(f"telegram:{group.id}", "test", channels=["*"])
    await other.community.rules.change(f"telegram:{group.id}", "test", channels=["*"])
    balancer.ports.remove(other.port)
    for n in range(3):
        ann.photo(picture(250, seed=n), group)
    await telegram.until(lambda: slow.detector.at_gate and len(balancer.handed) == 3)
    slow.fall_silent()
    await answered(telegram, group, 3)
    slow.detector.gate.set()
    await telegram.until(lambda: sum(slow.detector.passes) == 3)
    await asyncio.sleep(0.5)
    assert len(telegram.answers(group)) == 3


@pytest.mark.parametrize("spoken", [False, True])
async def test_a_command_of_a_killed_process_is_answered_unless_it_may_have_been(
    telegram: Telegram, balancer: Balancer, two: tuple[Process, Process], monkeypatch: pytest.MonkeyPatch, spoken: bool
) -> None:
    doomed, other = two
    begun = asyncio.Event()

    async def stuck(*_: object) -> None:
        if spoken:
            await about_to_speak()
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(doomed.adapter._parts.commands, "_handlers", {"help": stuck})
    balancer.ports.remove(other.port)
    ann = telegram.human("Ann")
    ann.says("/help")
    await asyncio.wait_for(begun.wait(), 10)
    balancer.ports.append(other.port)
    await doomed.die()
    if spoken:
        await asyncio.sleep(2.5)
        assert telegram.answers(ann.chat) == []
    else:
        await answered(telegram, ann.chat)
        await asyncio.sleep(0.3)
        assert len(telegram.answers(ann.chat)) == 1
    rows = await other.store.rows("SELECT payload, done FROM inbox")
    assert [row["payload"] for row in rows] == ["{}"] and rows[0]["done"]


async def test_what_is_written_down_of_a_command_names_nobody(
    telegram: Telegram, balancer: Balancer, two: tuple[Process, Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def stuck(*_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    for process in two:
        monkeypatch.setattr(process.adapter._parts.commands, "_handlers", {"help": stuck})
    ann = telegram.human("Annabel")
    group = telegram.group("A group of friends", ann)
    said = ann.says("what a secret", group)
    ann.says("/help", group, reply_to=said)
    await asyncio.wait_for(begun.wait(), 10)
    [row] = await two[0].store.rows("SELECT payload FROM inbox")
    assert str(ann.person.id) in row["payload"] and "/help" in row["payload"]
    assert not any(word in row["payload"] for word in ("Annabel", "friends", "secret"))
