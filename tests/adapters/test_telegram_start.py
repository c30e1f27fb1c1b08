"""How Candid starts on Telegram: soon running, and without holding up what else runs in the process."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from tests.adapters.telegram_bot import QUICK, candid_on
from tests.peers.telegram import Telegram

_CONNECT = """
import asyncio, sys
from dataclasses import replace
from bot.adapters.telegram.link import Timings, connect
from bot.secret import Secret
from bot.settings import default_settings

async def main():
    settings = replace(default_settings().telegram, token=Secret("1:a"), base_url="http://127.0.0.1:1")
    bot = await asyncio.to_thread(connect, settings, Timings())
    before = set(sys.modules)
    try:
        await bot.initialize()
    except Exception as error:
        print(type(error).__name__)
    print(sorted(name for name in set(sys.modules) - before))

asyncio.run(main())
"""


def test_the_first_call_imports_nothing_in_the_event_loop() -> None:
    """Imports of a tenth of a second belong in the thread that connects."""
    done = subprocess.run([sys.executable, "-c", _CONNECT], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split("\n")[:2] == ["NetworkError", "[]"], done.stdout


async def test_it_is_running_while_the_first_long_poll_is_held(tmp_path: Path) -> None:
    async with Telegram() as telegram, candid_on(telegram, tmp_path, timings=replace(QUICK, poll=30)) as candid:
        await telegram.until(lambda: candid.adapter.status == "running" and telegram.updates.polled_now)
        held = [call.params.get("timeout") for call in telegram.called("getUpdates")]
    assert held[0] in (None, "0")  # the first poll only asks whether all is well; those that are held have not ended
