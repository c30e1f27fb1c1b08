"""What was accepted before a crash or a restart: answered while it is fresh, told when it is not, never twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.discord_rig import Rig, upload
from tests.peers.discord import Permission, Post, Reset


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path) as rig:
        yield await rig.start()


def stuck(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """The checker takes for ever from now on; the event is set when it is asked."""
    asked = asyncio.Event()

    async def wait(*args: object) -> None:
        asked.set()
        await asyncio.sleep(3600)

    monkeypatch.setattr(rig.checker, "check", wait)
    return asked


async def revive(rig: Rig) -> None:
    await rig.crash()
    await rig.prepare()
    await rig.start()


async def ask(rig: Rig) -> Post:
    return await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload(255)])


async def open_rows(rig: Rig) -> int:
    fresh, stale = await rig.inbox.unanswered("discord")
    return len(fresh) + len(stale)


async def test_a_mention_is_answered_after_a_crash(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = stuck(rig, monkeypatch)
    post = await ask(rig)
    await asked.wait()
    await revive(rig)
    assert "AI-generated" in (await rig.world.reply(post)).text
    assert len(rig.world.answers()) == 1


async def test_an_interaction_is_answered_after_a_crash(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = stuck(rig, monkeypatch)
    request = await rig.world.slash(rig.member, rig.general, "check", image=upload(255))
    await asked.wait()
    assert request.acked == 5
    await revive(rig)
    assert "AI-generated" in (await rig.world.answer(request)).text
    assert len(rig.world.answers()) == 1


async def test_an_automatic_check_is_answered_after_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Rig(tmp_path, message_content=True) as rig:
        rig.world.portal_message_content = True
        await rig.start()
        await rig.allow(rig.general)
        asked = stuck(rig, monkeypatch)
        post = await rig.world.say(rig.member, rig.general, uploads=[upload(255)])
        await asked.wait()
        await revive(rig)
        assert "AI-generated" in (await rig.world.reply(post)).text
        assert len(rig.world.answers()) == 1


async def test_an_opt_out_holds_for_what_was_accepted_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Rig(tmp_path, message_content=True) as rig:
        rig.world.portal_message_content = True
        await rig.start()
        await rig.allow(rig.general)
        asked = stuck(rig, monkeypatch)
        await rig.world.say(rig.member, rig.general, uploads=[upload(255)])
        await asked.wait()
        await rig.community.members.opt_out(f"discord:user/{rig.member.id}")
        await revive(rig)
        for _ in range(100):
            if not await open_rows(rig):
                break
            await asyncio.sleep(0.02)
        assert not await open_rows(rig)
        assert rig.world.answers() == [] and rig.detector.passes == []


async def test_a_crash_between_the_answer_and_the_note_of_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    noted = asyncio.Event()

    async def never(key: str) -> None:
        noted.set()
        await asyncio.sleep(3600)

    monkeypatch.setattr(rig.inbox, "done", never)
    post = await ask(rig)
    request = await rig.world.slash(rig.member, rig.general, "check", image=upload(0))
    await rig.world.reply(post)
    await rig.world.answer(request)
    await noted.wait()
    await revive(rig)
    rig.world.touch()
    for _ in range(100):
        if not await open_rows(rig):
            break
        await asyncio.sleep(0.02)
    assert not await open_rows(rig)
    assert len(rig.world.answers()) == 2


async def test_an_answer_that_got_lost_on_its_way_back_and_a_crash(rig: Rig) -> None:
    rig.world.faults.flaky(1.0, Reset(after=True), where="POST /channels/")
    post = await ask(rig)
    await rig.world.reply(post)
    rig.world.faults.flaky(0.0)
    rig.world.pass_time(600)  # the nonce is forgotten by now: only the history knows
    await revive(rig)
    later = await ask(rig)
    await rig.world.reply(later)
    assert len(rig.world.answers()) == 2


async def test_where_nobody_can_know_it_is_not_said_twice(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = stuck(rig, monkeypatch)
    post = await ask(rig)
    await asked.wait()
    await rig.inbox.update(f"discord/message/{post.id}", sending=True)
    rig.general.denied = Permission.READ_MESSAGE_HISTORY
    rig.timings = type(rig.timings)(nonce_seconds=0.0)
    await revive(rig)
    for _ in range(100):
        if not await open_rows(rig):
            break
        await asyncio.sleep(0.02)
    assert not await open_rows(rig)
    assert rig.world.answers() == []


@pytest.mark.parametrize("forgotten", [False, True])
async def test_an_answer_aside_is_said_once(rig: Rig, monkeypatch: pytest.MonkeyPatch, forgotten: bool) -> None:
    """Candid ends between the direct message and the note of it; with or without a nonce that Discord remembers."""
    noted = asyncio.Event()

    async def never(key: str) -> None:
        noted.set()
        await asyncio.sleep(3600)

    await rig.rule(audience="asker")
    monkeypatch.setattr(rig.inbox, "done", never)
    await ask(rig)
    await noted.wait()
    if forgotten:
        rig.world.pass_time(600)
        rig.timings = type(rig.timings)(nonce_seconds=0.0)
    await revive(rig)
    for _ in range(100):
        if not await open_rows(rig):
            break
        await asyncio.sleep(0.02)
    assert not await open_rows(rig)
    assert len(rig.world.answers(rig.world.direct(rig.member))) == 1 and rig.world.answers(rig.general) == []


async def test_half_sent_and_not_there_is_sent(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = stuck(rig, monkeypatch)
    post = await ask(rig)
    await asked.wait()
    await rig.inbox.update(f"discord/message/{post.id}", sending=True)
    await revive(rig)
    assert "AI-generated" in (await rig.world.reply(post)).text


async def test_a_stale_question_is_told(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = stuck(rig, monkeypatch)
    post = await ask(rig)
    request = await rig.world.slash(rig.member, rig.general, "check", image=upload(255))
    await asked.wait()
    await rig.world.until(lambda: request.acked)
    rig.given["fresh_minutes"] = 0.0
    await revive(rig)
    assert "away" in (await rig.world.reply(post)).text
    assert "away" in (await rig.world.answer(request)).text
    assert len(rig.world.answers()) == 2


async def test_an_interaction_whose_token_is_over_is_answered_in_the_channel(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = stuck(rig, monkeypatch)
    picture = await rig.world.say(rig.admin, rig.general, uploads=[upload(255)])
    await rig.world.menu(rig.member, picture)
    await asked.wait()
    rig.world.pass_time(16 * 60)
    await revive(rig)
    assert "AI-generated" in (await rig.world.reply(picture)).text


async def test_closing_finishes_what_is_under_way_and_keeps_what_comes_in(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked, go = rig.checker.check, asyncio.Event(), asyncio.Event()

    async def slow(*args: object) -> object:
        asked.set()
        await go.wait()
        return await real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(rig.checker, "check", slow)
    first = await ask(rig)
    await asked.wait()
    stopping = asyncio.create_task(rig.stop())
    await asyncio.sleep(0.05)
    second = await ask(rig)
    key = f"discord/message/{second.id}"
    for _ in range(100):
        if await _known(rig, key):
            break
        await asyncio.sleep(0.02)
    go.set()
    await stopping
    assert len(rig.world.replies(first)) == 1
    assert rig.world.replies(second) == []
    await rig.prepare()
    await rig.start()
    assert "AI-generated" in (await rig.world.reply(second)).text
    assert len(rig.world.answers()) == 2


async def _known(rig: Rig, key: str) -> bool:
    fresh, _ = await rig.inbox.unanswered("discord")
    return any(row.key == key for row in fresh)
