"""Looking at the page in a browser: what it says, what axe-core finds, what it looks like."""

import json
import os
from pathlib import Path
from typing import Any

from tests.adapters.browser import Tab

VERDICT = "document.querySelector('.card[data-label] .honest')?.textContent"
TITLES = "[...document.querySelectorAll('.card .title')].map(title => title.textContent)"
HEARD = "document.getElementById('live').innerText"


def keep_shot(name: str, shot: bytes, tmp_path: Path) -> None:
    """Screenshots go to $CANDID_SCREENSHOTS, for people to look at, or are dropped with the test's folder."""
    folder = Path(os.environ.get("CANDID_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(shot)


async def faults(tab: Tab, axe: str) -> list[str]:
    """What axe-core finds, however small."""
    await tab.run(f"{axe}; undefined")
    rules = "{type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}"
    found: list[dict[str, Any]] = json.loads(
        await tab.run(f"axe.run(document, {{runOnly: {rules}}}).then(result => JSON.stringify(result.violations))")
    )
    return [f"{fault['id']}: {node['html']}: {node['failureSummary']}" for fault in found for node in fault["nodes"]]
