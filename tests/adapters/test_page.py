"""The page in a real headless Chromium: every door, every state, on a phone and on a desk, for keyboards and eyes."""

import asyncio
from pathlib import Path

import pytest

from bot.adapters.web import WebAdapter
from bot.store import Store
from tests.adapters.browser import Tab
from tests.adapters.page_rig import TITLES, VERDICT, faults, keep_shot
from tests.conftest import make_picture


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
async def test_a_picture_gets_its_verdict(
    web: WebAdapter, tab: Tab, pictures: list[Path], axe: str, tmp_path: Path, width: int, dark: bool
) -> None:
    await tab.open(web.url, width, 844, dark=dark, phone=width < 500)
    name = f"{width}-{'dark' if dark else 'light'}"
    await asyncio.sleep(0.4)
    keep_shot(f"{name}-empty.png", await tab.screenshot(), tmp_path)
    assert await faults(tab, axe) == []
    await tab.choose("#choose", pictures[:1])
    assert await tab.until(VERDICT)
    assert await tab.run(TITLES) == ["Likely AI-generated"]
    assert await tab.run("document.title") == "Likely AI-generated · Candid"
    await tab.choose("#choose", [pictures[2], pictures[1], pictures[3]])
    await tab.until("[...document.querySelectorAll('progress')].every(bar => bar.hidden)")
    await asyncio.sleep(0.5)  # until cards have come to rest
    keep_shot(f"{name}-verdicts.png", await tab.screenshot(), tmp_path)
    assert await tab.run(TITLES) == ["Can't tell", "Likely real", "Can't judge this one", "Likely AI-generated"]
    assert await faults(tab, axe) == []
    assert await tab.run("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
    small = await tab.run(
        "[...document.querySelectorAll('button, summary, .button, .show, dialog input')]"
        ".filter(one => one.offsetParent).map(one => [one.outerHTML.slice(0, 60), one.offsetWidth, one.offsetHeight])"
        ".filter(([, width, height]) => width < 44 || height < 44)"
    )
    assert small == [], "smaller than a finger"
    assert [url for url in tab.requests if not url.startswith((web.url, "blob:"))] == [], "a third party was asked"
    assert [error for error in tab.errors if "422" not in error] == []


async def test_the_scale_and_the_views_are_drawn_where_they_belong(
    web: WebAdapter, tab: Tab, pictures: list[Path]
) -> None:
    await tab.open(web.url, 1280)
    await tab.choose("#choose", pictures[:1])
    await tab.until(VERDICT)
    scale = await tab.run("document.querySelector('.scale').ariaLabel")
    assert "score of 90" in scale
    assert "Up to 30" in scale
    zones = await tab.run("[...document.querySelectorAll('.scale .zone')].map(zone => zone.offsetWidth)")
    assert zones[0] == pytest.approx(zones[2], abs=3)
    assert zones[1] == pytest.approx(zones[0] * 4 / 3, rel=0.05)
    await tab.until("document.querySelector('.frame img').complete")
    picture, whole, middle = await tab.run(
        "['.frame img', '.boxes .overview', '.boxes .native'].map(one =>"
        " document.querySelector(one).getBoundingClientRect().toJSON())"
    )
    for side in ("x", "y", "width", "height"):
        assert whole[side] == pytest.approx(picture[side], abs=1)
    assert middle["x"] == pytest.approx(picture["x"] + picture["width"] / 4, abs=1)
    assert middle["width"] == pytest.approx(picture["width"] / 2, abs=1)
    await tab.run("document.querySelectorAll('.view')[1].click()")
    assert await tab.run("[...document.querySelectorAll('.boxes i')].map(box => box.classList.contains('picked'))") == [
        False,
        True,
    ]


async def test_a_picture_is_dropped(web: WebAdapter, tab: Tab, pictures: list[Path]) -> None:
    await tab.open(web.url, 1280)
    await tab.drop("#finder", pictures[1])
    await tab.until(VERDICT)
    assert await tab.run(TITLES) == ["Likely real"]
    assert not await tab.run("document.body.classList.contains('over')")


async def test_a_picture_is_pasted(web: WebAdapter, tab: Tab) -> None:
    await tab.open(web.url, 390, phone=True)
    data = list(make_picture(240))
    await tab.run(
        f"""(() => {{
          const clipboardData = new DataTransfer();
          clipboardData.items.add(new File([new Uint8Array({data})], 'image.png', {{type: 'image/png'}}));
          document.body.dispatchEvent(new ClipboardEvent('paste', {{clipboardData, bubbles: true}}));
        }})()"""
    )
    await tab.until(VERDICT)
    assert await tab.run(TITLES) == ["Likely AI-generated"]


async def test_with_the_keyboard_alone(web: WebAdapter, tab: Tab, pictures: list[Path], store: Store) -> None:
    await tab.open(web.url, 1280)
    await tab.answer_chooser(pictures[:1])

    async def go_to(what: str) -> None:
        for _ in range(30):
            await tab.press("Tab")
            if await tab.run(f"document.activeElement?.matches({what!r})"):
                ring = await tab.run(
                    "getComputedStyle(document.activeElement.closest('.button') ?? document.activeElement).outlineStyle"
                )
                assert ring != "none", f"{what} has the focus, but it can't be seen"
                return
        raise AssertionError(f"{what} can't be reached with Tab")

    await go_to("#choose")
    await tab.press("Enter")
    await tab.until(VERDICT)
    assert await tab.run("document.activeElement.id") == "choose", "the focus was taken away"
    await go_to(".card summary")
    await tab.press("Enter")
    assert not await tab.run("document.querySelector('.card details').open")
    await tab.press("Enter")
    assert await tab.run("document.querySelector('.card details').open")
    await go_to("[data-says=real]")
    await tab.press("Enter")
    assert "Thank you" in await tab.until("document.querySelector('.wrong .fine').textContent")
    await go_to(".view")
    await tab.press(" ")
    assert await tab.run("document.querySelector('.view').ariaPressed") == "true"
    await go_to("#about summary")
    await tab.press("Enter")
    assert "fake-1" in await tab.run("document.getElementById('about-text').innerText")
