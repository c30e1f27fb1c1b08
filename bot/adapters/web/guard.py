"""Who may ask the web page for what, checked before any handler runs and before a body is read.

- On loopback only loopback names are served (`Host`), so that a web site can't reach in by DNS rebinding.
- Requests that change or cost something must come from the page itself or from a program, not from another site.
- Where a token is set, everything but the bare page, /healthz and /readyz wants `Authorization: Bearer <token>`.
- Every answer carries headers that forbid scripts, frames and requests that are not the page's own.
"""

import hmac
import ipaddress
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from bot.adapters.web.language import language_of
from bot.settings import is_loopback
from bot.wording import say

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[0-9a-zA-Z.-]+)(?::[0-9]+)?")

HEADERS = {
    "Server": "Candid",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules of one web server. `proxy` is the address under which a reverse proxy shows the page, or ""."""

    loopback: bool
    token: str
    proxy: str
    open_paths: frozenset[str]

    def middleware(self) -> Middleware:
        """All rules, as the one outermost middleware."""

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                response = self._refused(request) or await handler(request)
            except web.HTTPException as error:  # aiohttp's own: 404 and 405
                response = _error(request, error.status, "not-here", "web.not_here")
                if hdrs.ALLOW in error.headers:
                    response.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
            response.headers.update(HEADERS)
            response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
            return response

        return guard

    def _refused(self, request: web.Request) -> web.Response | None:
        if self.loopback and not self._is_own_name(request.host):
            return _error(request, 421, "wrong-host", "web.wrong_host")
        if request.method not in {hdrs.METH_GET, hdrs.METH_HEAD} and not self._is_own_page(request):
            return _error(request, 403, "cross-origin", "web.cross_origin")
        if self.token and request.path not in self.open_paths and not self._has_token(request):
            response = _error(request, 401, "token", "web.token_wanted")
            response.headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
            return response
        return None

    def _is_own_name(self, host: str) -> bool:
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = found[1].strip("[]").lower()
        return is_loopback(name) or (bool(self.proxy) and name == urlsplit(self.proxy).hostname)

    def _is_own_page(self, request: web.Request) -> bool:
        if request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
            return False
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None:  # a program: browsers always send one with a POST
            return True
        hosts = [request.host, urlsplit(self.proxy).netloc] if self.proxy else [request.host]
        return origin.lower() in {f"{scheme}://{host.lower()}" for host in hosts for scheme in ("http", "https")}

    def _has_token(self, request: web.Request) -> bool:
        scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        same = hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), self.token.encode())
        return scheme.lower() == "bearer" and same


def _error(request: web.Request, status: int, error: str, key: str) -> web.Response:
    return web.json_response({"error": error, "text": say(key, language_of(request))}, status=status)


def asker_address(request: web.Request, proxy: str) -> str:
    """The address that limits count for: the peer's, or behind the configured proxy the one that the proxy saw.

    Of IPv6 it is the network of the first 64 bits, which is the least that one subscriber gets (RFC 6177).
    """
    peer = request.remote or "unknown"
    forwarded = request.headers.get("X-Forwarded-For", "")
    try:
        near = ipaddress.ip_address(peer)
        if proxy and forwarded and (near.is_loopback or near.is_private):
            # The last entry is our proxy's own; all before it can be made up.
            return subscriber(ipaddress.ip_address(forwarded.rpartition(",")[2].strip()))
        return subscriber(near)
    except ValueError:
        return peer


def subscriber(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), 64), strict=False))
