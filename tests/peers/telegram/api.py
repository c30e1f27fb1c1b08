"""The loopback Telegram Bot API: the server itself, on a real socket of 127.0.0.1."""

import asyncio
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from aiohttp import web

from tests.peers.telegram.faults import Fault, Faults, Limits, Pace, Trouble
from tests.peers.telegram.files import Files
from tests.peers.telegram.humans import Human
from tests.peers.telegram.methods import Methods
from tests.peers.telegram.updates import Updates
from tests.peers.telegram.world import Chat, Json, Message, Person, Refused, World

TOKEN = "123456789:loopback-AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
_JSON_PARAMETERS = (
    "reply_markup",
    "allowed_updates",
    "commands",
    "scope",
    "reply_parameters",
    "link_preview_options",
    "reaction",
    "media",
    "ephemeral_message_parameters",
)


@dataclass(frozen=True)
class Call:
    """One call that reached the server, and the HTTP status of the answer."""

    method: str
    params: Json
    status: int


class Telegram:
    """A Telegram for one bot. `async with Telegram() as telegram:` and point the bot at `telegram.url`."""

    def __init__(self, *, reads_all: bool = False, pace: Pace | None = None) -> None:
        self.token = TOKEN
        self.world = World(Person(123456789, "Candid", "candid_bot", is_bot=True), reads_all=reads_all)
        self.files = Files()
        self.updates = Updates()
        self.faults = Faults()
        self.limits = Limits(pace or Pace())
        self.methods = Methods(self.world, self.files, self.updates, self.limits)
        self.calls: list[Call] = []
        self.revoked = False
        self._port = 0
        self._runner: web.AppRunner | None = None
        self._stopping = asyncio.Event()

    @property
    def url(self) -> str:
        """What `base_url` is set to."""
        return f"http://127.0.0.1:{self._port}/bot"

    @property
    def file_url(self) -> str:
        """What `base_file_url` is set to."""
        return f"http://127.0.0.1:{self._port}/file/bot"

    async def __aenter__(self) -> "Telegram":
        await self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.hang_up()
        await self.updates.close()

    async def listen(self) -> None:
        """Open the socket; after `hang_up`, on the same port again."""
        self._stopping.clear()
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_route("*", "/bot{token}/{method}", self._call)
        app.router.add_get("/file/bot{token}/{path:.+}", self._download)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", self._port))
        self._port = sock.getsockname()[1]
        await web.SockSite(self._runner, sock).start()

    async def hang_up(self) -> None:
        """Telegram is down: connections end, new ones are refused."""
        self._stopping.set()
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    def human(self, name: str, *, language: str = "en", started: bool = True) -> Human:
        """A person, who has (or hasn't yet) started the private chat with the bot."""
        number = 1000 + len(self.world.people)
        person = Person(number, name, name.casefold(), language)
        self.world.people[number] = person
        chat = Chat(number, "private", name, started=started)
        self.world.chats[number] = chat
        return Human(person, chat, self.world, self.files, self.updates, self.methods)

    def group(
        self, title: str, *members: Human, admins: tuple[Human, ...] = (), forum: bool = False, bot: str = "member"
    ) -> Chat:
        """A supergroup; the bot is in it with the given status."""
        number = -1001000000000 - len(self.world.chats)
        chat = Chat(number, "supergroup", title, forum)
        chat.status = {human.person.id: "member" for human in members} | {h.person.id: "administrator" for h in admins}
        chat.status[self.world.bot.id] = bot
        if forum:
            chat.topics = {17, 23}
        self.world.chats[number] = chat
        return chat

    def upgrade(self, old: Chat, admin: Human) -> Chat:
        """A group becomes a supergroup: it has a new id, and the old one only says so."""
        new = Chat(old.id - 5000, "supergroup", old.title, status=dict(old.status))
        self.world.chats[new.id] = new
        note = self.world.add(old, admin.person, service={"migrate_to_chat_id": new.id})
        self.updates.push("message", note.json())
        old.moved_to = new.id
        return new

    def called(self, method: str) -> list[Call]:
        """The calls of one method, in order."""
        return [call for call in self.calls if call.method == method.casefold()]

    def whispers(self, human: Human, chat: Chat) -> list[Message]:
        """The bot's ephemeral messages in a group that one person sees."""
        return [message for message in chat.whispers if message.receiver == human.person and not message.deleted]

    def answers(self, chat: Chat | None = None) -> list[Message]:
        """The bot's messages that people can see now, in one chat or in all."""
        return [m for m in self.world.messages_of_bot() if chat is None or m.chat is chat]

    async def until(self, true: Callable[[], Any], seconds: float = 10.0) -> Any:
        """Wait until something holds; fails loudly with what people see when it does not."""
        for _ in range(int(seconds / 0.01)):
            if value := true():
                return value
            await asyncio.sleep(0.01)
        raise AssertionError(f"never came true; people see {[m.text for m in self.answers()]}")

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"].casefold()
        params = await _parameters(request)
        if request.match_info["token"] != self.token or self.revoked:
            return self._reply(method, params, Refused(401, "Unauthorized"))
        fault = self.faults.draw(method)
        if fault and not fault.after:
            return await self._fail(request, method, params, fault)
        try:
            result = await self._carry_out(method, params)
        except Refused as refused:
            return self._reply(method, params, refused)
        if fault:
            return await self._fail(request, method, params, fault)
        self.calls.append(Call(method, params, 200))
        return web.json_response({"ok": True, "result": result})

    async def _carry_out(self, method: str, params: Json) -> Any:
        work = asyncio.ensure_future(self.methods.call(method, params))
        stop = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise Refused(502, "Bad Gateway")
            return work.result()
        finally:
            work.cancel()
            stop.cancel()

    def _reply(self, method: str, params: Json, refused: Refused) -> web.Response:
        self.calls.append(Call(method, params, refused.code))
        body: Json = {"ok": False, "error_code": refused.code, "description": refused.description}
        if refused.parameters:
            body["parameters"] = refused.parameters
        return web.json_response(body, status=refused.code)

    async def _fail(self, request: web.Request, method: str, params: Json, fault: Fault) -> web.StreamResponse:
        if fault.trouble is Trouble.TOO_MANY:
            seconds = int(fault.retry_after)
            return self._reply(
                method, params, Refused(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
            )
        if fault.trouble is Trouble.NOT_FOUND:
            return self._reply(method, params, Refused(404, "Not Found"))
        self.calls.append(Call(method, params, 502 if fault.trouble is Trouble.BAD_GATEWAY else 0))
        if fault.trouble is Trouble.BAD_GATEWAY:
            return web.Response(status=502, text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")
        if fault.trouble is Trouble.PROXY_NOT_FOUND:
            return web.Response(status=404, text="<html><h1>404 Not Found</h1></html>", content_type="text/html")
        if fault.trouble is Trouble.GARBAGE:
            return web.Response(text='{"ok":tr', content_type="application/json")
        if fault.trouble is Trouble.HANG:
            await self._stopping.wait()
        if fault.trouble is Trouble.TORN:
            torn = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
            await torn.prepare(request)
            await torn.write(b'{"ok":true,"result":[{"upd')
        _reset(request)
        return web.Response()

    async def _download(self, request: web.Request) -> web.StreamResponse:
        fault = self.faults.draw("download")
        if fault:
            return await self._fail(request, "download", {}, fault)
        stored = self.files.at(request.match_info["path"])
        if request.match_info["token"] != self.token or self.revoked or stored is None:
            return web.json_response({"ok": False, "error_code": 404, "description": "Not Found"}, status=404)
        return web.Response(body=stored.data, content_type="application/octet-stream")


def _reset(request: web.Request) -> None:
    """End the connection the hard way: the peer gets ECONNRESET."""
    transport = request.transport
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    transport.abort()


async def _parameters(request: web.Request) -> Json:
    if request.content_type == "application/json":
        params: Json = dict(await request.json())
    else:
        params = dict(request.query)
        for key, value in (await request.post()).items():
            params[key] = value.file.read() if isinstance(value, web.FileField) else str(value)
    for name in _JSON_PARAMETERS:
        if isinstance(params.get(name), str):
            params[name] = json.loads(params[name])
    return params
