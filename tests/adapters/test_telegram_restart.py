"""Candid on Telegram is cut off or closed in the middle: nothing is lost, nothing is said twice."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.wording import say
from tests.adapters.telegram_bot import LOOKING, QUICK, answered, candid_on, nothing_open, picture, settings_for
from tests.conftest import FakeDetector
from tests.peers.telegram import Telegram, Trouble


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Telegram() as server:
        yield server


@pytest.fixture
def held() -> FakeDetector:
    """A detector that never comes to a verdict."""
    detector = FakeDetector()
    detector.gate.clear()
    return detector


async def test_a_question_is_answered_after_a_crash_in_its_old_placeholder(
    telegram: Telegram, tmp_path: Path, held: FakeDetector
) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path, detector=held, kill=True) as candid:
        sent = ann.photo(picture(250))
        [placeholder] = await telegram.until(lambda: telegram.answers(ann.chat))
        await telegram.until(lambda: telegram.files.downloads)
        assert len((await candid.inbox.unanswered("telegram"))[0]) == 1
    held.gate.set()
    assert placeholder.text == LOOKING
    async with candid_on(telegram, tmp_path) as candid:
        [answer] = await answered(telegram, ann.chat)
        telegram.updates.push("message", sent.json())  # Telegram delivers again what was not confirmed
        ann.says("/help")
        await answered(telegram, ann.chat, 2)
        await nothing_open(candid)
    assert answer is placeholder and answer.edits == 1
    assert len(telegram.answers(ann.chat)) == 2


async def test_a_crash_before_the_placeholder_loses_nothing(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path, kill=True) as candid:
        telegram.faults.add("sendMessage", Trouble.TOO_MANY, retry_after=60)
        ann.photo(picture(250))
        await telegram.until(lambda: telegram.faults.happened)
        assert len((await candid.inbox.unanswered("telegram"))[0]) == 1
    async with candid_on(telegram, tmp_path):
        await answered(telegram, ann.chat)
    assert len(telegram.answers(ann.chat)) == 1


async def test_a_crash_between_the_edit_and_the_note_of_it_shows_nothing_twice(
    telegram: Telegram, tmp_path: Path
) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path, kill=True) as candid:

        async def never(key: str) -> None:
            await asyncio.Event().wait()

        candid.inbox.done = never  # type: ignore[method-assign]
        ann.photo(picture(250))
        [answer] = await answered(telegram, ann.chat)
    async with candid_on(telegram, tmp_path) as candid:
        await telegram.until(lambda: len(telegram.called("editMessageText")) == 2)
        await nothing_open(candid)
    assert telegram.answers(ann.chat) == [answer] and answer.edits == 1


async def test_an_album_is_put_together_again_after_a_crash(
    telegram: Telegram, tmp_path: Path, held: FakeDetector
) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path, detector=held, kill=True) as candid:
        ann.album([picture(250, seed=n) for n in range(3)])
        await telegram.until(lambda: telegram.answers(ann.chat))
        await telegram.until(lambda: telegram.files.downloads == 3)
        [row] = (await candid.inbox.unanswered("telegram"))[0]  # the first part's row stands for all
    held.gate.set()
    assert len(row.payload["sources"]) == 3  # type: ignore[arg-type]
    async with candid_on(telegram, tmp_path) as candid:
        [answer] = await answered(telegram, ann.chat)
        await nothing_open(candid)
    assert "3. " in answer.text and telegram.answers(ann.chat) == [answer] and answer.edits == 1


async def test_an_album_that_a_crash_tore_apart_is_answered_once(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path, kill=True, timings=replace(QUICK, album=30.0)) as candid:
        ann.album([picture(250, seed=n) for n in range(4)])
        rest = telegram.updates.pending[2:]
        del telegram.updates.pending[2:]  # these are still on their way when the power fails
        await telegram.until(lambda: telegram.answers(ann.chat) and not telegram.updates.pending)
        assert len((await candid.inbox.unanswered("telegram"))[0]) == 2  # a row for each part
    telegram.updates.pending += rest
    async with candid_on(telegram, tmp_path, timings=replace(QUICK, album=1.0)) as candid:
        [answer] = await answered(telegram, ann.chat)
        await asyncio.sleep(0.3)
        await nothing_open(candid)
    assert "4. " in answer.text and telegram.answers(ann.chat) == [answer]


async def test_an_automatic_answer_that_waits_for_its_turn_is_sent_after_the_restart(
    telegram: Telegram, tmp_path: Path
) -> None:
    telegram.world.reads_all = True
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    slow = replace(QUICK, group_messages=1, group_seconds=600, drain=0.2)
    async with candid_on(telegram, tmp_path, timings=slow) as candid:
        await candid.community.rules.change(f"telegram:{group.id}", "test", channels=["*"])
        for n in range(3):
            ann.photo(picture(250, seed=n), group)
        await answered(telegram, group)
        telegram.faults.add("sendMessage", Trouble.TOO_MANY, retry_after=60)
        await telegram.until(lambda: telegram.files.downloads == 3)
        await candid.adapter.close()
    telegram.faults.clear()
    async with candid_on(telegram, tmp_path):
        await answered(telegram, group, 3)
    assert len(telegram.answers(group)) == 3


async def test_what_is_too_old_after_a_long_stop_is_told_so(
    telegram: Telegram, tmp_path: Path, held: FakeDetector
) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path, detector=held, kill=True):
        ann.photo(picture(250))
        await telegram.until(lambda: telegram.files.downloads)
    held.gate.set()
    settings = settings_for(telegram)
    settings = replace(settings, checks=replace(settings.checks, fresh_minutes=0.0))
    async with candid_on(telegram, tmp_path, settings=settings) as candid:
        [answer] = await answered(telegram, ann.chat)
        await nothing_open(candid)
    assert answer.text == say("telegram.stale") and telegram.answers(ann.chat) == [answer]


async def test_an_automatic_answer_that_was_being_sent_is_not_sent_again(
    telegram: Telegram, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    telegram.world.reads_all = True
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    async with candid_on(telegram, tmp_path, kill=True) as candid:
        await candid.community.rules.change(f"telegram:{group.id}", "test", channels=["*"])
        telegram.faults.add("sendMessage", Trouble.HANG, after=True)  # it is shown, but the answer never comes back
        ann.photo(picture(250), group)
        await answered(telegram, group)
    async with candid_on(telegram, tmp_path) as candid:
        ann.says("/help", group)
        await answered(telegram, group, 2)
        await nothing_open(candid)
    assert len(telegram.answers(group)) == 2
    assert "not sent again" in caplog.text


async def test_automatic_pictures_that_were_not_yet_looked_at_are_answered_after_a_crash(
    telegram: Telegram, tmp_path: Path, held: FakeDetector
) -> None:
    telegram.world.reads_all = True
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    async with candid_on(telegram, tmp_path, detector=held, kill=True) as candid:
        await candid.community.rules.change(f"telegram:{group.id}", "test", channels=["*"])
        ann.photo(picture(250), group)
        await telegram.until(lambda: telegram.files.downloads)
    held.gate.set()
    async with candid_on(telegram, tmp_path):
        [answer] = await answered(telegram, group)
    assert answer.buttons


async def test_closing_finishes_what_was_accepted_and_confirms_it(
    telegram: Telegram, tmp_path: Path, held: FakeDetector
) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path, detector=held) as candid:
        ann.photo(picture(250))
        await telegram.until(lambda: telegram.files.downloads)
        closing = asyncio.create_task(candid.adapter.close())
        await telegram.until(lambda: not telegram.updates.polled_now)
        late = ann.photo(picture(10))
        await asyncio.sleep(0.1)
        assert not closing.done()
        held.gate.set()
        await closing
        await candid.task
        [answer] = await answered(telegram, ann.chat)
    assert answer.buttons
    assert [update["message"]["message_id"] for update in telegram.updates.pending] == [late.id]
    async with candid_on(telegram, tmp_path):
        assert len(await answered(telegram, ann.chat, 2)) == 2


async def test_what_can_not_be_finished_in_time_is_left_for_the_next_start(
    telegram: Telegram, tmp_path: Path, held: FakeDetector
) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path, detector=held, timings=replace(QUICK, drain=0.1)) as candid:
        ann.photo(picture(250))
        await telegram.until(lambda: telegram.files.downloads)
        await candid.adapter.close()
        assert len((await candid.inbox.unanswered("telegram"))[0]) == 1
        held.gate.set()
    async with candid_on(telegram, tmp_path):
        await answered(telegram, ann.chat)
    assert len(telegram.answers(ann.chat)) == 1


async def test_old_messages_are_answered_only_when_somebody_asked(
    telegram: Telegram, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The bot was down for hours: a question is still answered, pictures of the automatic mode are history."""
    caplog.set_level(logging.INFO)
    telegram.world.reads_all = True
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    async with candid_on(telegram, tmp_path) as candid:
        await candid.community.rules.change(f"telegram:{group.id}", "test", channels=["*"])
    for message in (ann.photo(picture(250), group), ann.photo(picture(250), group, "/check")):
        message.date -= 7200
        telegram.updates.pending.pop(0)
        telegram.updates.push("message", message.json())
    async with candid_on(telegram, tmp_path):
        [answer] = await answered(telegram, group)
        await telegram.until(lambda: not telegram.updates.pending)
    assert answer.edits == 1 and telegram.answers(group) == [answer]
