"""The gateway: a websocket with hello, heartbeats, identify, resume, and events for what the session asked for."""

import asyncio
import json
import secrets
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import WSCloseCode, WSMsgType, web

from tests.peers.discord.faults import reset
from tests.peers.discord.places import Json

if TYPE_CHECKING:
    from tests.peers.discord.world import World

GUILDS, MEMBERS, PRESENCES = 1 << 0, 1 << 1, 1 << 8
GUILD_MESSAGES, DIRECT_MESSAGES, MESSAGE_CONTENT = 1 << 9, 1 << 12, 1 << 15


@dataclass(eq=False)
class Line:
    """One websocket connection."""

    socket: web.WebSocketResponse
    request: web.Request
    compressor: Any = None
    session: "Session | None" = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def send(self, op: int, data: Any = None, seq: int | None = None, event: str | None = None) -> None:
        text = json.dumps({"op": op, "d": data, "s": seq, "t": event})
        async with self.lock:
            if self.socket.closed:
                return
            if self.compressor is None:
                await self.socket.send_str(text)
            else:
                packed = self.compressor.compress(text.encode()) + self.compressor.flush(zlib.Z_SYNC_FLUSH)
                await self.socket.send_bytes(packed)


@dataclass(eq=False)
class Session:
    """What an identify starts and a resume goes on with: events are kept while nobody is connected."""

    id: str
    intents: int
    shard: tuple[int, int] = (0, 1)
    line: Line | None = None
    seq: int = 0
    events: list[tuple[int, str, Any]] = field(default_factory=list)
    valid: bool = True

    def holds(self, guild: int | None) -> bool:
        """Whether a server's events are this session's; those of nobody's server are the first shard's."""
        return self.shard[0] == (0 if guild is None else (guild >> 22) % self.shard[1])

    async def tell(self, event: str, data: Any) -> None:
        self.seq += 1
        self.events.append((self.seq, event, data))
        if self.line is not None:
            await self.line.send(0, data, self.seq, event)


