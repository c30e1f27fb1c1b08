"""The whole loopback Discord: its servers around a scene, and the hands of the people in it."""

import json
from collections.abc import Sequence
from typing import Self

from aiohttp import web

from tests.peers.discord.cdn import Cdn
from tests.peers.discord.faults import Faults
from tests.peers.discord.gateway import DIRECT_MESSAGES, GUILD_MESSAGES, Gateway
from tests.peers.discord.interactions import COMMAND, COMPONENT, MODAL, Ask, Interactions, offered
from tests.peers.discord.limits import Limits
from tests.peers.discord.places import Channel, Json, Permission, Person
from tests.peers.discord.posts import Embedded, Post, Sticker, Upload
from tests.peers.discord.rest import PREFIX, Rest
from tests.peers.discord.scene import Scene


class World(Scene):
    """`async with World() as world:` listens on 127.0.0.1. `world.api` and `world.gateway.url` go into the settings."""

    def __init__(self) -> None:
        super().__init__()
        self.token = "loopback-bot-token"
        self.revoked = False
        self.portal_message_content = False  # the switch in the developer portal
        self.portal_user_install = True  # so is this one
        self.hide_references = False  # strict reading of the intent: a replied-to message stays empty
        self.lacking: frozenset[str] = frozenset()  # fields that no message of this server has
        self.commands: list[Json] = []
        self.application_id = self.snowflake()
        self.faults = Faults()
        self.limits = Limits()
        self.gateway = Gateway(self)
        self.interactions = Interactions(self)
        self.cdn = Cdn(self)
        self.rest = Rest(self)
        self.port = 0
        self._runner: web.AppRunner | None = None

    # where it listens

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def api(self) -> str:
        return self.origin + PREFIX

    @property
    def application_flags(self) -> int:
        return 1 << 19 if self.portal_message_content else 0

    async def __aenter__(self) -> Self:
        await self.up()
        await self.gateway.up()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.interactions.stop()
        await self.gateway.stop()
        await self.down()

    async def up(self) -> None:
        """REST and CDN listen (again, on the same port)."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        self.rest.routes(app)
        self.interactions.routes(app, PREFIX)
        self.cdn.routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]

    async def down(self) -> None:
        """REST and CDN refuse connections."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    # what people do

    async def say(
        self,
        person: Person,
        channel: Channel,
        content: str = "",
        *,
        uploads: Sequence[Upload] = (),
        links: Sequence[Embedded] = (),
        stickers: Sequence[Sticker] = (),
        reply_to: Post | None = None,
        ping: bool = True,
        forward: Post | None = None,
        embeds: Sequence[Json] = (),
    ) -> Post:
        """Post a message."""
        assert channel.sees(person), f"{person.name} isn't in {channel.name}"
        post = Post(self.snowflake(), channel, person, content, list(uploads), list(links), list(embeds))
        post.stickers, post.reply_to, post.ping, post.forwarded = list(stickers), reply_to, ping, forward
        for upload in post.uploads:
            upload.id = upload.id or self.snowflake()
        for link in post.links:
            link.id = link.id or self.snowflake()
        self.cdn.keep(*post.uploads, *post.links, *post.stickers)
        self.publish(post)
        await self.announce(post)
        return post

    async def edit(
        self, post: Post, content: str | None = None, *, uploads: Sequence[Upload] = (), links: Sequence[Embedded] = ()
    ) -> None:
        """Change a message. Links alone: it is Discord that adds what they lead to."""
        post.content = post.content if content is None else content
        post.uploads += uploads
        post.links += links
        for thing in (*uploads, *links):
            thing.id = thing.id or self.snowflake()
        self.cdn.keep(*uploads, *links)
        post.edits += 1 if content is not None or uploads else 0
        post.record()
        await self.announce(post, "MESSAGE_UPDATE")

    def _command(self, name: str, kind: int) -> Json:
        found = next((c for c in self.commands if c["name"] == name and c["type"] == kind), None)
        assert found is not None, f"no command {name!r}; there are {[c['name'] for c in self.commands]}"
        return found

    async def menu(self, person: Person, post: Post, name: str = "Check image") -> Ask:
        """Long-press a message and choose a command of the app."""
        command = self._command(name, 3)
        owners = offered(self, command, post.channel, person)
        resolved = {"messages": {str(post.id): post.payload(self, shown=True)}}
        data = {"id": command["id"], "name": name, "type": 3, "target_id": str(post.id), "resolved": resolved}
        ask = self.interactions.new(COMMAND, person, post.channel)
        ask.target = post
        return await self.interactions.send(ask, data, owners)

    async def slash(self, person: Person, channel: Channel, name: str, **options: Upload | str) -> Ask:
        """Type a command: `slash(ann, here, "candid about")` or `slash(ann, here, "check", image=Upload(...))`."""
        first, *rest = name.split()
        command = self._command(first, 1)
        owners = offered(self, command, channel, person)
        ask = self.interactions.new(COMMAND, person, channel)
        given: list[Json] = []
        attachments: Json = {}
        for key, value in options.items():
            if isinstance(value, Upload):
                value.id, value.ephemeral = self.snowflake(), True
                self.cdn.keep(value)
                attachments[str(value.id)] = value.payload(self, channel)
                given.append({"name": key, "type": 11, "value": str(value.id)})
            else:
                given.append({"name": key, "type": 3, "value": value})
        for part in reversed(rest):
            given = [{"name": part, "type": 1, "options": given}]
        data: Json = {"id": command["id"], "name": first, "type": 1, "options": given}
        if attachments:
            data["resolved"] = {"attachments": attachments}
        return await self.interactions.send(ask, data, owners)

    async def click(self, person: Person, post: Post, label: str) -> Ask:
        """Press the button with this label."""
        item = next((i for i in post.items() if i["type"] == 2 and label in i.get("label", "")), None)
        assert item is not None, f"no button {label!r}"
        return await self._component(person, post, item, {})

    async def choose(self, person: Person, post: Post, placeholder: str, *values: str | int | Channel | Person) -> Ask:
        """Choose in the select menu whose placeholder has these words: options by value or label, channels, people,
        or roles by their id."""
        item = next((i for i in post.items() if i["type"] != 2 and placeholder in i.get("placeholder", "")), None)
        assert item is not None, f"no select {placeholder!r}"
        assert item.get("min_values", 1) <= len(values) <= item.get("max_values", 1), "too many or too few"
        chosen: list[str] = []
        resolved: Json = {}
        for value in values:
            if isinstance(value, Channel):
                assert item["type"] == 8 and int(value.kind) in item.get("channel_types", [int(value.kind)])
                chosen.append(str(value.id))
                fields = ("id", "name", "type")
                resolved[str(value.id)] = {k: value.payload[k] for k in fields} | {"permissions": "0"}
            elif isinstance(value, Person):
                assert item["type"] == 5
                chosen.append(str(value.id))
                resolved[str(value.id)] = value.payload
            elif isinstance(value, int):
                assert item["type"] == 6
                chosen.append(str(value))
            else:
                option = next(o for o in item["options"] if value == o["value"] or value in o["label"])
                chosen.append(option["value"])
        kind = {8: "channels", 5: "users"}.get(item["type"])
        data: Json = {"values": chosen} | ({"resolved": {kind: resolved}} if kind is not None else {})
        return await self._component(person, post, item, data)

    async def _component(self, person: Person, post: Post, item: Json, data: Json) -> Ask:
        assert post.only_for in (None, person), "nobody else sees an ephemeral message"
        assert not item.get("disabled"), "the button is grey"
        ask = self.interactions.new(COMPONENT, person, post.channel, post)
        ids = {"custom_id": item["custom_id"], "component_type": item["type"]}
        return await self.interactions.send(ask, ids | data)

    async def submit(self, form: Ask, *texts: str) -> Ask:
        """Fill the form that an interaction opened, field by field, and send it."""
        assert form.modal is not None, "no form is open"
        rows: list[Json] = []
        left = list(texts)
        for row in form.modal["components"]:
            item = row["components"][0] if row["type"] == 1 else row["component"]
            filled = {"type": item["type"], "custom_id": item["custom_id"], "value": left.pop(0) if left else ""}
            rows.append({"type": 1, "components": [filled]} if row["type"] == 1 else {"type": 18, "component": filled})
        ask = self.interactions.new(MODAL, form.person, form.channel, form.source)
        data = {"custom_id": form.modal["custom_id"], "components": rows}
        return await self.interactions.send(ask, data)

    async def answer(self, ask: Ask, seconds: float = 15.0) -> Post:
        """The finished response to an interaction."""
        await self.until(lambda: ask.answered, seconds)
        assert ask.failed is None, ask.failed
        return next(p for p in ask.posts if not p.loading)

    async def reply(self, post: Post, seconds: float = 15.0) -> Post:
        """The bot's reply to a message."""
        await self.until(lambda: self.replies(post), seconds)
        return self.replies(post)[0]

    # for the servers

    async def announce(self, post: Post, event: str = "MESSAGE_CREATE") -> None:
        """An event for everybody who may see a message."""
        if not post.channel.bot_may(Permission.VIEW_CHANNEL, self.bot):
            return
        needs = GUILD_MESSAGES if post.channel.guild is not None else DIRECT_MESSAGES
        guild = post.channel.guild.id if post.channel.guild is not None else None
        await self.gateway.dispatch(event, needs, lambda intent: post.payload(self, intent), guild)

    def error(self, status: int, code: int, message: str) -> web.Response:
        return web.json_response({"message": message, "code": code}, status=status)

    async def body(self, request: web.Request) -> Json:
        if request.content_type.startswith("multipart/"):
            form = await request.post()
            body = dict(json.loads(str(form["payload_json"])))
            body["_files"] = [Upload(f.filename, f.file.read()) for f in form.values() if isinstance(f, web.FileField)]
            return body
        return dict(await request.json())
