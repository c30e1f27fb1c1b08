"""What Telegram says about a bot, in the words of `candid setup` and `candid doctor`."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from bot.accounts import Account, Grade, TokenRefused, Unreachable
from bot.accounts.telegram import look
from bot.settings import Secret, TelegramSettings, default_settings
from tests.accounts.portal import Portal
from tests.peers.telegram import Telegram

TOKEN = "77:abc-DEF_1"
ME = {"id": 77, "is_bot": True, "username": "candid_bot", "can_join_groups": True, "can_read_all_group_messages": False}


@pytest.fixture
async def portal() -> AsyncIterator[Portal]:
    async with Portal() as portal:
        yield portal


def settings(url: str, **changes: Any) -> TelegramSettings:
    return replace(default_settings().telegram, base_url=url, **changes)


async def ask(
    portal: Portal, me: dict[str, Any] | None = None, webhook: dict[str, Any] | None = None, **changes: Any
) -> Account:
    portal.answers[f"/bot{TOKEN}/getMe"] = (200, {"ok": True, "result": ME | (me or {})})
    portal.answers[f"/bot{TOKEN}/getWebhookInfo"] = (200, {"ok": True, "result": {"url": ""} | (webhook or {})})
    return await look(settings(portal.url, **changes), Secret(TOKEN))


def says(account: Account, grade: Grade) -> str:
    return " | ".join(point.says for point in account.points if point.grade is grade)


async def test_a_fresh_bot(portal: Portal) -> None:
    account = await ask(portal)
    assert (account.name, account.link) == ("candid_bot", "https://t.me/candid_bot")
    assert "Privacy mode is on" in says(account, Grade.NOTE) and "/setprivacy" in account.steps[0]
    assert not says(account, Grade.WRONG)


async def test_privacy_mode_off(portal: Portal) -> None:
    account = await ask(portal, {"can_read_all_group_messages": True})
    assert "Privacy mode is off" in says(account, Grade.GOOD) and not account.steps


async def test_a_bot_that_can_not_join_groups(portal: Portal) -> None:
    assert "/setjoingroups" in says(await ask(portal, {"can_join_groups": False}), Grade.NOTE)


async def test_webhooks(portal: Portal) -> None:
    hook = {"url": "https://example.org/secret-path", "last_error_message": "Connection refused"}
    note = says(await ask(portal, webhook=hook), Grade.NOTE)
    assert "A webhook at example.org is set" in note and "secret-path" not in note
    assert "Connection refused" in says(await ask(portal, webhook=hook, mode="webhook"), Grade.WRONG)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((401, {"ok": False, "error_code": 401, "description": "Unauthorized"}), TokenRefused),
        ((404, {"ok": False, "error_code": 404, "description": "Not Found"}), TokenRefused),
        ((404, "<html>nginx</html>"), Unreachable),
        ((200, "<html>hello</html>"), Unreachable),
        ((502, {"ok": False}), Unreachable),
    ],
)
async def test_refusals_and_trouble(portal: Portal, answer: tuple[int, Any], error: type[Exception]) -> None:
    portal.answers[f"/bot{TOKEN}/getMe"] = answer
    with pytest.raises(error) as caught:
        await look(settings(portal.url), Secret(TOKEN))
    assert TOKEN not in str(caught.value)


async def test_what_has_no_tokens_shape_is_not_sent(portal: Portal) -> None:
    with pytest.raises(TokenRefused, match="no Telegram token"):
        await look(settings(portal.url), Secret("77:abc/../x"))
    assert not portal.seen


async def test_nothing_there() -> None:
    with pytest.raises(Unreachable) as caught:
        await look(settings("http://127.0.0.1:1"), Secret(TOKEN))
    assert TOKEN not in str(caught.value) and caught.value.__cause__ is None


async def test_the_loopback_telegram_agrees() -> None:
    async with Telegram(reads_all=True) as telegram:
        account = await look(settings(telegram.url), Secret(telegram.token))
        assert account.name == "candid_bot" and "Privacy mode is off" in says(account, Grade.GOOD)
        telegram.revoked = True
        with pytest.raises(TokenRefused):
            await look(settings(telegram.url), Secret(telegram.token))
