"""Commands, clicks and forms that a person sends; the ack within 3 s, one response, a token for 15 minutes."""

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from tests.peers.discord.forms import Malformed, check_message, check_modal
from tests.peers.discord.places import Channel, Json, Kind, Permission, Person
from tests.peers.discord.posts import EPHEMERAL, LOADING, Post

if TYPE_CHECKING:
    from tests.peers.discord.world import World

ACK_SECONDS = 3.0
TOKEN_SECONDS = 15 * 60
COMMAND, COMPONENT, MODAL = 2, 3, 5
ALLOWED = {COMMAND: (4, 5, 9), COMPONENT: (4, 5, 6, 7, 9), MODAL: (4, 5, 6, 7)}


class NotOffered(AssertionError):
    """Discord wouldn't show this command to this person here."""


@dataclass(eq=False)
class Ask:
    """One interaction and all that came of it. `failed` is what the person reads where the bot was too late."""

    id: int
    token: str
    type: int
    person: Person
    channel: Channel
    source: Post | None = None
    target: Post | None = None  # of a message's menu
    acked: int | None = None
    response: Post | None = None
    followups: list[Post] = field(default_factory=list)
    modal: Json | None = None
    failed: str | None = None
    born: float = 0.0

    @property
    def answered(self) -> bool:
        return self.failed is not None or self.modal is not None or any(not p.loading for p in self.posts)

    @property
    def posts(self) -> list[Post]:
        return ([self.response] if self.response is not None else []) + self.followups


def offered(world: "World", command: Json, channel: Channel, person: Person) -> dict[str, str]:
    """Why is this command offered: the installs that allow it (for the payload). Raises `NotOffered`."""
    contexts = command.get("contexts")
    installs = command.get("integration_types") or [0]
    owners: dict[str, str] = {}
    guild = channel.guild
    present = guild is not None and guild.bot_permissions is not None
    with_bot = present or (channel.kind is Kind.DM and world.bot in channel.people)
    if 0 in installs and with_bot:
        owners["0"] = str(guild.id) if guild else "0"
    if 1 in installs and person.installed:
        owners["1"] = str(person.id)
    context = 0 if guild else 1 if with_bot else 2
    if not owners:
        raise NotOffered(f"{command['name']} is not installed here")
    if contexts is not None and context not in contexts:
        raise NotOffered(f"{command['name']} is not for context {context}")
    if guild is not None:
        needs = Permission(int(command.get("default_member_permissions") or 0))
        if needs & ~guild.permissions(person):
            raise NotOffered(f"{command['name']} needs {needs!r}")
    return owners