class Gateway:
    """The websocket server. Tests call `drop`, `invalidate`, `ask_to_reconnect`, `say_raw`, `down` and `up`."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.heartbeat_seconds = 41.25
        self.identify_seconds = 0.0  # Discord allows one identify in 5 s; 0 leaves it out
        self.identifies: list[float] = []
        self.starts_left = 1000
        self.resumed = 0
        self.heartbeats = 0
        self.connects = 0
        self.closed: list[int] = []
        self.sessions: list[Session] = []
        self._lines: set[Line] = set()
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/"

    async def up(self) -> None:
        """Listen (again, on the same port)."""
        app = web.Application()
        app.router.add_get("/", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await self._site.start()
        self.port = self._site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]

    async def down(self) -> None:
        """Refuse connections, and cut the open ones."""
        await self.drop(None)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def online(self) -> bool:
        return any(s.valid and s.line is not None for s in self.sessions)

    async def drop(self, code: int | None = 4000) -> None:
        """Close every connection with a code; None resets the connection (ECONNRESET). Sessions can be resumed."""
        for line in list(self._lines):
            if line.session is not None:
                line.session.line = None
            if code is None:
                reset(line.request)
            else:
                await line.socket.close(code=code)

    async def invalidate(self, resumable: bool = False) -> None:
        """Opcode 9: the session is over (or, if resumable, only the connection)."""
        for session in self.sessions:
            if session.line is not None:
                session.valid = session.valid and resumable
                await session.line.send(9, resumable)

    async def ask_to_reconnect(self) -> None:
        for session in self.sessions:
            if session.line is not None:
                await session.line.send(7)

    async def say_raw(self, event: str, data: Any) -> None:
        """An event as it is, malformed or not."""
        for session in self.sessions:
            if session.valid:
                await session.tell(event, data)

    async def dispatch(self, event: str, needs: int, render: Callable[[bool], Json], guild: int | None) -> None:
        """Tell every session that asked for these events. `render` gets whether it has the message_content intent."""
        for session in self.sessions:
            if session.valid and session.holds(guild) and (needs == 0 or session.intents & needs):
                await session.tell(event, render(bool(session.intents & MESSAGE_CONTENT)))

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        self.connects += 1
        socket = web.WebSocketResponse(max_msg_size=4096, autoclose=True)
        await socket.prepare(request)
        packed = request.query.get("compress") == "zlib-stream"
        line = Line(socket, request, zlib.compressobj() if packed else None)
        self._lines.add(line)
        try:
            await line.send(10, {"heartbeat_interval": int(self.heartbeat_seconds * 1000)})
            await self._listen(line)
        finally:
            self._lines.discard(line)
            if line.session is not None and line.session.line is line:
                line.session.line = None
            self.world.touch()
        return socket

    async def _close(self, line: Line, code: int) -> None:
        self.closed.append(code)
        await line.socket.close(code=code)

    async def _listen(self, line: Line) -> None:
        while True:
            try:
                message = await line.socket.receive(timeout=self.heartbeat_seconds * 1.5)
            except TimeoutError:
                return await self._close(line, 4009)
            if message.type is not WSMsgType.TEXT:
                return None
            try:
                data = json.loads(message.data)
                op = int(data["op"])
            except (ValueError, KeyError, TypeError):
                return await self._close(line, 4002)
            if op == 1:
                self.heartbeats += 1
                await line.send(11)
            elif op == 2:
                await self._identify(line, data["d"])
            elif op == 6:
                await self._resume(line, data["d"])
            elif op not in (3, 4, 8):
                return await self._close(line, 4001)
            elif line.session is None:
                return await self._close(line, 4003)

    async def _identify(self, line: Line, data: Json) -> None:
        world = self.world
        if line.session is not None:
            return await self._close(line, 4005)
        if data.get("token") != world.token or world.revoked:
            return await self._close(line, 4004)
        intents = data.get("intents")
        if not isinstance(intents, int) or intents >= 1 << 26:
            return await self._close(line, 4013)
        if (intents & MESSAGE_CONTENT and not world.portal_message_content) or intents & (MEMBERS | PRESENCES):
            return await self._close(line, 4014)
        now = asyncio.get_running_loop().time()
        early = bool(self.identifies) and now - self.identifies[-1] < self.identify_seconds
        self.identifies.append(now)
        self.starts_left -= 1
        if early or self.starts_left < 0:
            return await line.send(9, False)
        number, count = data.get("shard") or (0, 1)
        if not 0 <= number < count:
            return await self._close(line, 4010)
        session = line.session = Session(secrets.token_hex(16), intents, (number, count), line)
        self.sessions.append(session)
        guilds = [g for g in world.guilds if g.bot_permissions is not None and session.holds(g.id)]
        ready = {
            "v": 10,
            "user": world.bot.payload | {"verified": True, "mfa_enabled": False, "flags": 0},
            "guilds": [{"id": str(g.id), "unavailable": True} for g in guilds],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": self.url,
            "shard": [number, count],
            "application": {"id": str(world.application_id), "flags": world.application_flags},
        }
        await session.tell("READY", ready)
        if intents & GUILDS:
            for guild in guilds:
                await session.tell("GUILD_CREATE", guild.payload)
        world.touch()
        return None

    async def _resume(self, line: Line, data: Json) -> None:
        if self.world.revoked or data.get("token") != self.world.token:
            return await self._close(line, 4004)
        session = next((s for s in self.sessions if s.id == data.get("session_id") and s.valid), None)
        if session is None:
            return await line.send(9, False)
        seq = data.get("seq") or 0
        if seq > session.seq:
            return await self._close(line, 4007)
        self.resumed += 1
        line.session, session.line = session, line
        for number, event, payload in [e for e in session.events if e[0] > seq]:
            await line.send(0, payload, number, event)
        await session.tell("RESUMED", {})
        self.world.touch()
        return None

    async def stop(self) -> None:
        for line in list(self._lines):
            await line.socket.close(code=WSCloseCode.GOING_AWAY)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
