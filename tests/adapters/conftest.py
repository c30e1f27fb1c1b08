"""What the tests of the web page share: a served page, a client, a real browser, axe-core."""

import os
import shutil
import subprocess
import tarfile
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

AXE = "4.14.1"  # the version of axe-core: a newer one may know new faults


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
    """The source of axe-core, which looks for what would stop a person with a disability.

    npm brings it, into the folder CANDID_AXE where one is named, which later runs without a network use again.
    """
    kept = os.environ.get("CANDID_AXE")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("axe")
    source = folder / f"axe-core-{AXE}" / "package" / "axe.min.js"
    if not source.is_file():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("no npm on this machine, so no axe-core")
        source.parent.parent.mkdir(parents=True, exist_ok=True)
        command = [npm, "pack", f"axe-core@{AXE}", "--ignore-scripts", "--pack-destination", str(folder)]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=60)
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f"axe-core can't be fetched here: {error}")
        with tarfile.open(folder / f"axe-core-{AXE}.tgz") as packed:
            packed.extract("package/axe.min.js", source.parent.parent, filter="data")
    return source.read_text(encoding="utf-8")
