"""The page in a real headless Chromium while it works, waits, fails, or asks for a token."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.web import WebAdapter
from bot.core import Checker
from bot.metrics import Metrics
from bot.settings import ChecksSettings
from bot.store import Store
from bot.wording import say
from tests.adapters.browser import Tab
from tests.adapters.page_rig import HEARD, VERDICT, faults, keep_shot
from tests.adapters.web_rig import serving, web_settings
from tests.conftest import FakeDetector


async def test_several_at_once_with_progress_and_a_voice(
    web: WebAdapter, tab: Tab, pictures: list[Path], detector: FakeDetector
) -> None:
    await tab.open(web.url, 390, phone=True)
    detector.gate.clear()
    await tab.choose("#choose", pictures)
    looking = "[...document.querySelectorAll('.sub')].filter(sub => sub.textContent.startsWith('Looking')).length"
    await tab.until(f"{looking} === 3")
    assert await tab.run("[...document.querySelectorAll('progress')].filter(bar => !bar.hidden).length") >= 3
    detector.gate.set()
    await tab.until("[...document.querySelectorAll('progress')].every(bar => bar.hidden)")
    heard = await tab.run(HEARD)
    assert "Pictures added: 4." in heard
    assert "ai.png: Likely AI-generated. 90 % sure." in heard.replace("\u00a0", " ")
    assert "notes.txt: This is" in heard
    await tab.run("document.getElementById('clear').click()")
    assert await tab.run("document.getElementById('history').hidden")
    assert await tab.run("document.activeElement.id") == "choose"


async def test_limits_are_waited_for(tab: Tab, checks: ChecksSettings, store: Store, pictures: list[Path]) -> None:
    strict = replace(checks, per_user_burst=1, per_user_per_minute=40.0)
    checker = Checker(strict, FakeDetector(), store, Metrics())
    await checker.start()
    async with serving(web_settings(strict), checker, store) as web:
        await tab.open(web.url, 390)
        await tab.choose("#choose", pictures[:2])
        await tab.until(
            "[...document.querySelectorAll('.sub')].some(sub => sub.textContent.includes('Trying again in'))"
        )
        await tab.until("document.querySelectorAll('.honest').length === 2")
    await checker.close(5)


async def test_it_says_that_it_is_waking_up_and_what_went_wrong(
    tab: Tab, checker: Checker, checks: ChecksSettings, store: Store, pictures: list[Path]
) -> None:
    async with serving(web_settings(checks), None, store) as web:
        await tab.open(web.url, 1280)
        assert "waking up" in await tab.until("document.getElementById('state').textContent")
        await tab.choose("#choose", pictures[:1])
        await tab.until("document.querySelector('.sub').textContent.includes('waking up')")
        web.checker = checker
        await tab.until(VERDICT)
        await tab.until("document.getElementById('state').hidden")
    await tab.choose("#choose", pictures[:1])  # nobody is there any more
    assert "can't be reached" in await tab.until(
        "document.querySelector('.card[data-label=refused] .sub')?.textContent"
    )
    port = int(web.url.rpartition(":")[2])
    async with serving(web_settings(checks, port=port), checker, store):
        await tab.run("document.querySelector('.verdict > .button').click()")
        await tab.until("document.querySelectorAll('.honest').length === 2")


async def test_the_token_is_asked_for_once_and_kept_in_this_tab(
    tab: Tab, checker: Checker, checks: ChecksSettings, store: Store, pictures: list[Path], axe: str, tmp_path: Path
) -> None:
    async with serving(web_settings(checks, "a-token"), checker, store) as web:
        await tab.open(web.url, 390, phone=True)
        await tab.until("document.getElementById('token').open")
        assert await faults(tab, axe) == []
        keep_shot("390-light-token.png", await tab.screenshot(), tmp_path)
        await tab.type("wrong")
        await tab.press("Enter")
        await tab.until("document.getElementById('token').open && document.getElementById('token-input').value === ''")
        await tab.type("a-token")
        await tab.press("Enter")
        await tab.until("!document.getElementById('token').open")
        await tab.choose("#choose", pictures[:1])
        await tab.until(VERDICT)
        assert await tab.run("sessionStorage.getItem('candid-token')") == "a-token"
        assert await tab.run("localStorage.length") == 0


async def test_wrong_is_answered_below_the_buttons(
    web: WebAdapter, tab: Tab, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.core.REPORTS_A_DAY", 1)
    await tab.open(web.url, 1280)
    for number, said in enumerate((say("web.reported"), say("community.too-many-reports", most=1))):
        await tab.choose("#choose", [pictures[number]])
        await tab.until(f"document.querySelectorAll('.honest').length === {number + 1}")
        await tab.run("document.querySelector('.card [data-says=real]').click()")
        await tab.until("!!document.querySelector('.card .wrong .fine').textContent")
        assert await tab.run("document.querySelector('.card .wrong .fine').textContent") == said


async def test_a_card_has_room_for_its_sentence_and_nothing_empty_below(
    web: WebAdapter, tab: Tab, pictures: list[Path], tmp_path: Path
) -> None:
    await tab.open(web.url, 390, 844, phone=True, still=True)
    await tab.choose("#choose", pictures[::-1])
    await tab.until("[...document.querySelectorAll('progress')].every(bar => bar.hidden)")
    refused = "document.querySelector('.card[data-label=refused]')"
    assert await tab.run(f"{refused}.querySelector('details').open")
    assert "notes.txt: This is" in await tab.run(f"{refused}.innerText")
    assert await tab.run(f"{refused}.querySelector('.body').offsetHeight") == 0
    clipped = "[...document.querySelectorAll('.sub')].filter(sub => sub.scrollHeight > sub.clientHeight + 1).length"
    assert await tab.run(clipped) == 0
    assert await tab.run("document.documentElement.scrollWidth") <= 390
    keep_shot("390-light-refused.png", await tab.screenshot(), tmp_path)
