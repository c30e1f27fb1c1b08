"""The page for people who use no mouse, and for those whom movement makes ill."""

from pathlib import Path

import pytest

from bot.adapters.web import WebAdapter
from tests.adapters.browser import Tab
from tests.adapters.page_rig import TITLES, VERDICT, faults, keep_shot

MOVING = "document.getAnimations().filter(one => one.effect.getComputedTiming().endTime > 1).length"
# Everything that a mouse could act on, as it can be seen now; but #again, which is there only while #choose, which does
# the same, is out of sight.
ACTIONS = (
    "[...document.querySelectorAll('button, summary, a, input, [tabindex=\"0\"]')]"
    ".filter(one => one.checkVisibility({visibilityProperty: true}) && !one.disabled && one.id !== 'again')"
)
MARK = f"{ACTIONS}.forEach((one, at) => {{ one.dataset.at = at; }}); {ACTIONS}.length"
FOCUS = """(() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const seen = one.closest('.button') ?? one, style = getComputedStyle(seen), box = seen.getBoundingClientRect();
  const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  return {at: one.dataset.at ?? one.id, html: one.outerHTML.slice(0, 90), ring,
          inside: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth};
})()"""


@pytest.mark.parametrize("width", [390, 1280])
async def test_tab_reaches_every_action_both_ways_and_shows_where_it_is(
    web: WebAdapter, tab: Tab, pictures: list[Path], width: int
) -> None:
    await tab.open(web.url, width, 844)
    await tab.choose("#choose", pictures)
    await tab.until(f"({TITLES}).length === 4 && [...document.querySelectorAll('progress')].every(bar => bar.hidden)")
    count = await tab.run(MARK)
    for back in (False, True):
        await tab.run("document.activeElement.blur(); window.getSelection().removeAllRanges()")
        reached: set[str] = set()
        for _ in range(2 * count):
            await tab.press("Tab", back)
            focus = await tab.run(FOCUS)
            if focus is None:  # at the browser's own bar, between the last and the first
                continue
            assert focus["ring"], f"has the focus, but it can't be seen: {focus['html']}"
            assert focus["inside"], f"has the focus, but lies outside of the window: {focus['html']}"
            reached.add(focus["at"])
        assert reached - {"again"} == {str(at) for at in range(count)}, await tab.run(
            f"{ACTIONS}.map(one => one.outerHTML.slice(0, 90))"
        )


async def test_the_skip_link_jumps_to_the_verdicts(web: WebAdapter, tab: Tab, pictures: list[Path]) -> None:
    await tab.open(web.url, 1280)
    await tab.choose("#choose", pictures[:1])
    await tab.until(VERDICT)
    await tab.press("Tab")
    assert await tab.run("document.activeElement.className") == "skip"
    await tab.press("Enter")
    assert await tab.until("document.activeElement.id === 'history'")


async def test_the_token_is_given_and_refused_by_keys(web: WebAdapter, tab: Tab) -> None:
    await tab.open(web.url, 1280)
    await tab.run("document.getElementById('token').showModal()")
    order = []
    for _ in range(3):
        order.append(await tab.run("document.activeElement.id || document.activeElement.value"))
        await tab.press("Tab")
    assert order == ["token-input", "ok", "cancel"]
    await tab.press("Escape")
    assert not await tab.run("document.getElementById('token').open")


@pytest.mark.parametrize("still", [False, True])
async def test_nothing_moves_for_people_who_want_it_so(
    web: WebAdapter, tab: Tab, pictures: list[Path], still: bool
) -> None:
    await tab.open(web.url, 390, 700, phone=True, still=still)
    await tab.run(
        "window.scrolls = []; const was = Element.prototype.scrollIntoView;"
        " Element.prototype.scrollIntoView = function (how) { scrolls.push(how.behavior); was.call(this, how); }; undefined"
    )
    await tab.run(
        "window.moved = 0; new MutationObserver(() => requestAnimationFrame(() => { moved = Math.max(moved, "
        + MOVING
        + "); })).observe(document.body, {childList: true, subtree: true}); undefined"
    )
    await tab.choose("#choose", pictures[:2])
    await tab.until(VERDICT)
    assert await tab.run("scrolls") == ["auto" if still else "smooth"]
    assert bool(await tab.run("moved")) == (not still)


@pytest.mark.parametrize(("width", "size"), [(320, 100), (640, 200)])
async def test_large_letters_fit(
    web: WebAdapter, tab: Tab, pictures: list[Path], tmp_path: Path, width: int, size: int
) -> None:
    """The narrowest window that WCAG asks for, and text at twice its size."""
    await tab.open(web.url, width, 700, phone=True)
    await tab.run(f"document.documentElement.style.fontSize = '{size}%'; undefined")
    await tab.choose("#choose", pictures)
    await tab.until(f"({TITLES}).length === 4 && [...document.querySelectorAll('progress')].every(bar => bar.hidden)")
    keep_shot(f"{width}-light-large.png", await tab.screenshot(), tmp_path)
    assert await tab.run("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"


@pytest.mark.parametrize("chosen", [0, 1, 2, 3], ids=["ai", "real", "unsure", "refused"])
async def test_axe_finds_no_fault_in_any_answer(
    web: WebAdapter, tab: Tab, pictures: list[Path], axe: str, chosen: int
) -> None:
    await tab.open(web.url, 390, 844, dark=bool(chosen % 2), phone=True, still=True)
    await tab.choose("#choose", [pictures[chosen]])
    await tab.until("document.querySelector('.card[data-label] progress')?.hidden")
    await tab.run("document.querySelector('#about').open = true; undefined")
    assert await faults(tab, axe) == []
