"""The whole service in this process, over real sockets: its start, its swaps of models, its end."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from bot.app import App
from bot.errors import SettingsError
from bot.settings import Secret, Settings
from tests.commands.conftest import add_version, settings
from tests.conftest import FakeDetector, make_picture
from tests.peers.discord import World
from tests.peers.telegram import Telegram

__all__ = ["settings"]

Reached = Callable[[], bool | Awaitable[bool]]


class Loading:
    """A loader of fake detectors, one for each version; `gate` closed holds it."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.loaded: list[str] = []

    def __call__(self, directory: Path, views: int, cache: Path | None) -> FakeDetector:
        assert self.gate.wait(60)
        self.loaded.append(directory.name)
        if directory.name == "broken":
            raise ValueError("weights.npz is not the file that card.json describes.")
        return FakeDetector(directory.name)


@asynccontextmanager
async def running(
    settings: Settings, loading: Loading | None = None
) -> AsyncIterator[tuple[App, aiohttp.ClientSession]]:
    """The app after its page has opened, and a client of that page."""
    app = App(settings, loading or Loading())  # type: ignore[arg-type]
    opened = asyncio.Event()
    life = asyncio.create_task(app.run(lambda _: opened.set()))
    ready = asyncio.create_task(opened.wait())
    await asyncio.wait((life, ready), timeout=30, return_when=asyncio.FIRST_COMPLETED)
    if life.done():
        life.result()
    assert app.web is not None
    try:
        async with aiohttp.ClientSession(app.web.url) as client:
            yield app, client
    finally:
        app.stop()
        await asyncio.wait_for(life, 30)


async def reached(condition: Reached) -> None:
    """Waits until it is so."""
    async with asyncio.timeout(30):
        while True:
            now = condition()
            if now is True or (not isinstance(now, bool) and await now):
                return
            await asyncio.sleep(0.01)


async def status(client: aiohttp.ClientSession, path: str) -> int:
    async with client.get(path) as response:
        return response.status


async def verdict(client: aiohttp.ClientSession, picture: bytes) -> dict[str, object]:
    async with client.post("/api/check", data=picture) as response:
        assert response.status == 200, await response.text()
        found: dict[str, object] = await response.json()
        return found


async def test_the_page_is_there_before_the_model(settings: Settings) -> None:
    loading = Loading()
    loading.gate.clear()
    async with running(settings, loading) as (app, client):
        assert await status(client, "/healthz") == 200
        assert await status(client, "/") == 200
        assert await status(client, "/readyz") == 503
        assert app.statuses() == {"web": "running"}
        loading.gate.set()
        await reached(lambda: _is(client, "/readyz", 200))
        assert (await verdict(client, make_picture(230)))["label"] == "ai"
        async with client.get("/metrics") as response:
            metrics = await response.text()
        assert 'candid_model_info{version="fake-1"} 1.0' in metrics
        assert 'candid_adapter_up{adapter="web"} 1.0' in metrics
        assert "candid_event_loop_pause_seconds_count" in metrics
    assert app.statuses() == {"web": "closed"}


async def _is(client: aiohttp.ClientSession, path: str, wanted: int) -> bool:
    return await status(client, path) == wanted


async def test_a_promoted_model_takes_over_without_a_restart(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    folder, loading = Path(settings.model.directory), Loading()
    async with running(settings, loading) as (app, client):
        await reached(lambda: _is(client, "/readyz", 200))
        add_version(folder, "broken")
        await reached(lambda: "The new champion can't be loaded, fake-1 stays" in caplog.text)
        assert (await verdict(client, make_picture(1)))["model"] == "fake-1"
        add_version(folder, "fake-2")
        await reached(lambda: app.checker is not None and app.checker.model.version == "fake-2")
        assert (await verdict(client, make_picture(1)))["model"] == "fake-2"
        (folder / "champion.json").write_text(json.dumps({"history": ["fake-1"]}))
        await reached(lambda: app.checker is not None and app.checker.model.version == "fake-1")
    assert loading.loaded == ["fake-1", "broken", "fake-2", "fake-1"]
    assert caplog.text.count("can't be loaded") == 1


async def test_a_pinned_version_stays(settings: Settings) -> None:
    pinned = replace(settings, model=replace(settings.model, version="fake-1"))
    loading = Loading()
    async with running(pinned, loading) as (_, client):
        await reached(lambda: _is(client, "/readyz", 200))
        add_version(Path(settings.model.directory), "fake-2")
        await asyncio.sleep(4 * settings.model.poll_seconds)
    assert loading.loaded == ["fake-1"]


async def test_without_a_model_it_says_so_and_ends(settings: Settings) -> None:
    wrong = replace(settings, model=replace(settings.model, version="nowhere"))
    with pytest.raises(SettingsError, match=r"\[model\] version nowhere: .*there are: fake-1"):
        await asyncio.wait_for(App(wrong, Loading()).run(), 30)  # type: ignore[arg-type]


async def test_stopped_while_the_model_loads(settings: Settings) -> None:
    loading = Loading()
    loading.gate.clear()
    async with running(settings, loading) as (app, _):
        assert app.loading
    assert app.loading and app.checker is None
    loading.gate.set()


async def test_nothing_to_run(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="nothing to run"):
        App(replace(settings, web=replace(settings.web, enabled=False)))


async def test_both_chats_run_and_a_revoked_token_stops_only_its_own(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async with World() as world, Telegram() as telegram:
        both = replace(
            settings,
            discord=replace(settings.discord, token=Secret(world.token), api=world.api, gateway=world.gateway.url),
            telegram=replace(
                settings.telegram,
                token=Secret(telegram.token),
                base_url=telegram.url,
                base_file_url=telegram.file_url,
            ),
        )
        async with running(both) as (app, client):
            await reached(lambda: app.statuses().get("discord") == "running")
            telegram.revoked = True
            await telegram.hang_up()
            await telegram.listen()
            await reached(lambda: app.statuses()["telegram"].startswith("stopped: Telegram refuses"))
            assert app.statuses()["discord"] == "running" and await status(client, "/readyz") == 200
    assert caplog.text.count("telegram is stopped until a person acts") == 1
    assert world.token not in caplog.text and telegram.token not in caplog.text
