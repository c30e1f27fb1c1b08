"""What Discord says about an application, in the words of `candid setup` and `candid doctor`."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.accounts import Account, Grade, TokenRefused, Unreachable
from bot.accounts.discord import PERMISSIONS, api_address, invite_link, look
from bot.settings import DiscordSettings, Secret, default_settings
from tests.accounts.portal import Portal
from tests.peers.discord import World

APPLICATION = {"id": "77", "flags": 0, "bot_require_code_grant": False, "integration_types_config": {"0": {}, "1": {}}}


@pytest.fixture
async def portal() -> AsyncIterator[Portal]:
    async with Portal() as portal:
        portal.answers["/api/v10/applications/@me"] = (200, APPLICATION)
        portal.answers["/api/v10/users/@me"] = (200, {"id": "78", "username": "candid"})
        portal.answers["/api/v10/users/@me/guilds"] = (200, [])
        yield portal


def settings(api: str, **changes: Any) -> DiscordSettings:
    return replace(default_settings().discord, api=api, **changes)


async def ask(portal: Portal, application: dict[str, Any] | None = None, **changes: Any) -> Account:
    portal.answers["/api/v10/applications/@me"] = (200, APPLICATION | (application or {}))
    return await look(settings(portal.url + "/api/v10", **changes), Secret("token"))


def says(account: Account, grade: Grade) -> str:
    return " | ".join(point.says for point in account.points if point.grade is grade)


def test_the_invite_link() -> None:
    query = parse_qs(urlsplit(invite_link(77)).query)
    assert query == {
        "client_id": ["77"],
        "scope": ["bot applications.commands"],
        "permissions": [str(PERMISSIONS.value)],
    }
    assert PERMISSIONS.value == 1 << 6 | 1 << 10 | 1 << 11 | 1 << 14 | 1 << 16 | 1 << 38  # as Discord numbers them


async def test_a_fresh_application(portal: Portal) -> None:
    account = await ask(portal)
    assert account.name == "candid" and account.link == invite_link(77)
    assert not says(account, Grade.WRONG)
    assert "on no server yet" in says(account, Grade.NOTE)
    assert "Everything but automatic mode works" in says(account, Grade.NOTE)
    assert portal.seen["/api/v10/users/@me"]["Authorization"] == "Bot token"
    assert portal.seen["/api/v10/users/@me"]["User-Agent"].startswith("DiscordBot (")


@pytest.mark.parametrize("flag", [1 << 18, 1 << 19])
async def test_the_message_content_intent(portal: Portal, flag: int) -> None:
    assert "Message Content Intent is off" in says(await ask(portal, message_content=True), Grade.WRONG)
    account = await ask(portal, {"flags": flag}, message_content=True)
    assert "Intent is on" in says(account, Grade.GOOD) and not says(account, Grade.WRONG)
    assert "on at Discord but not used" in says(await ask(portal, {"flags": flag}), Grade.NOTE)


@pytest.mark.parametrize(
    ("application", "word", "grade"),
    [
        ({"bot_require_code_grant": True}, "OAuth2 Code Grant", Grade.WRONG),
        ({"interactions_endpoint_url": "https://example.org"}, "Interactions Endpoint URL", Grade.WRONG),
        ({"integration_types_config": {"0": {}}}, "User Install", Grade.NOTE),
    ],
)
async def test_switches(portal: Portal, application: dict[str, Any], word: str, grade: Grade) -> None:
    assert word in says(await ask(portal, application), grade)


async def test_permissions_by_server(portal: Portal) -> None:
    path = "/api/v10/users/@me/guilds"
    portal.answers[path] = (200, [{"name": "Good", "permissions": str(PERMISSIONS.value | 8)}])
    assert "It is on 1 server," in says(await ask(portal), Grade.GOOD)
    portal.answers[path] = (200, [{"name": "Admin", "permissions": "8"}, {"name": "Poor", "permissions": "1024"}])
    wrong = says(await ask(portal), Grade.WRONG)
    assert "'Poor'" in wrong and "Embed Links" in wrong and "View Channel" not in wrong and "Admin" not in wrong


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((401, {"message": "401: Unauthorized", "code": 0}), TokenRefused),
        ((403, "<html>cloudflare</html>"), Unreachable),
        ((404, {}), Unreachable),
        ((200, "<html>hello</html>"), Unreachable),
        ((503, ""), Unreachable),
        ((429, {}), Unreachable),
    ],
)
async def test_refusals_and_trouble(portal: Portal, answer: tuple[int, Any], error: type[Exception]) -> None:
    portal.answers["/api/v10/applications/@me"] = answer
    with pytest.raises(error):
        await look(settings(portal.url + "/api/v10"), Secret("token"))


async def test_an_address_without_a_version_gets_the_one_that_is_spoken(portal: Portal) -> None:
    account = await look(settings(portal.url + "/api/"), Secret("token"))
    assert account.name == "candid"
    assert api_address(settings("")) == "https://discord.com/api/v10"
    assert api_address(settings("http://here/api/v9")) == "http://here/api/v9"


async def test_reactions_are_asked_for_but_not_missed(portal: Portal) -> None:
    least = PERMISSIONS.value & ~(1 << 6)
    portal.answers["/api/v10/users/@me/guilds"] = (200, [{"name": "Old", "permissions": str(least)}])
    assert not says(await ask(portal), Grade.WRONG)


async def test_nothing_there(portal: Portal) -> None:
    with pytest.raises(Unreachable, match="can't be reached"):
        await look(settings("http://127.0.0.1:1/api/v10"), Secret("token"))


async def test_the_loopback_discord_agrees() -> None:
    async with World() as world:
        account = await look(settings(world.api), Secret(world.token))
        assert account.link == invite_link(world.application_id) and not says(account, Grade.WRONG)
        world.revoked = True
        with pytest.raises(TokenRefused):
            await look(settings(world.api), Secret(world.token))
