"""The bot's account at Telegram: is the token right, and what may it read in groups?"""

import re
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bot.accounts import TIMEOUT, Account, Grade, Point, TokenRefused, Unreachable, fetch_json
from bot.settings import Secret, TelegramSettings

API = "https://api.telegram.org"
HOW_TO_GET_A_TOKEN = (
    "1. Open https://t.me/BotFather in Telegram and send /newbot.",
    "2. Choose a name and a username; BotFather answers with the token.",
)
_TOKEN = re.compile(r"\d+:[\w-]+")
_PRIVACY = (
    "For automatic mode in groups: send /setprivacy to BotFather, choose the bot, choose Disable, "
    "and add the bot to the group again."
)
_REFUSED = "Telegram refuses this token: it is mistyped, or was revoked. BotFather shows the right one with /token."


async def look(settings: TelegramSettings, token: Secret) -> Account:
    """Ask Telegram about the token's bot. Raises TokenRefused and Unreachable."""
    if not _TOKEN.fullmatch(token.reveal()):  # it becomes part of an address, so nothing else may go there
        raise TokenRefused("That is no Telegram token: one looks like 123456789:AAE..., digits, a colon and letters.")
    base = (settings.base_url or API).rstrip("/").removesuffix("/bot")
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        me = await _get(session, f"{base}/bot{token.reveal()}/getMe")
        webhook = await _get(session, f"{base}/bot{token.reveal()}/getWebhookInfo")
    username = str(me.get("username", "?"))
    privacy_off = bool(me.get("can_read_all_group_messages"))
    steps = () if privacy_off else (_PRIVACY,)
    points = (*_groups(me, privacy_off), *_webhook(webhook, settings))
    return Account(username, points, f"https://t.me/{username}", steps)


async def _get(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    status, body = await fetch_json(session, url, "Telegram")
    says = body.get("ok") if isinstance(body, dict) else None
    if says is True and isinstance(body["result"], dict):
        result: dict[str, Any] = body["result"]
        return result
    if says is False and status in (401, 404):  # the words of a Bot API server; a proxy's 404 has none
        raise TokenRefused(_REFUSED)
    raise Unreachable(f"Telegram's address answers as something else (status {status}); check [telegram] base_url.")


def _groups(me: dict[str, Any], privacy_off: bool) -> list[Point]:
    points = []
    if not me.get("can_join_groups"):
        points.append(
            Point(Grade.NOTE, "It can't be added to groups: send /setjoingroups to BotFather and choose Enable.")
        )
    if privacy_off:
        points.append(Point(Grade.GOOD, "Privacy mode is off: automatic mode in groups can be used."))
    else:
        points.append(
            Point(
                Grade.NOTE, "Privacy mode is on: in groups it sees /check as a reply or caption, which is all it needs."
            )
        )
    return points


def _webhook(webhook: dict[str, Any], settings: TelegramSettings) -> list[Point]:
    host = urlsplit(str(webhook.get("url") or "")).hostname
    if settings.mode == "polling" and host:
        return [
            Point(Grade.NOTE, f"A webhook at {host} is set for this bot; Candid takes it off when it starts polling.")
        ]
    if settings.mode == "webhook" and webhook.get("last_error_message"):
        return [Point(Grade.WRONG, f"Telegram's last call to the webhook failed: {webhook['last_error_message']}.")]
    return []
