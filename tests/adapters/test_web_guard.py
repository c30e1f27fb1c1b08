"""Who is let in: names, origins, tokens, proxies; and what every answer's headers forbid."""

from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from bot.adapters.web import WebAdapter
from bot.core import Checker
from bot.errors import GiveUp
from bot.inbox import Inbox
from bot.metrics import Metrics
from bot.settings import ChecksSettings
from bot.store import Store
from tests.adapters.web_rig import serving, web_settings
from tests.conftest import FakeDetector, make_picture

OPEN = (
    "/",
    "/app.js",
    "/card.js",
    "/send.js",
    "/words.js",
    "/style.css",
    "/card.css",
    "/icon.svg",
    "/healthz",
    "/readyz",
)
CLOSED = ("/api/about", "/metrics", "/anything")


async def test_the_page_and_its_files(web_client: aiohttp.ClientSession) -> None:
    for path in OPEN:
        async with web_client.get(path) as response:
            assert response.status == 200, path
            text = await response.text()
            assert "{{" not in text, path
            assert "http://" not in text.replace("http://www.w3.org/", ""), path
            assert "https://" not in text, path
            tag = response.headers.get("ETag")
        if tag is not None:
            async with web_client.get(path, headers={"If-None-Match": tag}) as response:
                assert response.status == 304
    async with web_client.get("/") as response:
        text = await response.text()
    assert "Is this picture AI-generated?" in text
    assert 'lang="en"' in text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/healthz", 200),
        ("GET", "/nothing", 404),
        ("GET", "/page/../adapter.py", 404),
        ("DELETE", "/api/check", 405),
        ("POST", "/api/check", 400),
        ("GET", "/metrics", 200),
    ],
)
async def test_every_answer_carries_the_strict_headers(
    web_client: aiohttp.ClientSession, method: str, path: str, status: int
) -> None:
    async with web_client.request(method, path) as response:
        assert response.status == status
        policy = response.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert "Access-Control-Allow-Origin" not in response.headers
        if status == 405:
            assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:8080", 200),
        ("127.0.0.1", 200),
        ("[::1]:8080", 200),
        ("evil.example", 421),
        ("evil.example:8080", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("evil.example@localhost", 421),
        ("[broken", 421),
        ("", 421),
    ],
)
async def test_on_loopback_only_loopback_names_are_served(
    web_client: aiohttp.ClientSession, host: str, status: int
) -> None:
    async with web_client.get("/healthz", headers={"Host": host}) as response:
        assert response.status == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "{own}", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "{own}.evil.example"}, 403),
        ({"Origin": "http://[broken"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
async def test_other_sites_can_not_post(
    web: WebAdapter, web_client: aiohttp.ClientSession, headers: dict[str, str], status: int
) -> None:
    filled = {name: value.replace("{own}", web.url) for name, value in headers.items()}
    async with web_client.post("/api/check", data=make_picture(), headers=filled) as response:
        assert response.status == status


async def test_a_token_guards_everything_but_the_bare_page(
    checks: ChecksSettings, checker: Checker, store: Store
) -> None:
    token = "correct horse battery staple"
    settings = web_settings(checks, token, host="0.0.0.0")
    async with serving(settings, checker, store) as web:
        url = web.url.replace("0.0.0.0", "127.0.0.1")
        async with aiohttp.ClientSession(url) as client:
            for path in OPEN:
                async with client.get(path, headers={"Host": "candid.example.org"}) as response:
                    assert response.status == 200, path
            for given in ("", "Bearer wrong", "Bearer", f"Basic {token}", f"Bearer {token}x", "Bearer schlüssel"):
                for path in CLOSED:
                    async with client.get(path, headers={"Authorization": given}) as response:
                        assert response.status == 401, (given, path)
                        assert response.headers["WWW-Authenticate"] == "Bearer"
                async with client.post("/api/check", data=make_picture(), headers={"Authorization": given}) as response:
                    assert response.status == 401
            right = {"Authorization": f"Bearer {token}"}
            async with client.post("/api/check", data=make_picture(), headers=right) as response:
                assert response.status == 200
            async with client.get("/api/about", headers=right) as response:
                assert response.status == 200


@pytest.mark.parametrize("web", [{"host": "0.0.0.0"}, {"host": "::"}, {"proxy": "https://candid.example.org"}])
async def test_nothing_is_shown_to_others_without_a_token(store: Store, web: dict[str, Any]) -> None:
    adapter = WebAdapter(web_settings(**web), None, store, Inbox(store, 900), metrics=Metrics())
    with pytest.raises(GiveUp, match="WEB_TOKEN"):
        await adapter.run()


async def test_behind_the_configured_proxy(checks: ChecksSettings, detector: FakeDetector, store: Store) -> None:
    strict = replace(checks, per_user_burst=1, per_user_per_minute=1.0)
    checker = Checker(strict, detector, store, Metrics())
    await checker.start()
    settings = web_settings(strict, "a-token", proxy="https://candid.example.org")
    async with serving(settings, checker, store) as web, aiohttp.ClientSession(web.url) as client:

        async def ask(number: int, forwarded: str) -> int:
            headers = {
                "Authorization": "Bearer a-token",
                "Host": "candid.example.org",
                "Origin": "https://candid.example.org",
                "X-Forwarded-For": forwarded,
            }
            async with client.post("/api/check", data=make_picture(seed=number), headers=headers) as response:
                return response.status

        assert await ask(1, "203.0.113.1") == 200
        assert await ask(2, "203.0.113.1") == 429
        assert await ask(3, "203.0.113.2") == 200
        assert await ask(4, "203.0.113.99, 203.0.113.2") == 429  # the first entry is whatever the visitor wrote
        assert await ask(5, "not an address") == 200  # counts for the proxy itself
        assert await ask(6, "") == 429
        assert await ask(7, "2001:db8:1:2::7") == 200
        assert await ask(8, "2001:db8:1:2:ffff::8") == 429  # a subscriber has 2 ** 64 addresses of IPv6
        assert await ask(9, "2001:db8:1:3::7") == 200
    await checker.close(5)