class Interactions:
    """Sends interactions to the bot and takes its answers."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.asks: dict[int, Ask] = {}
        self._watch: set[asyncio.Task[None]] = set()

    async def send(self, ask: Ask, data: Json, owners: dict[str, str] | None = None) -> Ask:
        """Dispatch an interaction; if nobody acknowledges it in 3 s, the person reads that the app did not respond."""
        world, channel, guild = self.world, ask.channel, ask.channel.guild
        ask.born = world.now()
        self.asks[ask.id] = ask
        present = guild is not None and guild.bot_permissions is not None
        body: Json = {
            "id": str(ask.id),
            "application_id": str(world.application_id),
            "type": ask.type,
            "token": ask.token,
            "version": 1,
            "data": data,
            "channel": channel.payload | {"permissions": "0"},
            "channel_id": str(channel.id),
            "locale": ask.person.locale,
            "app_permissions": str(int(guild.permissions(world.bot) & ~channel.denied)) if guild and present else "0",
            "entitlements": [],
            "attachment_size_limit": 10 * 1024 * 1024,
            "authorizing_integration_owners": owners or {},
            "context": 0 if guild else 1 if world.bot in channel.people else 2,
        }
        if guild is not None:
            permissions = str(int(guild.permissions(ask.person)))
            body |= {
                "guild_id": str(guild.id),
                "guild_locale": guild.locale,
                "guild": {"id": str(guild.id), "locale": guild.locale, "features": []},
                "member": guild.member(ask.person) | {"permissions": permissions},
            }
        else:
            body["user"] = ask.person.payload
        if ask.source is not None:
            body["message"] = ask.source.payload(world, shown=True)
        await world.gateway.dispatch("INTERACTION_CREATE", 0, lambda _: body, guild.id if guild else None)
        task = asyncio.create_task(self._expire(ask))
        self._watch.add(task)
        task.add_done_callback(self._watch.discard)
        return ask

    async def _expire(self, ask: Ask) -> None:
        await asyncio.sleep(ACK_SECONDS)
        if ask.acked is None:
            ask.failed = "The application did not respond"
            self.world.touch()

    def new(self, type: int, person: Person, channel: Channel, source: Post | None = None) -> Ask:
        return Ask(self.world.snowflake(), secrets.token_urlsafe(48), type, person, channel, source)

    async def stop(self) -> None:
        for task in self._watch:
            task.cancel()
        await asyncio.gather(*self._watch, return_exceptions=True)

    def routes(self, app: web.Application, prefix: str) -> None:
        app.router.add_post(prefix + "/interactions/{id}/{token}/callback", self._callback)
        base = prefix + "/webhooks/{application}/{token}"
        app.router.add_post(base, self._followup)
        for path in (base + "/messages/@original", base + "/messages/{message}"):
            app.router.add_get(path, self._read)
            app.router.add_patch(path, self._edit)
            app.router.add_delete(path, self._delete)

    async def _callback(self, request: web.Request) -> web.Response:
        world = self.world
        ask = self.asks.get(int(request.match_info["id"]))
        known = ask is not None and ask.token == request.match_info["token"]
        if ask is None or not known or ask.failed or world.now() - ask.born > ACK_SECONDS:
            return world.error(404, 10062, "Unknown interaction")
        if ask.acked is not None:
            return world.error(400, 40060, "Interaction has already been acknowledged.")
        body = await world.body(request)
        kind, data = int(body["type"]), (body.get("data") or {}) | {"_files": body.get("_files", [])}
        if kind not in ALLOWED[ask.type]:
            return world.error(400, 50035, "Invalid Form Body: type")
        try:
            if kind == 9:
                check_modal(data)
            elif kind in (4, 7):
                check_message(data, editing=kind == 7)
        except Malformed as wrong:
            return world.error(400, 50035, f"Invalid Form Body: {wrong}")
        ask.acked = kind
        if kind == 9:
            ask.modal = data
        elif kind == 7 and ask.source is not None:
            world.change(ask.source, data)
        elif kind in (4, 5):
            ask.response = self._post(ask, data, loading=kind == 5)
        world.touch()
        if "with_response" not in request.query:
            return web.Response(status=204)
        message = ask.response.payload(world) if ask.response is not None else None
        found = {"id": str(ask.id), "type": ask.type, "response_message_loading": kind == 5}
        if message is not None:
            found |= {"response_message_id": message["id"]}
            found |= {"response_message_ephemeral": bool(message["flags"] & EPHEMERAL)}
        resource: Json = {"type": kind} | ({"message": message} if message is not None else {})
        return web.json_response({"interaction": found, "resource": resource})

    def _post(self, ask: Ask, data: Json, loading: bool = False) -> Post:
        flags = int(data.get("flags") or 0) & EPHEMERAL
        guild = ask.channel.guild
        away = guild is not None and guild.bot_permissions is None
        if guild is not None and away and Permission.USE_EXTERNAL_APPS not in guild.permissions(ask.person):
            flags = EPHEMERAL
        post = Post(self.world.snowflake(), ask.channel, self.world.bot, ask=ask)
        post.only_for = ask.person if flags else None
        post.flags = flags | (LOADING if loading else 0)
        self.world.fill(post, data)
        self.world.publish(post)
        return post

    def _valid(self, request: web.Request) -> tuple[Ask | None, web.Response | None]:
        world = self.world
        ask = next((a for a in self.asks.values() if a.token == request.match_info["token"]), None)
        if ask is None or ask.acked is None or ask.acked == 9:
            return None, world.error(404, 10015, "Unknown Webhook")
        if world.now() - ask.born > TOKEN_SECONDS:
            return None, world.error(401, 50027, "Invalid Webhook Token")
        if ask.channel.shut and request.method != "GET":
            return None, world.error(403, 50083, "Thread is archived")
        return ask, None

    def _which(self, request: web.Request, ask: Ask) -> Post | None:
        id = request.match_info.get("message")
        if id is None:
            return ask.response if ask.response is not None else ask.source
        return next((p for p in ask.posts if str(p.id) == id), None)

    async def _followup(self, request: web.Request) -> web.Response:
        ask, refusal = self._valid(request)
        if ask is None:
            assert refusal is not None
            return refusal
        body = await self.world.body(request)
        try:
            check_message(body)
        except Malformed as wrong:
            return self.world.error(400, 50035, f"Invalid Form Body: {wrong}")
        if ask.response is not None and ask.response.loading:  # the first follow-up fills the deferred response
            self.world.change(ask.response, body)
            return web.json_response(ask.response.payload(self.world))
        post = self._post(ask, body)
        ask.followups.append(post)
        self.world.touch()
        return web.json_response(post.payload(self.world))

    async def _read(self, request: web.Request) -> web.Response:
        ask, refusal = self._valid(request)
        post = self._which(request, ask) if ask is not None else None
        if post is None or post.deleted:
            return refusal or self.world.error(404, 10008, "Unknown Message")
        return web.json_response(post.payload(self.world))

    async def _edit(self, request: web.Request) -> web.Response:
        ask, refusal = self._valid(request)
        post = self._which(request, ask) if ask is not None else None
        if post is None or post.deleted:
            return refusal or self.world.error(404, 10008, "Unknown Message")
        body = await self.world.body(request)
        try:
            check_message(body, editing=True)
        except Malformed as wrong:
            return self.world.error(400, 50035, f"Invalid Form Body: {wrong}")
        self.world.change(post, body)
        return web.json_response(post.payload(self.world))

    async def _delete(self, request: web.Request) -> web.Response:
        ask, refusal = self._valid(request)
        post = self._which(request, ask) if ask is not None else None
        if post is None or post.deleted:
            return refusal or self.world.error(404, 10008, "Unknown Message")
        post.deleted = True
        self.world.touch()
        return web.Response(status=204)
