"""`candid doctor`: what is configured, reachable and permitted, and what is missing, in plain words."""

import asyncio
import importlib.util
import json
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp

from bot.accounts import Account, Grade, Point, TokenRefused, Unreachable
from bot.errors import SettingsError, in_words
from bot.scale import require
from bot.settings import Settings

GUESSABLE = 16  # characters: a page can be asked many times a second


def doctor(settings: Settings, dotenv: Path) -> int:
    """Prints a line for everything that was looked at; 1 when something that is configured doesn't work."""
    wrong = False
    for topic, point in asyncio.run(_examine(settings, dotenv)):
        print(f"{point.grade:<5}  {topic:<8}  {point.says}", flush=True)
        wrong |= point.grade is Grade.WRONG
    print("Something is wrong; see above." if wrong else "Everything that is configured works.")
    return int(wrong)


async def _examine(settings: Settings, dotenv: Path) -> list[tuple[str, Point]]:
    found = [("settings", Point(Grade.GOOD, "Every setting is known and in its range."))]
    found += [("data", point) for point in (await _postgres(settings) or _data(settings, dotenv))]
    found += [("workers", point) for point in await _workers(settings)]
    found += [("model", point) for point in _model(settings)]
    found += [("pictures", point) for point in _pictures()]
    found += [("review", point) for point in _review(settings)]
    found += [("web", point) for point in (*await _web(settings), *_web_token(settings))]
    found += [("discord", point) for point in await _discord(settings)]
    found += [("telegram", point) for point in await _telegram(settings)]
    return found


async def _postgres(settings: Settings) -> list[Point]:
    if not settings.store.url:
        return []
    try:
        require()
    except SettingsError as error:
        return [Point(Grade.WRONG, str(error))]
    from bot.scale.checkup import look_at_postgres

    return await look_at_postgres(settings)


async def _workers(settings: Settings) -> list[Point]:
    if not settings.scale.redis:
        return []
    try:
        require()
    except SettingsError as error:
        return [Point(Grade.WRONG, str(error))]
    from bot.scale.checkup import look_at_redis

    return await look_at_redis(settings)


def _data(settings: Settings, dotenv: Path) -> Iterator[Point]:
    path = Path(settings.store.path).absolute()
    if trouble := _unwritable(path.parent):
        yield Point(Grade.WRONG, f"{path.parent} can't be written ({trouble}): the database belongs there.")
        return
    if path.exists() and not _is_database(path):
        yield Point(Grade.WRONG, f"{path} is no database: name another file as [store] path, or move that one away.")
        return
    if path.exists():
        yield Point(Grade.GOOD, f"The database is {path.name} ({path.stat().st_size / 1e6:.1f} MB).")
    else:
        yield Point(Grade.GOOD, f"The database will be {path}; it can be written.")
    cache = settings.model.cache_directory
    if cache and (trouble := _unwritable(Path(cache).absolute())):
        yield Point(
            Grade.WRONG, f"{cache} can't be written ({trouble}): [model] cache_directory keeps compiled code there."
        )
    if os.name == "posix" and dotenv.exists() and dotenv.stat().st_mode & 0o077:
        yield Point(Grade.NOTE, f"Others on this machine can read the tokens in {dotenv}: chmod 600 {dotenv}")


def _unwritable(folder: Path) -> str:
    """Why no file can be made in it, or in the nearest folder above that is there; "" if one can."""
    near = next(one for one in (folder, *folder.parents) if one.exists())
    try:
        with tempfile.TemporaryFile(dir=near):
            return ""
    except OSError as error:
        return in_words(error)


