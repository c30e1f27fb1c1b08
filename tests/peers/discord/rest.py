"""REST v10 for a bot: who am I, commands, channels and messages, with permissions, limits and Discord's error codes."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from aiohttp import web

from tests.peers.discord.faults import Reset, reset, response
from tests.peers.discord.forms import Malformed, check_message
from tests.peers.discord.places import Channel, Json, Kind, Permission
from tests.peers.discord.posts import Post

if TYPE_CHECKING:
    from tests.peers.discord.world import World

PREFIX = "/api/v10"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Rest:
    """The routes. What a request changes is in the world."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.requests: list[str] = []

    def routes(self, app: web.Application) -> None:
        app.middlewares.append(self._guard)
        add = app.router.add_route
        for method, path, handler in (
            ("GET", "/users/@me", self._me),
            ("POST", "/users/@me/channels", self._open_dm),
            ("GET", "/oauth2/applications/@me", self._application),
            ("GET", "/applications/@me", self._application),
            ("GET", "/gateway", self._gateway),
            ("GET", "/gateway/bot", self._gateway),
            ("GET", "/applications/{app}/commands", self._commands),
            ("PUT", "/applications/{app}/commands", self._put_commands),
            ("GET", "/users/@me/guilds", self._guilds),
            ("GET", "/guilds/{guild}", self._guild),
            ("GET", "/channels/{channel}", self._channel),
            ("GET", "/channels/{channel}/messages", self._messages),
            ("POST", "/channels/{channel}/messages", self._send),
            ("POST", "/channels/{channel}/typing", self._typing),
            ("GET", "/channels/{channel}/messages/{message}", self._message),
            ("PATCH", "/channels/{channel}/messages/{message}", self._edit),
            ("PUT", "/channels/{channel}/messages/{message}/reactions/{emoji}/@me", self._react),
            ("DELETE", "/channels/{channel}/messages/{message}", self._delete),
        ):
            add(method, PREFIX + path, handler)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(PREFIX):
            return await handler(request)
        path = request.path.removeprefix(PREFIX)
        self.requests.append(f"{request.method} {path}")
        fault = self.world.faults.pick(request.method, path)
        if isinstance(fault, Reset):
            if fault.after:
                await request.read()
                await self._work(request, path, handler)
            return reset(request)
        if fault is not None:
            return response(fault)
        return await self._work(request, path, handler)

    async def _work(self, request: web.Request, path: str, handler: Handler) -> web.StreamResponse:
        world = self.world
        open_route = path.startswith(("/interactions/", "/webhooks/"))  # the token in the path is enough
        if not open_route and (world.revoked or request.headers.get("Authorization") != f"Bot {world.token}"):
            return world.error(401, 0, "401: Unauthorized")
        headers, refused = world.limits.check(request.method, path)
        if refused is None:
            try:
                answer = await handler(request)
            except web.HTTPNotFound:
                answer = world.error(404, 0, "404: Not Found")
        else:
            answer = refused
        answer.headers.update(headers | {"Via": "1.1 google"})
        if answer.content_type == "application/json":
            answer.headers["Content-Type"] = "application/json"  # bare, as Discord sends it: clients compare the text
        return answer

    async def _me(self, request: web.Request) -> web.Response:
        return web.json_response(self.world.bot.payload | {"verified": True, "mfa_enabled": False, "flags": 0})

    async def _application(self, request: web.Request) -> web.Response:
        world = self.world
        return web.json_response(
            {
                "id": str(world.application_id),
                "name": "Candid",
                "icon": None,
                "description": "",
                "bot_public": True,
                "bot_require_code_grant": False,
                "verify_key": "00" * 32,
                "flags": world.application_flags,
                "owner": world.owner.payload,
                "team": None,
                "integration_types_config": {"0": {}, "1": {}},
                "interactions_endpoint_url": None,
            }
        )

    async def _gateway(self, request: web.Request) -> web.Response:
        limit = {"total": 1000, "remaining": self.world.gateway.starts_left, "reset_after": 0, "max_concurrency": 1}
        return web.json_response({"url": self.world.gateway.url, "shards": 1, "session_start_limit": limit})

    async def _commands(self, request: web.Request) -> web.Response:
        return web.json_response(self.world.commands)

    async def _put_commands(self, request: web.Request) -> web.Response:
        world = self.world
        if request.match_info["app"] != str(world.application_id):
            return world.error(403, 20012, "You are not authorized to perform this action on this application")
        commands = await request.json()
        if not world.portal_user_install and any(1 in c.get("integration_types", []) for c in commands):
            return world.error(400, 50035, "Invalid Form Body: integration_types: not an install of this application")
        kept = {(c["type"], c["name"]): c["id"] for c in world.commands}
        world.commands = []
        for command in commands:
            command.setdefault("type", 1)
            id = kept.get((command["type"], command["name"])) or str(world.snowflake())
            extra = {"id": id, "application_id": str(world.application_id), "version": "1", "description": ""}
            world.commands.append(extra | command)
        world.touch()
        return web.json_response(world.commands)

    async def _guilds(self, request: web.Request) -> web.Response:
        joined = [g for g in self.world.guilds if g.bot_permissions is not None]
        return web.json_response(
            [{"id": str(g.id), "name": g.name, "permissions": str(int(g.bot_permissions or 0))} for g in joined]
        )

    async def _guild(self, request: web.Request) -> web.Response:
        guild = next((g for g in self.world.guilds if str(g.id) == request.match_info["guild"]), None)
        if guild is None or guild.bot_permissions is None:
            return self.world.error(404, 10004, "Unknown Guild")
        return web.json_response(guild.payload)

    def _place(self, request: web.Request, *needs: Permission) -> tuple[Channel | None, web.Response]:
        """The channel, if it exists and the bot may; else the error."""
        world = self.world
        channel = world.channels.get(int(request.match_info["channel"]))
        if channel is None:
            return None, world.error(404, 10003, "Unknown Channel")
        if not channel.bot_may(Permission.VIEW_CHANNEL, world.bot):
            return None, world.error(403, 50001, "Missing Access")
        if not all(channel.bot_may(n, world.bot) for n in needs):
            return None, world.error(403, 50013, "Missing Permissions")
        return channel, web.Response()

    def _post(self, request: web.Request, channel: Channel) -> Post | None:
        post = self.world.posts.get(int(request.match_info["message"]))
        hidden = post is None or post.deleted or post.channel is not channel or post.only_for is not None
        return None if hidden else post

    async def _channel(self, request: web.Request) -> web.Response:
        channel, wrong = self._place(request)
        return wrong if channel is None else web.json_response(channel.payload)

    async def _typing(self, request: web.Request) -> web.Response:
        channel, wrong = self._place(request, Permission.SEND_MESSAGES)
        return wrong if channel is None else web.Response(status=204)

    async def _messages(self, request: web.Request) -> web.Response:
        channel, wrong = self._place(request)
        if channel is None:
            return wrong
        if not channel.bot_may(Permission.READ_MESSAGE_HISTORY, self.world.bot):
            return web.json_response([])  # so does Discord: nothing, without an error
        after = int(request.query.get("after", 0))
        found = [p for p in self.world.posts.values() if p.channel is channel and not p.deleted and p.only_for is None]
        found = [p for p in found if p.id > after][: int(request.query.get("limit", 50))]
        intent = self.world.portal_message_content
        return web.json_response([p.payload(self.world, intent) for p in reversed(found)])

    async def _message(self, request: web.Request) -> web.Response:
        channel, wrong = self._place(request, Permission.READ_MESSAGE_HISTORY)
        if channel is None:
            return wrong
        post = self._post(request, channel)
        if post is None:
            return self.world.error(404, 10008, "Unknown Message")
        return web.json_response(post.payload(self.world, self.world.portal_message_content))

    async def _send(self, request: web.Request) -> web.Response:
        world = self.world
        channel, wrong = self._place(request, Permission.SEND_MESSAGES)
        if channel is None:
            return wrong
        if channel.shut:
            return world.error(400, 50083, "Thread is archived")
        channel.archived = False
        if channel.kind is Kind.DM and any(p.blocks_bot for p in channel.people):
            return world.error(403, 50007, "Cannot send messages to this user")
        body = await world.body(request)
        if body.get("embeds") and not channel.bot_may(Permission.EMBED_LINKS, world.bot):
            return world.error(403, 50013, "Missing Permissions")
        try:
            check_message(body)
        except Malformed as bad:
            return world.error(400, 50035, f"Invalid Form Body: {bad}")
        reply_to = None
        if body.get("message_reference"):
            reference = body["message_reference"]
            if not channel.bot_may(Permission.READ_MESSAGE_HISTORY, world.bot):
                return world.error(400, 160002, "Cannot reply without permission to read message history")
            reply_to = world.posts.get(int(reference["message_id"]))
            if reply_to is None or reply_to.deleted:
                reply_to = None
                if reference.get("fail_if_not_exists", True):
                    return world.error(400, 50035, "Invalid Form Body: message_reference: Unknown message")
        nonce = body.get("nonce")
        if nonce is not None and body.get("enforce_nonce"):
            known = world.by_nonce(channel, str(nonce))
            if known is not None:
                return web.json_response(known.payload(world))
        post = Post(world.snowflake(), channel, world.bot, reply_to=reply_to)
        post.nonce = None if nonce is None else str(nonce)
        world.fill(post, body)
        world.publish(post)
        await world.announce(post)
        return web.json_response(post.payload(world))

    async def _edit(self, request: web.Request) -> web.Response:
        channel, wrong = self._place(request)
        if channel is None:
            return wrong
        post = self._post(request, channel)
        if post is None:
            return self.world.error(404, 10008, "Unknown Message")
        if post.author is not self.world.bot:
            return self.world.error(403, 50005, "Cannot edit a message authored by another user")
        body = await self.world.body(request)
        try:
            check_message(body, editing=True)
        except Malformed as bad:
            return self.world.error(400, 50035, f"Invalid Form Body: {bad}")
        self.world.change(post, body)
        return web.json_response(post.payload(self.world))

    async def _react(self, request: web.Request) -> web.Response:
        channel, wrong = self._place(request, Permission.READ_MESSAGE_HISTORY)
        if channel is None:
            return wrong
        if channel.archived:
            return self.world.error(400, 50083, "Thread is archived")
        post, emoji = self._post(request, channel), request.match_info["emoji"]
        if post is None:
            return self.world.error(404, 10008, "Unknown Message")
        if len({known for known, _ in post.reactions} - {emoji}) >= 20:
            return self.world.error(400, 30010, "Maximum number of reactions reached (20)")
        if emoji.isascii():
            return self.world.error(400, 10014, "Unknown Emoji")
        if all(emoji != known for known, _ in post.reactions) and not channel.bot_may(
            Permission.ADD_REACTIONS, self.world.bot
        ):
            return self.world.error(403, 50013, "Missing Permissions")
        if (emoji, self.world.bot) not in post.reactions:
            post.reactions.append((emoji, self.world.bot))
        self.world.touch()
        return web.Response(status=204)

    async def _delete(self, request: web.Request) -> web.Response:
        channel, wrong = self._place(request)
        if channel is None:
            return wrong
        post = self._post(request, channel)
        if post is None:
            return self.world.error(404, 10008, "Unknown Message")
        post.deleted = True
        return web.Response(status=204)

    async def _open_dm(self, request: web.Request) -> web.Response:
        body: Json = await request.json()
        person = self.world.people.get(int(body["recipient_id"]))
        if person is None:
            return self.world.error(400, 50033, "Invalid Recipient(s)")
        return web.json_response(self.world.direct(person).payload)
