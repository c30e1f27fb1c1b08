"""Faults of Discord and of the way to it: the answer comes after all, once; or the person is told."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.discord_rig import Rig, upload
from tests.peers.discord import SENDS, Cloudflare, GlobalLimit, Post, Reset, Status


@pytest.fixture
async def idle(tmp_path: Path) -> AsyncIterator[Rig]:
    """Not connected yet."""
    async with Rig(tmp_path) as rig:
        yield rig


@pytest.fixture
async def rig(idle: Rig) -> Rig:
    return await idle.start()


async def ask(rig: Rig, shade: int = 255) -> Post:
    return await rig.world.say(rig.member, rig.general, rig.world.bot.mention, uploads=[upload(shade)])


async def answered_once(rig: Rig) -> None:
    """The bot works, and says things once."""
    before = len(rig.world.answers())
    assert "AI-generated" in (await rig.world.reply(await ask(rig))).text
    assert len(rig.world.answers()) == before + 1


async def test_the_first_gateway_connect_is_refused(idle: Rig, caplog: pytest.LogCaptureFixture) -> None:
    await idle.world.gateway.down()
    await idle.start(wait=False)
    await idle.world.until(lambda: idle.supervisor.failures)
    assert "gateway can't be reached" in idle.supervisor.status
    assert not any("AttributeError" in r.getMessage() for r in caplog.records)
    await idle.world.gateway.up()
    await idle.world.until(lambda: idle.world.gateway.online)
    await answered_once(idle)
    assert idle.supervisor.status == "running"


async def test_the_api_is_down_at_login(idle: Rig) -> None:
    await idle.world.down()
    await idle.start(wait=False)
    await idle.world.until(lambda: idle.supervisor.failures >= 2)
    await idle.world.up()
    await idle.world.until(lambda: idle.world.gateway.online)
    await answered_once(idle)


async def test_the_api_is_ill_at_login(idle: Rig) -> None:
    idle.world.faults.add("GET /users/@me", Status(503), times=2)
    idle.world.faults.add("GET /oauth2/applications/@me", Cloudflare())
    idle.world.faults.add("PUT /applications/.*", Status(503))
    idle.world.faults.add("PUT /applications/.*", Reset())
    await idle.start()
    await answered_once(idle)


async def test_without_user_install_the_commands_are_there_in_servers(
    idle: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    idle.world.portal_user_install = False
    await idle.start()
    assert all(command["integration_types"] == [0] for command in idle.world.commands)
    assert len([r for r in caplog.records if "User Install" in r.getMessage()]) == 1
    await answered_once(idle)


async def test_the_gateway_s_address_comes_from_the_api_where_only_that_is_set(idle: Rig) -> None:
    idle.given["gateway"] = ""
    await idle.stop()
    await idle.prepare()
    await idle.start()
    await answered_once(idle)


async def test_a_malformed_event_is_skipped(rig: Rig) -> None:
    for event, data in (
        ("MESSAGE_CREATE", {"nonsense": 1}),
        ("INTERACTION_CREATE", {"id": "1", "type": 2}),
        ("GUILD_CREATE", []),
        ("NOBODY_KNOWS_THIS", None),
    ):
        await rig.world.gateway.say_raw(event, data)
    await answered_once(rig)
    assert rig.world.gateway.connects == 1


@pytest.mark.parametrize(
    "fault", [Reset(), Reset(after=True), Cloudflare(), GlobalLimit(), Status(502), Status(503)], ids=str
)
async def test_a_fault_on_a_message(rig: Rig, fault: Reset | Cloudflare | GlobalLimit | Status) -> None:
    rig.world.faults.add("POST /channels/.*/messages", fault)
    await answered_once(rig)
    assert rig.world.faults.happened


@pytest.mark.parametrize("fault", [Reset(), Reset(after=True), Cloudflare(), Status(502), Status(503)], ids=str)
async def test_a_fault_on_an_interaction(rig: Rig, fault: Reset | Cloudflare | Status) -> None:
    rig.world.faults.add("POST /interactions/", fault)
    rig.world.faults.add("PATCH /webhooks/", fault, times=2 if fault != Status(502) else 1)
    request = await rig.world.slash(rig.member, rig.general, "check", image=upload(255))
    assert "AI-generated" in (await rig.world.answer(request)).text
    assert len(rig.world.answers()) == 1
    assert len(rig.world.faults.happened) >= 2


async def test_an_interaction_that_can_t_be_acknowledged_is_answered_in_the_channel(rig: Rig) -> None:
    post = await rig.world.say(rig.admin, rig.general, uploads=[upload(255)])
    rig.world.faults.flaky(1.0, Reset(), where="POST /interactions/")
    request = await rig.world.menu(rig.member, post)
    assert "AI-generated" in (await rig.world.reply(post)).text
    assert request.acked is None
    assert len(rig.world.answers()) == 1


async def test_more_answers_than_the_bucket_allows(rig: Rig) -> None:
    rig.world.limits.routes[r"POST /channels/(\d+)/messages$"] = (3, 1.0)
    posts = [await ask(rig, shade) for shade in range(0, 240, 30)]
    for post in posts:
        await rig.world.reply(post)
    assert len(rig.world.answers()) == len(posts)


async def test_the_gateway_drops_and_what_was_said_meanwhile_is_answered(rig: Rig) -> None:
    await rig.world.gateway.drop(None)
    meanwhile = await ask(rig)
    await rig.world.reply(meanwhile)
    assert rig.world.gateway.resumed == 1
    await rig.world.gateway.drop(1000)
    await rig.world.until(lambda: rig.world.gateway.resumed == 2)
    await rig.world.gateway.ask_to_reconnect()
    await rig.world.until(lambda: rig.world.gateway.resumed == 3)
    await answered_once(rig)
    assert len(rig.world.gateway.identifies) == 1


async def test_an_invalid_session_is_begun_anew(rig: Rig) -> None:
    await rig.world.gateway.invalidate()
    await rig.world.until(lambda: len(rig.world.gateway.identifies) == 2 and rig.world.gateway.online)
    await answered_once(rig)


async def test_the_same_event_twice_is_one_question(rig: Rig) -> None:
    post = await ask(rig)
    await rig.world.gateway.say_raw("MESSAGE_CREATE", post.payload(rig.world))
    await rig.world.reply(post)
    await answered_once(rig)
    assert len(rig.world.replies(post)) == 1


async def test_heartbeats_are_sent(idle: Rig) -> None:
    idle.world.gateway.heartbeat_seconds = 0.2
    await idle.start()
    await idle.world.until(lambda: idle.world.gateway.heartbeats >= 4)
    assert idle.world.gateway.connects == 1


async def test_a_wrong_token_stops_the_adapter_with_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with Rig(tmp_path) as rig:
        rig.world.revoked = True
        await rig.start(wait=False)
        assert rig.running is not None
        await rig.running
        assert rig.supervisor.status.startswith("stopped:")
        assert "developer portal" in rig.supervisor.status
        assert len([r for r in caplog.records if r.levelno >= logging.ERROR]) == 1


async def test_a_token_revoked_while_connected(rig: Rig) -> None:
    rig.world.revoked = True
    await rig.world.gateway.drop()
    assert rig.running is not None
    await asyncio.wait_for(rig.running, 10)
    assert rig.supervisor.status.startswith("stopped:")


async def test_a_question_open_when_the_token_is_revoked_is_answered_with_the_new_one(rig: Rig) -> None:
    rig.world.revoked = True
    post = await ask(rig)
    assert rig.running is not None
    await asyncio.wait_for(rig.running, 10)  # the send got 401
    assert rig.supervisor.status.startswith("stopped:")
    rig.world.revoked = False
    await rig.restart()
    assert "AI-generated" in (await rig.world.reply(post)).text
    assert len(rig.world.answers()) == 1


async def test_a_question_that_was_deleted_is_answered_without_a_reference(rig: Rig) -> None:
    post = await ask(rig)
    post.deleted = True
    await rig.world.until(lambda: rig.world.answers(rig.general))
    assert rig.world.answers(rig.general)[0].reply_to is None


async def test_what_could_not_be_sent_while_fresh_is_told(tmp_path: Path) -> None:
    async with Rig(tmp_path, fresh_minutes=0.01) as rig:
        await rig.start()
        rig.world.faults.flaky(1.0, Status(503))
        post = await ask(rig)
        await rig.world.until(lambda: len(rig.world.faults.happened) > 3)
        rig.world.faults.flaky(0.0)
        text = (await rig.world.reply(post)).text
        assert "away" in text or "AI-generated" in text
        assert len(rig.world.answers()) == 1


async def test_no_secret_is_logged(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    rig.world.faults.add("PATCH /webhooks/", Status(503))
    rig.world.faults.add("POST /interactions/", Cloudflare())
    request = await rig.world.slash(rig.member, rig.general, "check", image=upload(255))
    await rig.world.answer(request)
    await rig.world.gateway.drop()
    await rig.world.until(lambda: rig.world.gateway.resumed)
    assert rig.world.token not in caplog.text
    assert request.token not in caplog.text


async def test_many_at_once_with_faults_and_drops_each_answered_once(rig: Rig) -> None:
    for route in rig.world.limits.routes:
        rig.world.limits.routes[route] = (1000, 1.0)
    rig.world.limits.per_second = 10_000
    rig.world.faults.flaky(0.1, Status(503), Cloudflare(0.1), Reset(), Reset(after=True), where=SENDS)
    people = [rig.guild.join(rig.world.person(f"p{n}")) for n in range(8)]
    posts: list[Post] = []
    for n in range(5):
        for number, person in enumerate(people):
            files = [upload(6 * (8 * n + number) % 255)]
            posts.append(await rig.world.say(person, rig.general, rig.world.bot.mention, uploads=files))
        if n in (1, 3):
            await rig.world.until(lambda: rig.world.gateway.online)
            await rig.world.gateway.drop(None if n == 1 else 4000)
    await rig.world.until(lambda: all(rig.world.replies(p) for p in posts), 30)
    assert [len(rig.world.replies(p)) for p in posts] == [1] * 40
    assert rig.world.faults.happened
    assert rig.world.gateway.resumed == 2
