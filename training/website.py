"""Fetches pages and pictures of one web site, as politely as its robots.txt asks.

One request at a time for each host, no faster than the site's crawl-delay or ours, whichever is slower; nothing that
robots.txt forbids; nothing outside the site unless a host was named; no reply larger than its limit; redirects are
followed only to where a request would be allowed too. The user agent says what this is.
"""

import asyncio
import time
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit
from urllib.robotparser import RobotFileParser

import aiohttp

AGENT = "CandidCollect"
REDIRECTS = 5
ROBOTS_BYTES = 500_000


class Refused(Exception):
    """An address that is not fetched; the message is the reason, a few words."""


@dataclass
class Host:
    """`rules` is None where the server was not able to give robots.txt: nothing is fetched then."""

    rules: RobotFileParser | None
    delay: float
    last: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class Reply:
    address: str  # where it came from in the end
    kind: str  # the content type without parameters
    data: bytes
    directives: str  # of the header X-Robots-Tag


class Site:
    """`hosts` may be fetched from beside the host of `start` and its subdomains; `delay`: seconds between requests."""

    def __init__(
        self, session: aiohttp.ClientSession, start: str, hosts: frozenset[str], delay: float, seconds: float = 30.0
    ) -> None:
        self._session = session
        self._home = host_of(start)
        self._hosts = hosts
        self._delay = delay
        self._timeout = aiohttp.ClientTimeout(total=seconds * 4, sock_connect=seconds, sock_read=seconds)
        self._known: dict[str, Host] = {}

    def belongs(self, address: str) -> bool:
        host = host_of(address)
        name, home = host.split(":")[0], self._home.split(":")[0]
        return host == self._home or name.endswith(f".{home}") or host in self._hosts

    async def fetch(self, address: str, most: int) -> Reply:
        """Raises Refused with the reason when there is nothing to have."""
        for _ in range(REDIRECTS):
            await self._permit(address)
            try:
                reply = await self._get(address, most)
            except (aiohttp.ClientError, TimeoutError) as error:
                raise Refused(f"unreachable: {type(error).__name__}") from error
            if isinstance(reply, Reply):
                return reply
            address = urljoin(address, reply)
        raise Refused("too many redirects")

    async def _permit(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Refused("no web address")
        if not self.belongs(address):
            raise Refused("another site")
        host = await self._host(f"{parts.scheme}://{parts.netloc}")
        if host.rules is None:
            raise Refused("robots.txt could not be read")
        if not host.rules.can_fetch(AGENT, address):
            raise Refused("forbidden by robots.txt")

    async def _host(self, root: str) -> Host:
        if root not in self._known:
            rules = await self._robots(root)
            asked = 0.0
            if rules is not None:
                rate = rules.request_rate(AGENT)
                asked = max(float(rules.crawl_delay(AGENT) or 0), rate.seconds / rate.requests if rate else 0.0)
            self._known[root] = Host(rules, max(self._delay, asked), time.monotonic())
        return self._known[root]

    async def _robots(self, root: str) -> RobotFileParser | None:
        """A site without robots.txt allows all; one that fails to answer, nothing (RFC 9309, 2.3.1)."""
        rules = RobotFileParser(f"{root}/robots.txt")
        try:
            async with self._session.get(f"{root}/robots.txt", timeout=self._timeout) as reply:
                if reply.status >= 500:
                    return None
                text = (await reply.content.read(ROBOTS_BYTES)).decode("utf-8", "replace") if reply.ok else ""
        except (aiohttp.ClientError, TimeoutError):
            return None
        rules.parse(text.splitlines())
        return rules

    async def _get(self, address: str, most: int) -> Reply | str:
        """The reply, or where it redirects to."""
        parts = urlsplit(address)
        host = self._known[f"{parts.scheme}://{parts.netloc}"]
        async with host.turn:
            await asyncio.sleep(max(0.0, host.last + host.delay - time.monotonic()))
            try:
                async with self._session.get(address, timeout=self._timeout, allow_redirects=False) as reply:
                    if reply.status in (301, 302, 303, 307, 308):
                        return reply.headers.get("Location", "")
                    if not reply.ok:
                        raise Refused(f"status {reply.status}")
                    data = await read_at_most(reply, most)
                    return Reply(address, reply.content_type, data, reply.headers.get("X-Robots-Tag", "").lower())
            finally:
                host.last = time.monotonic()


async def read_at_most(reply: aiohttp.ClientResponse, most: int) -> bytes:
    parts, size = [], 0
    async for part in reply.content.iter_chunked(65536):
        size += len(part)
        if size > most:
            raise Refused(f"more than {most} bytes")
        parts.append(part)
    return b"".join(parts)


def host_of(address: str) -> str:
    return urlsplit(address).netloc.lower()


def user_agent(contact: str) -> str:
    about = f"; {contact}" if contact else ""
    return f"{AGENT}/1 (collects pictures to train an AI-picture detector{about})"
