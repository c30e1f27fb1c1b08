"""The loopback Discord refuses what the real one refuses: asked by plain HTTP and websocket, without a library."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.peers.discord import Guild, Permission, Upload, World
from tests.peers.discord.gateway import DIRECT_MESSAGES, GUILD_MESSAGES, GUILDS, MESSAGE_CONTENT

BASIC = GUILDS | GUILD_MESSAGES | DIRECT_MESSAGES
Json = dict[str, Any]


class Bot:
    """The least that can be a bot."""

    def __init__(self, world: World, session: aiohttp.ClientSession) -> None:
        self.world = world
        self.session = session
        self.headers = {"Authorization": f"Bot {world.token}"}

    async def rest(self, method: str, path: str, body: Any = None) -> tuple[int, Any, Any]:
        async with self.session.request(method, self.world.api + path, json=body, headers=self.headers) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None, answer.headers

    async def connect(self, intents: int = BASIC, token: str | None = None) -> aiohttp.ClientWebSocketResponse:
        socket = await self.session.ws_connect(self.world.gateway.url)
        assert (await socket.receive_json())["op"] == 10
        await socket.send_json({"op": 2, "d": {"token": token or self.world.token, "intents": intents}})
        return socket

    async def event(self, socket: aiohttp.ClientWebSocketResponse, name: str) -> Json:
        while True:
            message: Json = await socket.receive_json(timeout=5)
            if message["t"] == name:
                return dict(message["d"])


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World() as world:
        yield world


@pytest.fixture
async def bot(world: World) -> AsyncIterator[Bot]:
    async with aiohttp.ClientSession() as session:
        yield Bot(world, session)


@pytest.fixture
def guild(world: World) -> Guild:
    guild = world.guild()
    guild.join(world.person("ann"))
    return guild


async def close_code(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    while True:
        message = await socket.receive(timeout=5)
        if message.type is aiohttp.WSMsgType.CLOSE:
            return int(message.data)


@pytest.mark.parametrize("content", [False, True])
async def test_the_intent_decides_who_reads(world: World, bot: Bot, guild: Guild, content: bool) -> None:
    world.portal_message_content = content
    socket = await bot.connect(BASIC | MESSAGE_CONTENT if content else BASIC)
    await bot.event(socket, "READY")
    ann, channel = list(guild.members.values())[-1], world.channel(guild)
    plain = await world.say(ann, channel, "hello", uploads=[Upload("a.png", b"x")])
    seen = await bot.event(socket, "MESSAGE_CREATE")
    assert (seen["content"], len(seen["attachments"])) == (("hello", 1) if content else ("", 0))
    await world.say(ann, channel, world.bot.mention, reply_to=plain)
    seen = await bot.event(socket, "MESSAGE_CREATE")
    assert seen["content"] == world.bot.mention
    assert len(seen["referenced_message"]["attachments"]) == 1
    await world.say(ann, world.direct(ann), "private")
    assert (await bot.event(socket, "MESSAGE_CREATE"))["content"] == "private"
    _, read, _ = await bot.rest("GET", f"/channels/{channel.id}/messages/{plain.id}")
    assert len(read["attachments"]) == int(content)
    await socket.close()


async def test_close_codes(world: World, bot: Bot) -> None:
    assert await close_code(await bot.connect(BASIC | MESSAGE_CONTENT)) == 4014
    assert await close_code(await bot.connect(token="wrong")) == 4004
    assert await close_code(await bot.connect(1 << 40)) == 4013
    socket = await bot.session.ws_connect(world.gateway.url)
    await socket.send_json({"op": 8, "d": {}})
    assert await close_code(socket) == 4003


async def test_resume_replays_and_dead_sessions_are_invalid(world: World, bot: Bot, guild: Guild) -> None:
    socket = await bot.connect()
    session = (await bot.event(socket, "READY"))["session_id"]
    await bot.event(socket, "GUILD_CREATE")
    await world.gateway.drop()
    await socket.close()
    ann, channel = list(guild.members.values())[-1], world.channel(guild)
    await world.say(ann, channel, world.bot.mention)
    resume = {"op": 6, "d": {"token": world.token, "session_id": session, "seq": 2}}
    again = await bot.session.ws_connect(world.gateway.url)
    await again.send_json(resume)
    assert (await bot.event(again, "MESSAGE_CREATE"))["content"] == world.bot.mention
    await bot.event(again, "RESUMED")
    await world.gateway.invalidate()
    third = await bot.session.ws_connect(world.gateway.url)
    await third.send_json(resume)
    assert [(await third.receive_json())["op"] for _ in range(2)] == [10, 9]
    await again.close()
    await third.close()


async def test_identifying_too_fast_is_refused(world: World, bot: Bot) -> None:
    world.gateway.identify_seconds = 5.0
    first = await bot.connect()
    await bot.event(first, "READY")
    second = await bot.connect()
    assert (await second.receive_json())["op"] == 9
    await first.close()
    await second.close()


async def test_interactions_have_one_response_in_time_and_a_token_that_ends(
    world: World, bot: Bot, guild: Guild
) -> None:
    await bot.rest("PUT", f"/applications/{world.application_id}/commands", [{"name": "check", "type": 1}])
    socket = await bot.connect()
    await bot.event(socket, "READY")
    ann, channel = list(guild.members.values())[-1], world.channel(guild)
    ask = await world.slash(ann, channel, "check")
    await bot.event(socket, "INTERACTION_CREATE")
    edit = f"/webhooks/{world.application_id}/{ask.token}/messages/@original"
    callback = f"/interactions/{ask.id}/{ask.token}/callback"
    status, body, _ = await bot.rest("PATCH", edit, {"content": "early"})
    assert (status, body["code"]) == (404, 10015)
    assert (await bot.rest("POST", callback, {"type": 6}))[0] == 400  # not for a command
    assert (await bot.rest("POST", callback, {"type": 5}))[0] == 204
    status, body, _ = await bot.rest("POST", callback, {"type": 5})
    assert (status, body["code"]) == (400, 40060)
    assert world.answers() == []  # still loading
    assert (await bot.rest("PATCH", edit, {"content": "done"}))[0] == 200
    assert [a.text for a in world.answers()] == ["done"]
    world.pass_time(16 * 60)
    status, body, _ = await bot.rest("PATCH", edit, {"content": "late"})
    assert (status, body["code"]) == (401, 50027)
    late = await world.slash(ann, channel, "check")
    world.pass_time(4)
    status, body, _ = await bot.rest("POST", f"/interactions/{late.id}/{late.token}/callback", {"type": 5})
    assert (status, body["code"]) == (404, 10062)
    await socket.close()


async def test_permissions_and_unknown_things(world: World, bot: Bot, guild: Guild) -> None:
    channel = world.channel(guild)
    path = f"/channels/{channel.id}/messages"
    embed = {"embeds": [{"title": "x"}]}
    for denied, body, code in (
        (Permission.VIEW_CHANNEL, {"content": "x"}, 50001),
        (Permission.SEND_MESSAGES, {"content": "x"}, 50013),
        (Permission.EMBED_LINKS, embed, 50013),
        (Permission.READ_MESSAGE_HISTORY, {"content": "x", "message_reference": {"message_id": "1"}}, 160002),
        (Permission.NONE, {"content": ""}, 50035),
        (Permission.NONE, {"content": "x" * 2001}, 50035),
        (Permission.NONE, {"content": "x", "message_reference": {"message_id": "1"}}, 50035),
    ):
        channel.denied = denied
        assert (await bot.rest("POST", path, body))[1]["code"] == code
        world.limits._windows.clear()
    channel.denied = Permission.NONE
    assert (await bot.rest("GET", f"{path}/1"))[1]["code"] == 10008
    assert (await bot.rest("GET", "/channels/1"))[1]["code"] == 10003
    away = world.channel(world.guild("away", bot=None))
    assert (await bot.rest("GET", f"/channels/{away.id}/messages"))[1]["code"] == 50001
    blocked = world.person("blocked")
    blocked.blocks_bot = True
    opened = (await bot.rest("POST", "/users/@me/channels", {"recipient_id": str(blocked.id)}))[1]
    assert (await bot.rest("POST", f"/channels/{opened['id']}/messages", {"content": "x"}))[1]["code"] == 50007
    world.revoked = True
    assert (await bot.rest("GET", "/users/@me"))[0] == 401


async def test_a_nonce_is_enforced_for_a_while(world: World, bot: Bot, guild: Guild) -> None:
    channel = world.channel(guild)
    path, body = f"/channels/{channel.id}/messages", {"content": "x", "nonce": "1", "enforce_nonce": True}
    first, second = [(await bot.rest("POST", path, body))[1]["id"] for _ in range(2)]
    assert first == second
    world.pass_time(600)
    assert (await bot.rest("POST", path, body))[1]["id"] != first
    assert len(world.answers(channel)) == 2


async def test_rate_limits_come_with_headers(world: World, bot: Bot, guild: Guild) -> None:
    path = f"/channels/{world.channel(guild).id}/messages"
    for left in (4, 3, 2, 1, 0):
        status, _, headers = await bot.rest("POST", path, {"content": "x"})
        assert (status, headers["X-RateLimit-Remaining"]) == (200, str(left))
    status, body, headers = await bot.rest("POST", path, {"content": "x"})
    assert status == 429
    assert 0 < body["retry_after"] <= 5
    assert headers["X-RateLimit-Bucket"]
    assert float(headers["Retry-After"]) > 0
    world.limits.per_second = 0
    _, body, headers = await bot.rest("GET", "/users/@me")
    assert body["global"]
    assert headers["X-RateLimit-Global"] == "true"


async def test_a_cdn_url_is_signed_and_ends(world: World, bot: Bot, guild: Guild) -> None:
    ann, channel = list(guild.members.values())[-1], world.channel(guild)
    post = await world.say(ann, channel, uploads=[Upload("a.png", b"bytes")])

    def url() -> str:
        return str(post.payload(world, shown=True)["attachments"][0]["url"])

    async def get(address: str) -> int:
        async with bot.session.get(address) as answer:
            return answer.status

    old = url()
    assert await get(old) == 200
    assert await get(old.partition("?")[0]) == 404
    world.pass_time(25 * 3600)
    assert await get(old) == 404
    assert await get(url()) == 200
