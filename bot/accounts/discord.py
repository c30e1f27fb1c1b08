"""The bot's application at Discord: is the token right, are the switches as they must be, what may it do where?"""

import re
from typing import Any

import aiohttp
import discord

from bot.accounts import TIMEOUT, Account, Grade, Point, TokenRefused, Unreachable, fetch_json
from bot.settings import DiscordSettings, Secret

API = "https://discord.com/api/v10"
PORTAL = "https://discord.com/developers/applications"
SCOPES = ("bot", "applications.commands")
NEEDED = {
    "view_channel": "View Channel",
    "send_messages": "Send Messages",
    "send_messages_in_threads": "Send Messages in Threads",
    "embed_links": "Embed Links",
    "read_message_history": "Read Message History",  # to reply to a message, and to read the one a reply points at
}
REACTIONS = {"add_reactions": "Add Reactions"}  # for servers that want a symbol instead of an answer
_MUST_HAVE = discord.Permissions(**dict.fromkeys(NEEDED, True))
PERMISSIONS = discord.Permissions(**dict.fromkeys({**NEEDED, **REACTIONS}, True))
HOW_TO_GET_A_TOKEN = (
    f"1. Open {PORTAL} and choose New Application.",
    "2. Open Bot, choose Reset Token and copy the token.",
)

_MESSAGE_CONTENT = discord.ApplicationFlags.gateway_message_content.flag
_MESSAGE_CONTENT |= discord.ApplicationFlags.gateway_message_content_limited.flag
_USER_INSTALL = "1"  # key in integration_types_config
_VERSION = re.compile(r"/v\d+$")


def api_address(settings: DiscordSettings) -> str:
    """Where Discord's API is. An address that names no version gets the one that discord.py speaks."""
    address = settings.api.rstrip("/")
    if not address:
        return API
    return address if _VERSION.search(address) else f"{address}/v10"


def invite_link(application: int) -> str:
    """Where an admin adds the bot to a server, with the scopes and the few permissions that it needs."""
    return discord.utils.oauth_url(application, permissions=PERMISSIONS, scopes=SCOPES)


async def look(settings: DiscordSettings, token: Secret) -> Account:
    """Ask Discord about the token's application. Raises TokenRefused and Unreachable."""
    base = api_address(settings)
    headers = {
        "Authorization": f"Bot {token.reveal()}",
        "User-Agent": f"DiscordBot (https://github.com/Rapptz/discord.py {discord.__version__}) Candid",
    }
    async with aiohttp.ClientSession(headers=headers, timeout=TIMEOUT) as session:
        application = await _get(session, f"{base}/applications/@me")
        me = await _get(session, f"{base}/users/@me")
        status, guilds = await fetch_json(session, f"{base}/users/@me/guilds", "Discord")
    points = _switches(application, settings)
    if status == 200 and isinstance(guilds, list):
        points += _places(guilds)
    return Account(str(me.get("username", "?")), tuple(points), invite_link(int(application["id"])))


async def _get(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    status, body = await fetch_json(session, url, "Discord")
    if status == 401:
        raise TokenRefused(
            "Discord refuses this token: it is mistyped, or was reset. Get a new one under Bot, Reset Token."
        )
    if status != 200 or not isinstance(body, dict):
        raise Unreachable(f"Discord's address answers as something else (status {status}); check [discord] api.")
    return body


def _switches(application: dict[str, Any], settings: DiscordSettings) -> list[Point]:
    page = f"{PORTAL}/{application['id']}"
    points = []
    has_content = bool(int(application.get("flags") or 0) & _MESSAGE_CONTENT)
    if settings.message_content and not has_content:
        points.append(
            Point(
                Grade.WRONG,
                "[discord] message_content is true, but the Message Content Intent is off: switch it on under Bot, "
                f"Privileged Gateway Intents, on {page}/bot, or set message_content to false.",
            )
        )
    elif has_content and not settings.message_content:
        points.append(
            Point(
                Grade.NOTE,
                "The Message Content Intent is on at Discord but not used: automatic mode needs "
                "[discord] message_content = true as well.",
            )
        )
    elif not has_content:
        points.append(
            Point(
                Grade.NOTE,
                "Everything but automatic mode works. For that, switch on the Message Content Intent on "
                f"{page}/bot and set [discord] message_content to true.",
            )
        )
    else:
        points.append(Point(Grade.GOOD, "The Message Content Intent is on: automatic mode can be used."))
    if application.get("bot_require_code_grant"):
        points.append(
            Point(
                Grade.WRONG, f"Requires OAuth2 Code Grant is on, so the invite link fails: switch it off on {page}/bot."
            )
        )
    if application.get("interactions_endpoint_url"):
        points.append(
            Point(
                Grade.WRONG,
                "An Interactions Endpoint URL is set, so commands and buttons go there and not here: "
                f"clear it on {page}/information.",
            )
        )
    installs = application.get("integration_types_config")
    if isinstance(installs, dict) and _USER_INSTALL not in installs:
        points.append(
            Point(
                Grade.NOTE, f"People can't add it to their own account: switch on User Install on {page}/installation."
            )
        )
    return points


def _places(guilds: list[dict[str, Any]]) -> list[Point]:
    """What is missing in the servers that it is in."""
    points = []
    for guild in guilds:
        held = discord.Permissions(int(guild.get("permissions") or 0))
        if held.administrator or held.is_superset(_MUST_HAVE):
            continue
        missing = ", ".join(shown for name, shown in NEEDED.items() if not getattr(held, name))
        points.append(Point(Grade.WRONG, f"On the server {guild.get('name', '?')!r} its role lacks: {missing}."))
    if guilds and not points:
        count = len(guilds)
        points.append(
            Point(Grade.GOOD, f"It is on {count} server{'s' * (count > 1)}, and its role may do what it needs.")
        )
    if not guilds:
        points.append(Point(Grade.NOTE, "It is on no server yet: use the invite link."))
    return points