def _is_database(path: Path) -> bool:
    """Whether SQLite wrote it, by its first bytes (https://sqlite.org/fileformat.html); it begins as an empty file."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(16) in (b"", b"SQLite format 3\0")


def _model(settings: Settings) -> Iterator[Point]:
    from model.card import read_card
    from model.registry import Registry

    try:
        registry = Registry(Path(settings.model.directory)) if settings.model.directory else Registry()
        card = read_card(registry.path(settings.model.version))
    except (OSError, ValueError, KeyError) as error:
        yield Point(Grade.WRONG, f"{error}")
        return
    yield Point(
        Grade.GOOD,
        f"{card.version} answers; its weights are those of its card. Likely real up to {card.bands.real:.2f}, "
        f"likely AI from {card.bands.ai:.2f}.",
    )
    if missing := [name for name in ("keras", "jax") if importlib.util.find_spec(name) is None]:
        yield Point(Grade.WRONG, f"The package {missing[0]} is not installed: install Candid again.")


def _pictures() -> Iterator[Point]:
    if importlib.util.find_spec("pillow_heif") is None:
        yield Point(Grade.NOTE, 'HEIC photos can\'t be read: install Candid with the extra "heic" for that.')
    else:
        yield Point(Grade.GOOD, "HEIC photos can be read too.")


def _review(settings: Settings) -> Iterator[Point]:
    from bot.community.strongbox import Strongbox

    try:
        box = Strongbox.of(settings.review)
    except SettingsError as error:
        yield Point(Grade.WRONG, str(error))
        return
    if box is None:
        yield Point(
            Grade.NOTE, "No picture is kept to learn from. Servers can ask for that once [review] has a directory."
        )
        return
    if trouble := _unwritable(box.folder.absolute()):
        yield Point(Grade.WRONG, f"{box.folder} can't be written ({trouble}): pictures for review belong there.")
        return
    if os.name == "posix" and box.folder.exists() and box.folder.stat().st_mode & 0o077:
        yield Point(Grade.NOTE, f"Others on this machine can list the pictures for review: chmod 700 {box.folder}")
    if box.encrypted:
        yield Point(Grade.GOOD, f"Pictures for review are kept in {box.folder}, encrypted with REVIEW_KEY.")
    else:
        yield Point(
            Grade.NOTE, f"Pictures for review are kept in {box.folder}, not encrypted: set REVIEW_KEY to encrypt them."
        )


async def _web(settings: Settings) -> list[Point]:
    web = settings.web
    if not web.enabled:
        return [Point(Grade.NOTE, "The page is off.")]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(web.host, web.host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{web.port}"
    if web.port == 0:
        return [Point(Grade.GOOD, "The page takes a free port at each start.")]
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.get(f"{url}/healthz") as response,
        ):
            alive = json.loads(await response.text()).get("alive")
    except aiohttp.ClientConnectorError:
        return [Point(Grade.GOOD, f"The page will be on {url}; Candid isn't running now.")]
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, AttributeError):
        alive = None
    if alive is True:
        return [Point(Grade.GOOD, f"Candid is running, and its page is on {url}.")]
    if alive is False:
        return [Point(Grade.WRONG, f"Candid runs on {url}, but something in it hangs: start it again.")]
    return [Point(Grade.WRONG, f"Another program answers on {url}: choose another [web] port.")]


def _web_token(settings: Settings) -> Iterator[Point]:
    token = settings.web.token
    if settings.web.enabled and token and len(token.reveal()) < GUESSABLE:
        make = 'python3 -c "import secrets; print(secrets.token_urlsafe(24))"'
        yield Point(Grade.NOTE, f"WEB_TOKEN is so short that it can be guessed; make a longer one: {make}")


async def _discord(settings: Settings) -> list[Point]:
    if not settings.discord.token:
        return [Point(Grade.NOTE, "Not connected. Get it with: candid setup discord")]
    from bot.accounts import discord

    return await _account(lambda: discord.look(settings.discord, settings.discord.token))


async def _telegram(settings: Settings) -> list[Point]:
    if not settings.telegram.token:
        return [Point(Grade.NOTE, "Not connected. Get it with: candid setup telegram")]
    from bot.accounts import telegram

    return await _account(lambda: telegram.look(settings.telegram, settings.telegram.token))


async def _account(look: Callable[[], Awaitable[Account]]) -> list[Point]:
    try:
        account = await look()
    except (TokenRefused, Unreachable) as error:
        return [Point(Grade.WRONG, str(error))]
    return [
        Point(Grade.GOOD, f"The token is right: it belongs to {account.name}. Add it: {account.link}"),
        *account.points,
        *(Point(Grade.NOTE, step) for step in account.steps),
    ]
