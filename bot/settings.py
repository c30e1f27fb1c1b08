"""Settings: the packaged config.toml, the user's own over it, the environment over both, as frozen values.

Defaults stand in config.toml only. Every value is checked; an error names the key, what was found and what is accepted.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

from bot.environment import overrides, read_env_file, secret
from bot.errors import SettingsError, in_words
from bot.secret import Secret
from bot.setting_rules import check_together, is_loopback
from bot.setting_values import Value, Within, convert, convert_text, did_you_mean

__all__ = ["Secret", "Settings", "SettingsError", "default_settings", "env_file", "is_loopback", "load_settings"]

SECRETS = {  # section, field -> its name in the environment
    ("discord", "token"): "DISCORD_TOKEN",
    ("telegram", "token"): "TELEGRAM_TOKEN",
    ("telegram", "webhook_secret"): "TELEGRAM_WEBHOOK_SECRET",
    ("web", "token"): "WEB_TOKEN",
    ("review", "key"): "REVIEW_KEY",
    ("scale", "redis"): "REDIS_URL",
    ("store", "url"): "DATABASE_URL",
}


@dataclass(frozen=True, slots=True)
class ChecksSettings:
    """Limits of one check and of everybody's checks together."""

    max_bytes: Annotated[int, Within(1024, 1 << 30)]
    max_pixels: Annotated[int, Within(4096, 1_000_000_000)]
    decode_seconds: Annotated[float, Within(0.1, 600)]
    decode_threads: Annotated[int, Within(1, 64)]
    queue: Annotated[int, Within(1, 100_000)]
    batch: Annotated[int, Within(1, 64)]
    per_message: Annotated[int, Within(1, 100)]
    per_user_burst: Annotated[int, Within(1, 1_000_000)]
    per_user_per_minute: Annotated[float, Within(0.01, 1_000_000)]
    per_chat_burst: Annotated[int, Within(1, 1_000_000)]
    per_chat_per_minute: Annotated[float, Within(0.01, 1_000_000)]
    cache: Annotated[int, Within(0, 10_000_000)]
    fresh_minutes: Annotated[float, Within(0, 1440)]


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which detector, and how it looks at a picture."""

    version: str
    directory: str
    views: Annotated[int, Within(1, 64)]
    poll_seconds: Annotated[float, Within(0.05, 86_400)]
    cache_directory: str


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """The database: a file at `path`, or Postgres at `url` if that is set."""

    url: Secret
    path: str
    keep_days: Annotated[int, Within(1, 36_500)]

    @property
    def where(self) -> Path | Secret:
        """For Store.open."""
        return self.url or Path(self.path)


@dataclass(frozen=True, slots=True)
class DiscordSettings:
    """The Discord application."""

    token: Secret
    message_content: bool
    shards: str
    api: str
    gateway: str


@dataclass(frozen=True, slots=True)
class TelegramSettings:
    """The Telegram bot."""

    token: Secret
    mode: Literal["polling", "webhook"]
    webhook_url: str
    webhook_listen: str
    webhook_secret: Secret
    base_url: str
    base_file_url: str


@dataclass(frozen=True, slots=True)
class WebSettings:
    """The page and its API."""

    token: Secret
    enabled: bool
    host: str
    port: Annotated[int, Within(0, 65_535)]
    proxy: str
    metrics: bool


@dataclass(frozen=True, slots=True)
class ReviewSettings:
    """Reported and appealed pictures of the servers that want it, for moderators to label."""

    key: Secret
    directory: str
    keep_days: Annotated[int, Within(1, 3650)]
    megabytes: Annotated[int, Within(1, 10_000_000)]


@dataclass(frozen=True, slots=True)
class ScaleSettings:
    """More than one machine; `redis` is where bots and workers meet, and empty for one process that does it all."""

    redis: Secret
    at_once: Annotated[int, Within(1, 10_000)]


@dataclass(frozen=True, slots=True)
class LogSettings:
    """The log."""

    format: Literal["human", "json"]
    level: Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set."""

    checks: ChecksSettings
    model: ModelSettings
    store: StoreSettings
    discord: DiscordSettings
    telegram: TelegramSettings
    web: WebSettings
    review: ReviewSettings
    scale: ScaleSettings
    log: LogSettings

    def secrets(self) -> tuple[Secret, ...]:
        """Every secret that is set, for the log's filter."""
        held = (getattr(getattr(self, section), field) for section, field in SECRETS)
        return tuple(one for one in held if one)


