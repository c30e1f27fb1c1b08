"""What the tests of the web page share: a served page, a client, a real browser, axe-core."""

import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.adapters.web import WebAdapter
from bot.core import Checker
from bot.settings import ChecksSettings
from bot.store import Store
from tests.adapters.browser import Browser, Tab, find_chromium, start_browser
from tests.adapters.web_rig import serving, web_settings
from tests.conftest import make_picture


@pytest.fixture
async def web(checks: ChecksSettings, checker: Checker, store: Store) -> AsyncIterator[WebAdapter]:
    """The web adapter on loopback, without a token, with the fake detector behind it."""
    async with serving(web_settings(checks), checker, store) as adapter:
        yield adapter


@pytest.fixture
async def web_client(web: WebAdapter) -> AsyncIterator[aiohttp.ClientSession]:
    """A program that talks to `web`."""
    async with aiohttp.ClientSession(web.url) as session:
        yield session


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    async with start_browser(chromium) as running:
        yield running


@pytest.fixture
async def tab(browser: Browser) -> AsyncIterator[Tab]:
    async with browser.tab() as one:
        yield one


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Files: AI, real, unsure, and one that isn't a picture."""
    files = {
        "ai.png": make_picture(230, side=300),
        "real.jpg": make_picture(20, side=200, format="JPEG"),
        "unsure.webp": make_picture(128, side=128, format="WEBP"),
        "notes.txt": b"this is no picture at all",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return [tmp_path / name for name in files]


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, which looks for what would stop a person with a disability."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm on this machine, so no axe-core")
    folder = tmp_path_factory.mktemp("axe")
    command = [npm, "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund", "axe-core@4"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"axe-core can't be installed here: {error}")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()
