"""What goes wrong between Candid and Telegram: after every fault the answer comes, once."""

import asyncio
import copy
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.errors import GiveUp
from bot.supervisor import BackOff, Supervisor
from bot.wording import say
from tests.adapters.telegram_bot import LOOKING, QUICK, answered, candid_on, nothing_open, picture, settings_for
from tests.peers.telegram import Pace, Telegram, Trouble

ALL = list(Trouble)
WORD = {trouble: trouble.name.casefold() for trouble in Trouble}


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Telegram() as server:
        yield server


@pytest.mark.parametrize("trouble", [t for t in ALL if t not in (Trouble.HANG, Trouble.NOT_FOUND)], ids=WORD.get)
@pytest.mark.parametrize("method", ["sendMessage", "editMessageText", "getFile", "download", "getUpdates"])
async def test_one_fault_is_survived(telegram: Telegram, tmp_path: Path, method: str, trouble: Trouble) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path) as candid:
        await telegram.until(lambda: telegram.updates.polled_now)
        telegram.faults.add(method, trouble)
        if method == "getUpdates":
            telegram.updates.conflict()
        ann.photo(picture(250))
        [answer] = await answered(telegram, ann.chat)
        await telegram.until(lambda: candid.adapter.status == "running")
    assert telegram.faults.happened == [(method.casefold(), trouble)]
    assert telegram.answers(ann.chat) == [answer] and answer.edits == 1


@pytest.mark.parametrize("trouble", [Trouble.RESET, Trouble.TORN, Trouble.BAD_GATEWAY, Trouble.GARBAGE], ids=WORD.get)
async def test_an_edit_whose_answer_was_lost_is_not_shown_twice(
    telegram: Telegram, tmp_path: Path, trouble: Trouble
) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path) as candid:
        telegram.faults.add("editMessageText", trouble, after=True)
        ann.photo(picture(250))
        [answer] = await answered(telegram, ann.chat)
        await telegram.until(lambda: len(telegram.called("editMessageText")) == 2)  # the second finds it done
        await nothing_open(candid)
    assert answer.edits == 1


