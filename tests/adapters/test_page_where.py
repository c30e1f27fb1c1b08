""" "Show where" in a real headless Chromium: the heat map lies over the picture, can be heard, and is let go of."""

import asyncio
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bot.adapters.web import WebAdapter
from bot.core import Checker
from bot.metrics import Metrics
from bot.settings import ChecksSettings
from bot.store import Store
from tests.adapters.browser import Tab
from tests.adapters.page_rig import VERDICT, faults, keep_shot
from tests.adapters.web_rig import serving, web_settings
from tests.conftest import FakeDetector

BUTTON = "document.querySelector('.where button')"
STATUS = "document.querySelector('.where [role=status]').textContent"
SHOWN = "document.querySelector('.heat')?.complete && document.querySelector('.frame').classList.contains('heated')"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Bright in the middle, dark at its edges: a map of the fake detector has both colours."""
    y, x = np.mgrid[-1:1:360j, -1.5:1.5:540j]
    light = np.clip(255 - 160 * (x**2 + y**2), 20, 255) + np.random.default_rng(0).normal(0, 6, (360, 540))
    shade = np.clip(light, 0, 255).astype(np.uint8)
    file = tmp_path / "harbour.png"
    Image.fromarray(np.stack([shade, shade, shade // 4 * 3], -1)).save(file)
    return file


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
async def test_the_map_lies_over_the_picture(
    web: WebAdapter, tab: Tab, photo: Path, axe: str, tmp_path: Path, width: int, dark: bool
) -> None:
    await tab.open(web.url, width, 844, dark=dark, phone=width < 500)
    await tab.choose("#choose", [photo])
    await tab.until(VERDICT)
    await tab.run(f"{BUTTON}.click()")
    await tab.until(SHOWN)
    await asyncio.sleep(0.5)  # until everything has come to rest
    keep_shot(f"{width}-{'dark' if dark else 'light'}-where.png", await tab.screenshot(), tmp_path)
    picture, heat = await tab.run(
        "['.frame img:not(.heat)', '.heat'].map(one => document.querySelector(one).getBoundingClientRect().toJSON())"
    )
    assert heat == pytest.approx(picture, abs=1)
    alt = await tab.run("document.querySelector('.heat').alt")
    assert "orange" in alt
    assert "blue" in alt
    legend = await tab.run("document.querySelector('.colours').innerText")
    assert "Orange speaks for AI" in legend
    assert "Blue speaks for a real picture" in legend
    assert await tab.run(f"{BUTTON}.offsetHeight") >= 44
    assert await faults(tab, axe) == []
    assert await tab.run("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
    assert [url for url in tab.requests if not url.startswith((web.url, "blob:"))] == [], "a third party was asked"
    assert tab.errors == []


async def test_with_the_keyboard_it_is_shown_hidden_and_asked_for_once(web: WebAdapter, tab: Tab, photo: Path) -> None:
    await tab.open(web.url, 1280)
    await tab.choose("#choose", [photo])
    await tab.until(VERDICT)
    for _ in range(30):
        await tab.press("Tab")
        if await tab.run(f"document.activeElement === {BUTTON}"):
            break
    assert await tab.run(f"getComputedStyle({BUTTON}).outlineStyle") != "none"
    for pressed in ("true", "false", "true"):
        await tab.press("Enter" if pressed == "true" else " ")
        await tab.until(f"{BUTTON}.ariaPressed === '{pressed}'")
        assert await tab.run("document.querySelector('.heat').hidden") == (pressed == "false")
        assert await tab.run("document.querySelector('.colours').hidden") == (pressed == "false")
        assert bool(await tab.run(STATUS)) == (pressed == "true")
    assert await tab.run(f"document.activeElement === {BUTTON}"), "the focus was taken away"
    assert len([url for url in tab.requests if "api/explain" in url]) == 1


async def test_the_map_is_let_go_of_with_its_card(web: WebAdapter, tab: Tab, photo: Path) -> None:
    await tab.open(web.url, 1280)
    await tab.run(
        "window.held = new Set();"
        "{ const make = URL.createObjectURL.bind(URL), drop = URL.revokeObjectURL.bind(URL);"
        " URL.createObjectURL = (blob) => { const url = make(blob); held.add(url); return url; };"
        " URL.revokeObjectURL = (url) => { held.delete(url); drop(url); }; } undefined"
    )
    await tab.choose("#choose", [photo])
    await tab.until(VERDICT)
    await tab.run(f"{BUTTON}.click()")
    await tab.until(SHOWN)
    assert await tab.run("held.size") == 2
    await tab.run("document.getElementById('clear').click()")
    assert await tab.run("held.size") == 0


async def test_why_there_is_none_is_said_and_it_can_be_tried_again(
    tab: Tab, checks: ChecksSettings, store: Store, photo: Path
) -> None:
    strict = replace(checks, per_user_burst=1, per_user_per_minute=30.0)
    checker = Checker(strict, FakeDetector(), store, Metrics())
    await checker.start()
    async with serving(web_settings(strict), checker, store) as web:
        await tab.open(web.url, 390, phone=True)
        await tab.choose("#choose", [photo])
        await tab.until(VERDICT)
        await tab.run(f"{BUTTON}.click()")
        assert "try again in" in await tab.until(f"{STATUS}.includes('again') && {STATUS}")
        assert await tab.run(f"{BUTTON}.ariaPressed") == "false"
        await asyncio.sleep(2.1)  # a token comes back
        await tab.run(f"{BUTTON}.click()")
        await tab.until(SHOWN)
    await checker.close(5)


async def test_a_picture_that_the_browser_cant_show_is_seen_in_its_map(
    web: WebAdapter, tab: Tab, photo: Path, tmp_path: Path
) -> None:
    out = io.BytesIO()
    Image.open(photo).save(out, "TIFF")
    file = tmp_path / "harbour.tif"
    file.write_bytes(out.getvalue())
    await tab.open(web.url, 390, phone=True)
    await tab.choose("#choose", [file])
    await tab.until(VERDICT)
    await tab.run(f"{BUTTON}.click()")
    await tab.until(SHOWN)
    await asyncio.sleep(0.4)
    keep_shot("390-light-where-unseen.png", await tab.screenshot(), tmp_path)
    box = await tab.run("document.querySelector('.heat').getBoundingClientRect().toJSON()")
    assert box["width"] / box["height"] == pytest.approx(540 / 360, rel=0.03)
    assert await tab.run("document.querySelector('.unseen').offsetParent === null")
