"""What the file says, on the page: each strength told by words and by shape, apart from the pixels' score."""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from bot.adapters.web import WebAdapter
from bot.core import Checker
from bot.evidence import verification
from bot.metrics import Metrics
from bot.settings import ChecksSettings
from bot.store import Store
from tests.adapters.browser import Tab
from tests.adapters.page_rig import VERDICT, faults, keep_shot
from tests.adapters.web_rig import serving, web_settings
from tests.conftest import FakeDetector
from tests.evidence import pictures as make

LONG = "https://example.org/" + "averylongwordwithoutanyspace" * 4 + " <b>bold</b>"
TIERS = {"clean": {"false_accusations": {"value": 0.004}, "recall": {"value": 0.63}}}
CAPTURED = {"action": "c2pa.created", "digitalSourceType": make.SOURCE + "digitalCapture"}


@pytest.fixture
async def evidence_web(checks: ChecksSettings, store: Store) -> AsyncIterator[WebAdapter]:
    """The page before a model whose card has figures, so that its record is shown too."""
    detector = FakeDetector()
    detector.card.data["metrics"] = {"tiers": TIERS}
    checker = Checker(checks, detector, store, Metrics())
    await checker.start()
    async with serving(web_settings(checks), checker, store) as adapter:
        yield adapter
    await checker.close(5)


@pytest.fixture
def telling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A photograph that a camera signed, that a phone says to have edited, and that names a camera besides."""
    pytest.importorskip("c2pa")
    from tests.evidence.signing import Authority

    authority = Authority("A Camera")
    lists = [one | {"trust_anchors": one["trust_anchors"] + authority.root} for one in verification._anchors()]
    monkeypatch.setattr(verification, "_anchors", lambda: lists)
    noise = Image.effect_noise((480, 320), 40).convert("RGB")
    out = BytesIO()
    packet = make.xmp(attributes=f'Iptc4xmpExt:AISystemUsed="{LONG.replace("<", "&lt;")}"')
    noise.save(out, "JPEG", exif=make.exif({271: "Canon", 272: "Canon EOS R5"}, shot=True), xmp=packet)
    file = tmp_path / "harbour.jpg"
    file.write_bytes(authority.sign(out.getvalue(), "image/jpeg", [CAPTURED]))
    return file


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
async def test_each_strength_has_its_words_and_its_shape(
    evidence_web: WebAdapter, tab: Tab, telling: Path, axe: str, tmp_path: Path, width: int, dark: bool
) -> None:
    await tab.open(evidence_web.url, width, 844, dark=dark, phone=width < 500)
    await tab.choose("#choose", [telling])
    await tab.until(VERDICT)
    await tab.run("document.querySelector('.where button').click()")
    await tab.until("document.querySelector('.heat')?.complete && !!document.querySelector('.heated')")
    await asyncio.sleep(0.5)  # until everything has come to rest
    keep_shot(f"{width}-{'dark' if dark else 'light'}-evidence.png", await tab.screenshot(), tmp_path)
    found = await tab.run(
        "[...document.querySelectorAll('.evidence li')].map(item => [item.className,"
        " item.querySelector('use').getAttribute('href'), item.querySelector('.strength').textContent,"
        " getComputedStyle(item).borderStyle, getComputedStyle(item).borderWidth, item.innerText])"
    )
    assert [item[0] for item in found] == ["signed", "self-declared", "hint"]
    for column in (1, 2):
        assert len({item[column] for item in found}) == 3, "told apart by shape and by words"
    assert len({tuple(item[3:5]) for item in found}) == 3, "and by their frames, whatever their colours"
    assert "taken with a camera" in found[0][5] and "A Camera" in found[0][5]
    assert "‹b›bold‹/b›" in found[1][5] or "averylongword" in found[1][5]
    assert "Canon EOS R5" in found[2][5]
    assert "apart from the AI score" in await tab.run("document.querySelector('.evidence .fine').textContent")
    remarks = await tab.run("document.querySelector('.remarks').innerText")
    assert "63" in remarks and "4" in remarks, "how the model does on such pictures"
    assert await tab.run("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
    wide = "[...document.querySelectorAll('.evidence li')].filter(item => item.scrollWidth > item.clientWidth).length"
    assert await tab.run(wide) == 0, "a long word runs out of its frame"
    assert await faults(tab, axe) == []
    assert tab.errors == []


async def test_a_picture_that_says_nothing_has_no_such_part(
    evidence_web: WebAdapter, tab: Tab, pictures: list[Path]
) -> None:
    await tab.open(evidence_web.url, 390)
    await tab.choose("#choose", pictures[:1])
    await tab.until(VERDICT)
    assert await tab.run("document.querySelector('.evidence') === null")
