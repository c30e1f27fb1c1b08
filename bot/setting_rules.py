"""What no setting can say alone: rules between settings, and what an address looks like."""

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot.errors import SettingsError

if TYPE_CHECKING:
    from bot.settings import Settings

_WEBHOOK_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach `host` (a name or an address)."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_address(url: str, schemes: tuple[str, ...], *, with_port: bool = False) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port  # ValueError also for one beyond 65,535
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.hostname) and (port is not None or not with_port)


def check_servers(settings: "Settings") -> None:
    """Raises SettingsError for an address of Redis or Postgres that is none. It holds a password, so it is never shown."""
    hint = (
        "Signs in a password that addresses use themselves are written as %40 for @, %2F for /, %3A for :, %23 for #."
    )
    redis, postgres = settings.scale.redis.reveal(), settings.store.url.reveal()
    if redis and not (redis.startswith("unix://") or is_address(redis, ("redis", "rediss"))):
        raise SettingsError(
            f"REDIS_URL: accepted is an address such as redis://host:6379/0 or redis://:PASSWORD@host:6379/0. {hint}"
        )
    if postgres and not postgres.startswith(("postgresql://", "postgres://")):
        raise SettingsError(
            f"DATABASE_URL: accepted is an address such as postgresql://user:PASSWORD@host/name. {hint}"
        )


def check_together(settings: "Settings") -> None:
    """Raises SettingsError when settings don't fit each other, or an address is none."""
    check_servers(settings)
    web, telegram = settings.web, settings.telegram
    if not web.host:
        raise SettingsError('[web] host: found "", accepted is an address such as "127.0.0.1" or "0.0.0.0".')
    if not settings.store.path:
        raise SettingsError('[store] path: found "", accepted is a file such as "data/candid.sqlite3".')
    if web.enabled and not is_loopback(web.host) and not web.token:
        raise SettingsError(
            f'[web] host: found "{web.host}", which others can reach: accepted is a loopback address such as '
            '"127.0.0.1", or any address once WEB_TOKEN (or WEB_TOKEN_FILE) is set.'
        )
    for key, url, schemes in (
        ("[discord] api", settings.discord.api, ("http", "https")),
        ("[discord] gateway", settings.discord.gateway, ("ws", "wss")),
        ("[telegram] base_url", telegram.base_url, ("http", "https")),
        ("[telegram] base_file_url", telegram.base_file_url, ("http", "https")),
        ("[telegram] webhook_url", telegram.webhook_url, ("https", "http")),
        ("[web] proxy", web.proxy, ("http", "https")),
    ):
        if url and not is_address(url, schemes):
            raise SettingsError(f'{key}: found "{url}", accepted is "" or an address with {schemes[0]}://.')
    if not is_address(f"http://{telegram.webhook_listen}", ("http",), with_port=True):
        raise SettingsError(
            f'[telegram] webhook_listen: found "{telegram.webhook_listen}", accepted is host:port, '
            'for example "127.0.0.1:8081".'
        )
    if telegram.mode == "webhook" and telegram.token and not (telegram.webhook_url and telegram.webhook_secret):
        raise SettingsError(
            '[telegram] mode: found "webhook", which needs webhook_url and the secret TELEGRAM_WEBHOOK_SECRET as well.'
        )
    if telegram.webhook_secret and not _WEBHOOK_SECRET.fullmatch(telegram.webhook_secret.reveal()):
        raise SettingsError("TELEGRAM_WEBHOOK_SECRET: accepted are 1 to 256 letters, digits, hyphens and underscores.")