async def test_an_automatic_answer_is_repeated_after_a_refusal_but_not_after_doubt(
    telegram: Telegram, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    telegram.world.reads_all = True
    ann = telegram.human("Ann")
    group = telegram.group("Art", ann)
    async with candid_on(telegram, tmp_path) as candid:
        await candid.community.rules.change(f"telegram:{group.id}", "test", channels=["*"])
        for trouble in (Trouble.BAD_GATEWAY, Trouble.TOO_MANY):
            telegram.faults.add("sendMessage", trouble)
        first = ann.photo(picture(250), group)
        [answer] = await answered(telegram, group)
        assert answer.reply_to is first
        telegram.faults.add("sendMessage", Trouble.TORN, after=True)  # it arrived, and only its receipt was lost
        ann.photo(picture(240), group)
        await answered(telegram, group, 2)
        await telegram.until(lambda: "Uncertain" in caplog.text)
        await nothing_open(candid)
    assert len(telegram.answers(group)) == 2


async def test_flood_control_of_one_chat_does_not_stop_the_others(telegram: Telegram, tmp_path: Path) -> None:
    ann, ben = telegram.human("Ann"), telegram.human("Ben")
    async with candid_on(telegram, tmp_path):
        telegram.faults.add("editMessageText", Trouble.TOO_MANY, retry_after=5)
        ann.photo(picture(250))
        await telegram.until(lambda: telegram.faults.happened)
        ben.photo(picture(10))
        await answered(telegram, ben.chat)
        assert [m.text for m in telegram.answers(ann.chat)] == [LOOKING], "Ben did not wait for her"
        await answered(telegram, ann.chat, seconds=20)


async def test_a_group_is_not_sent_more_than_telegram_takes(tmp_path: Path) -> None:
    async with Telegram(pace=Pace(group_messages=6, group_seconds=1.5)) as telegram:
        ann = telegram.human("Ann")
        group = telegram.group("Art", ann)
        async with candid_on(telegram, tmp_path, timings=replace(QUICK, group_messages=6, group_seconds=1.5)):
            for n in range(6):
                ann.photo(picture(250, seed=n), group, "/check")
            await answered(telegram, group, 6)
        assert telegram.limits.refused == 0


async def test_twenty_people_at_once_while_sends_fail(telegram: Telegram, tmp_path: Path) -> None:
    people = [telegram.human(f"P{n}") for n in range(20)]
    async with candid_on(telegram, tmp_path) as candid:
        for trouble in (Trouble.TOO_MANY, Trouble.BAD_GATEWAY):
            for method in ("sendMessage", "editMessageText"):
                telegram.faults.add(method, trouble, times=100, share=0.05)
        for n in range(2):
            for person in people:
                person.photo(picture(100, seed=n))
        for person in people:
            assert len(await answered(telegram, person.chat, 2, 20)) == 2
        await asyncio.sleep(0.1)
        await nothing_open(candid)
    assert len(telegram.answers()) == 40 and all(m.edits == 1 for m in telegram.answers())
    assert telegram.faults.happened


async def test_one_malformed_update_does_not_drop_the_batch(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    ann.photo(picture(250))
    unreadable: list[dict[str, Any]] = [
        {"message": {"date": "yesterday"}},
        {"message": 5},
        {"callback_query": {"id": []}},
        {"poll": {}},
    ]
    for strange in unreadable:
        telegram.updates.push_raw(strange)
    odd = copy.deepcopy(ann.photo(picture(240)).json())
    odd["message_id"] = 99
    odd["photo"][-1]["width"] = "wide"  # readable for the library, but not what it should be
    telegram.updates.push("message", odd)
    ann.photo(picture(10))
    async with candid_on(telegram, tmp_path):
        await answered(telegram, ann.chat, 3)
        await telegram.until(lambda: not telegram.updates.pending)
    assert all(m.buttons for m in telegram.answers(ann.chat))


async def test_a_second_poller_is_reported_once_and_outlived(
    telegram: Telegram, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path) as candid:
        for _ in range(3):
            await telegram.until(lambda: telegram.updates.polled_now and candid.adapter.status == "running")
            telegram.updates.conflict()
            await telegram.until(lambda: candid.adapter.status != "running")
            assert "another process uses this bot's token" in candid.adapter.status
        ann.photo(picture(250))
        await answered(telegram, ann.chat)
        assert candid.adapter.status == "running"
    lines = [r for r in caplog.records if "another process" in r.getMessage()]
    assert lines and all(r.exc_info is None for r in lines)


async def test_telegram_is_down_at_the_start_and_later(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    await telegram.hang_up()
    async with candid_on(telegram, tmp_path) as candid:
        with pytest.raises(Exception, match="ConnectError"):
            await candid.task
        supervisor = Supervisor(candid.adapter, BackOff(first=0.05, most=0.1))
        task = asyncio.create_task(supervisor.run())
        await telegram.until(lambda: supervisor.status.startswith("waiting"))
        await telegram.listen()
        ann.photo(picture(250))
        await answered(telegram, ann.chat)
        assert supervisor.status == "running"
        await telegram.hang_up()
        await telegram.until(lambda: supervisor.status.startswith("waiting"))
        ann.photo(picture(10))
        await telegram.listen()
        await answered(telegram, ann.chat, 2)
        await supervisor.close()
        await task


async def test_a_refused_token_stops_the_adapter_with_one_line(telegram: Telegram, tmp_path: Path) -> None:
    telegram.revoked = True
    async with candid_on(telegram, tmp_path) as candid:
        with pytest.raises(GiveUp, match="refuses the bot's token") as caught:
            await candid.task
    assert telegram.token not in str(caught.value) and caught.value.__cause__ is None


@pytest.mark.parametrize("moment", ["while polling", "while answering"])
async def test_a_token_that_is_revoked_later(telegram: Telegram, tmp_path: Path, moment: str) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path) as candid:
        await telegram.until(lambda: telegram.updates.polled_now)
        if moment == "while answering":
            ann.photo(picture(250))
            await telegram.until(lambda: telegram.answers(ann.chat))
        telegram.revoked = True
        telegram.updates.conflict()
        with pytest.raises(GiveUp, match="TELEGRAM_TOKEN"):
            await asyncio.wait_for(candid.task, 10)
        assert candid.adapter.status.startswith("waiting")


@pytest.mark.parametrize("trouble", [Trouble.NOT_FOUND, Trouble.PROXY_NOT_FOUND], ids=WORD.get)
async def test_a_stray_404_is_not_a_refused_token(telegram: Telegram, tmp_path: Path, trouble: Trouble) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path):
        await telegram.until(lambda: telegram.updates.polled_now)
        for method in ("getUpdates", "sendMessage", "editMessageText", "getFile", "download"):
            telegram.faults.add(method, trouble)
        telegram.updates.conflict()
        ann.photo(picture(250))
        [answer] = await answered(telegram, ann.chat)
    assert answer.buttons


async def test_a_proxy_that_answers_404_at_the_start_is_waited_for(telegram: Telegram, tmp_path: Path) -> None:
    telegram.faults.add("getMe", Trouble.PROXY_NOT_FOUND)
    async with candid_on(telegram, tmp_path) as candid:
        with pytest.raises(ConnectionError):
            await candid.task


async def test_a_file_that_is_gone_is_said_so(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path):
        telegram.faults.add("download", Trouble.NOT_FOUND, times=2)
        ann.photo(picture(250))
        [answer] = await answered(telegram, ann.chat)
    assert answer.text == say("telegram.gone", "en")


async def test_a_question_that_can_not_be_answered_in_time_is_told_so(telegram: Telegram, tmp_path: Path) -> None:
    ann, settings = telegram.human("Ann"), settings_for(telegram)
    settings = replace(settings, checks=replace(settings.checks, fresh_minutes=0.01))
    telegram.faults.add("getFile", Trouble.BAD_GATEWAY, times=1000)
    async with candid_on(telegram, tmp_path, settings=settings) as candid:
        ann.photo(picture(250))
        [answer] = await answered(telegram, ann.chat)
        await nothing_open(candid)
    assert answer.text == say("telegram.stale")


async def test_a_deleted_request_is_answered_without_a_reply(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    sent = ann.photo(picture(250))
    ann.deletes(sent)
    async with candid_on(telegram, tmp_path):
        [answer] = await answered(telegram, ann.chat)
    assert answer.reply_to is None and answer.buttons


async def test_a_blocked_bot_strikes_the_request_off(telegram: Telegram, tmp_path: Path) -> None:
    ann, ben = telegram.human("Ann"), telegram.human("Ben")
    group = telegram.group("Art", ann)
    async with candid_on(telegram, tmp_path) as candid:
        ann.photo(picture(250))
        ann.blocks()
        ann.photo(picture(250), group, "/check")
        group.muted = True
        ben.photo(picture(250))
        await answered(telegram, ben.chat)
        await telegram.until(lambda: len([c for c in telegram.calls if c.status in (400, 403)]) >= 2)
        await nothing_open(candid)
        assert candid.adapter.status == "running"


async def test_a_placeholder_that_people_deleted_is_not_sent_again(telegram: Telegram, tmp_path: Path) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path) as candid:
        telegram.faults.add("getFile", Trouble.TOO_MANY)
        ann.photo(picture(250))
        [placeholder] = await telegram.until(lambda: telegram.answers(ann.chat))
        ann.deletes(placeholder)
        await telegram.until(lambda: telegram.called("editMessageText"))
        await nothing_open(candid)
    assert telegram.answers(ann.chat) == []


async def test_a_bug_is_told_by_its_number_only(
    telegram: Telegram, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path) as candid:

        async def broken(*args: Any) -> None:
            raise RuntimeError("a secret detail")

        candid.checker.check = broken  # type: ignore[assignment]
        ann.photo(picture(250))
        [answer] = await answered(telegram, ann.chat)
        await nothing_open(candid)
    assert "secret detail" not in answer.text and "secret detail" in caplog.text


async def test_no_log_line_holds_the_token(
    telegram: Telegram, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ann = telegram.human("Ann")
    async with candid_on(telegram, tmp_path) as candid:
        for trouble in (Trouble.BAD_GATEWAY, Trouble.RESET, Trouble.NOT_FOUND):
            telegram.faults.add("editMessageText", trouble)
        ann.photo(picture(250))
        await answered(telegram, ann.chat)
        telegram.revoked = True
        telegram.updates.conflict()
        await asyncio.gather(candid.task, return_exceptions=True)
    assert caplog.text and telegram.token not in caplog.text


def test_the_addresses_may_be_given_in_any_form() -> None:
    from bot.adapters.telegram import endpoints
    from bot.settings import default_settings

    plain = default_settings().telegram
    assert endpoints(plain) == ("https://api.telegram.org/bot", "https://api.telegram.org/file/bot")
    for url in ("http://127.0.0.1:8081", "http://127.0.0.1:8081/", "http://127.0.0.1:8081/bot"):
        assert endpoints(replace(plain, base_url=url)) == (
            "http://127.0.0.1:8081/bot",
            "http://127.0.0.1:8081/file/bot",
        )
    files = replace(plain, base_url="http://a/bot", base_file_url="http://b/files/bot")
    assert endpoints(files) == ("http://a/bot", "http://b/files/bot")
