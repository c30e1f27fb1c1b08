"""The page speaks the language of the browser, fits on a phone in each, and asks nobody else for anything."""

from pathlib import Path

import aiohttp
import pytest

from bot.adapters.web import WebAdapter
from bot.settings import ChecksSettings
from bot.store import Store
from bot.wording import languages, say
from tests.adapters.browser import Tab
from tests.adapters.page_rig import TITLES, faults, keep_shot
from tests.adapters.web_rig import serving, web_settings
from tests.conftest import make_picture

# What lies beyond the edge of the window, and texts in one line that run into their neighbours.
BEYOND = """[...document.querySelectorAll('body *')].filter(one => one.offsetParent && !one.closest('.live, .skip'))
    .filter(one => { const box = one.getBoundingClientRect(); return box.right > innerWidth + 1 || box.left < -1; })
    .map(one => one.outerHTML.slice(0, 80))"""
CLIPPED = """[...document.querySelectorAll('button, .button, h1, h2, h3, h4, .names span, .pin, summary, label')]
    .filter(one => one.offsetParent && one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== 'inline')
    .map(one => one.outerHTML.slice(0, 80))"""
TOUCHING = """[...document.querySelectorAll('.names')].filter(one => one.offsetParent).flatMap(names => {
    const boxes = [...names.children].map(one => one.getBoundingClientRect());
    return boxes.slice(1).filter((box, at) => box.left < boxes[at].right + 2 && box.top < boxes[at].bottom - 2)
      .map(() => names.innerText); })"""


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("ko,ja;q=0.5", "ja"),
        ("ko;q=1, fr;q=0.3, es;q=0.7", "es"),
        ("ko", "en"),
        ("zh-TW,zh;q=0.9", "zh-CN"),
        ("pt-BR", "pt"),
        ("de;q=0, fr", "fr"),
        ("de;q=x, fr;q=0.1", "fr"),
        ("de;q=nan, fr;q=7, hi;q=0.1", "hi"),
        ("*", "en"),
        ("*;q=0.5, hi;q=0.4", "hi"),
        (";;;q=,,=;", "en"),
        ("ko," * 500 + "de", "en"),  # nobody's browser
    ],
)
async def test_the_best_language_of_those_that_it_speaks_is_served(
    web_client: aiohttp.ClientSession, header: str | None, language: str
) -> None:
    headers = {} if header is None else {"Accept-Language": header}
    async with web_client.get("/", headers=headers) as answer:
        page = await answer.text()
    assert f'<html lang="{language}">' in page
    assert f"<h1>{say('web.question', language).replace(chr(39), '&#x27;')}</h1>" in page
    assert answer.headers["Content-Language"] == language
    assert answer.headers["Vary"] == "Accept-Language"


async def test_a_kept_page_is_renewed_when_the_language_changes(web_client: aiohttp.ClientSession) -> None:
    tags = {}
    for language in languages():
        async with web_client.get("/", headers={"Accept-Language": language}) as answer:
            tags[language] = answer.headers["ETag"]
    assert len(set(tags.values())) == len(languages())
    for asked, status in (("de", 304), ("fr", 200)):
        headers = {"Accept-Language": asked, "If-None-Match": tags["de"]}
        async with web_client.get("/", headers=headers) as answer:
            assert answer.status == status


@pytest.mark.parametrize("language", ["de", "ja"])
async def test_answers_refusals_and_faults_are_in_the_language_of_the_request(
    web_client: aiohttp.ClientSession, checks: ChecksSettings, store: Store, language: str
) -> None:
    headers = {"Accept-Language": language}
    async with web_client.post("/api/check", data=make_picture(230), headers=headers) as answer:
        verdict = await answer.json()
        assert verdict["words"]["title"] == say("verdict.title-ai", language)
    async with web_client.post("/api/check", data=b"just text", headers=headers) as answer:
        assert (await answer.json())["refusal"] == say("refusal.text", language, what=say("file.text", language))
    async with web_client.post("/api/check", data=b"", headers=headers) as answer:
        assert (await answer.json())["refusal"] in {say("refusal.empty", language), say("web.no_picture", language)}
    async with web_client.get("/nowhere", headers=headers) as answer:
        assert (await answer.json())["text"] == say("web.not_here", language)
    async with web_client.post("/api/report", json={}, headers=headers) as answer:
        assert (await answer.json())["refusal"] == say("web.bad_report", language)
    async with web_client.get("/api/about", headers=headers) as answer:
        assert say("about.drafted", language) in (await answer.json())["words"]
    async with (
        serving(web_settings(checks), None, store) as cold,
        aiohttp.ClientSession(cold.url) as client,
        client.get("/readyz", headers=headers) as answer,
    ):
        assert (await answer.json())["text"] == say("web.warming", language, what=say("web.the_model", language))


async def test_the_page_fits_on_a_phone_in_every_language(
    web: WebAdapter, tab: Tab, pictures: list[Path], axe: str, tmp_path: Path
) -> None:
    agent = await tab.run("navigator.userAgent")
    for language in languages():
        await tab.call("Network.setUserAgentOverride", userAgent=agent, acceptLanguage=f"{language},en;q=0.5")
        await tab.open(web.url, 390, 844, phone=True)
        assert await tab.run("document.documentElement.lang") == language
        keep_shot(f"390-{language}-empty.png", await tab.screenshot(), tmp_path)
        await tab.choose("#choose", [pictures[2], pictures[3]])
        await tab.until("document.querySelectorAll('.card[data-label]').length === 2")
        await tab.choose("#choose", pictures[:1])
        await tab.until("document.querySelector('.card').dataset.label === 'ai'")
        await tab.run("document.getElementById('about').open = true")
        await tab.until(
            f"document.body.innerText.includes({say('about.drafted', language)!r})" if language != "en" else "1"
        )
        await tab.run("document.querySelector('.where button').click()")
        await tab.until("document.querySelector('.frame').classList.contains('heated')")
        titles = [say("verdict.title-ai", language), say("verdict.title-unsure", language)]
        assert [titles[0], titles[1], say("web.refused_title", language)] == await tab.run(TITLES)
        keep_shot(f"390-{language}-verdicts.png", await tab.screenshot(), tmp_path)
        for question in (BEYOND, CLIPPED, TOUCHING):
            assert await tab.run(question) == [], (language, question)
        assert await tab.run("document.documentElement.scrollWidth") <= 390, language
        assert await tab.run("document.body.innerText.match(/\\{\\w+\\}/)") is None, language
    assert await faults(tab, axe) == []
    assert [url for url in tab.requests if not url.startswith((web.url, "blob:"))] == [], "a third party was asked"
    assert [error for error in tab.errors if "422" not in error] == []