def load_settings(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this process. `path` or ./config.toml overlays the defaults; raises SettingsError."""
    if path is not None and not path.is_file():
        what = "that is a folder; name a file of settings" if path.is_dir() else "there is no such file"
        raise SettingsError(f"{path}: {what}.")
    table = _defaults()
    own = path if path is not None else Path("config.toml")
    if own.is_file():
        _overlay(table, _read_toml(own), str(own))
    dotenv = read_env_file(env_file(path))
    for (section, key), text in (overrides(dotenv) | overrides(environ)).items():
        name = f"CANDID_{section}__{key}".upper()
        table[section][key] = convert_text(name, _kind_of(section, key, name, environment=True), text)
    return _build(table, {at: secret(name, (environ, dotenv)) for at, name in SECRETS.items()})


def default_settings() -> Settings:
    """The defaults alone: no file of the user's, no environment, no secret. For tests and scripts."""
    return _build(_defaults(), dict.fromkeys(SECRETS, Secret()))


def env_file(path: Path | None = None) -> Path:
    """The .env file that belongs to the configuration `path`."""
    return path.parent / ".env" if path is not None else Path(".env")


def packaged_config() -> Path:
    """The config.toml with the defaults: in the package when installed, beside it in a clone."""
    inside = Path(__file__).with_name("config.toml")
    return inside if inside.is_file() else Path(__file__).parent.parent / "config.toml"


def _sections() -> dict[str, dict[str, object]]:
    """Section -> key -> type, without the secrets."""
    tree = get_type_hints(Settings)
    return {
        section: {
            key: kind
            for key, kind in get_type_hints(tree[section], include_extras=True).items()
            if (section, key) not in SECRETS
        }
        for section in (field.name for field in fields(Settings))
    }


def _defaults() -> dict[str, dict[str, Value]]:
    source = packaged_config()
    table: dict[str, dict[str, Value]] = {section: {} for section in _sections()}
    _overlay(table, _read_toml(source), str(source))
    for section, kinds in _sections().items():
        for key in kinds:
            if key not in table[section]:
                raise SettingsError(
                    f"{source}: [{section}] {key} is missing; the defaults stand there, so put it back."
                )
    return table


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} can't be read: {in_words(error)}.") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not written as TOML wants it: {error}.") from error


def _overlay(table: dict[str, dict[str, Value]], found: dict[str, Any], source: str) -> None:
    for section, entries in found.items():
        if not isinstance(entries, dict):
            raise SettingsError(f"{source}: {section} stands outside of a [section].")
        if section not in table:
            raise SettingsError(f"{source}: [{section}] is unknown.{did_you_mean(section, table)}")
        for key, value in entries.items():
            kind = _kind_of(section, key, f"{source}: [{section}] {key}")
            table[section][key] = convert(f"{source}: [{section}] {key}", kind, value)


def _kind_of(section: str, key: str, named: str, environment: bool = False) -> object:
    sections = _sections()
    if (section, key) in SECRETS:
        name = SECRETS[section, key]
        raise SettingsError(
            f"{named} is a secret: put it in the environment as {name}, or into a file that {name}_FILE names."
        )
    if environment:
        known = {f"CANDID_{a}__{b}".upper(): kind for a, kinds in sections.items() for b, kind in kinds.items()}
        if named not in known:
            raise SettingsError(f"{named} is unknown.{did_you_mean(named, known)}")
        return known[named]
    if key not in sections[section]:
        raise SettingsError(f"{named} is unknown.{did_you_mean(key, sections[section])}")
    return sections[section][key]


def _build(table: dict[str, dict[str, Value]], secrets: Mapping[tuple[str, str], Secret]) -> Settings:
    parts: dict[str, dict[str, Value | Secret]] = {section: dict(entries) for section, entries in table.items()}
    for (section, key), one in secrets.items():
        parts[section][key] = one
    tree = get_type_hints(Settings)
    settings = Settings(**{section: tree[section](**entries) for section, entries in parts.items()})
    check_together(settings)
    return settings
