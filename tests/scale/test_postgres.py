"""The store on a real Postgres: the tests of the store again, a server that is restarted, and the move from the file."""

import asyncio
import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bot.commands.copy_store import copy_store
from bot.errors import SettingsError
from bot.inbox import Inbox
from bot.secret import Secret
from bot.settings import default_settings
from bot.store import Store
from tests.commands.candid import ROOT
from tests.scale.conftest import Cluster


def test_the_tests_of_the_store_pass_on_it_too(cluster: Cluster) -> None:
    files = ["tests/test_store.py", "tests/test_inbox.py", "tests/test_presence.py", "tests/community"]
    of_sqlite = (
        "not schema_is_known and not names_somebody and not daily_purge and not circle"  # ask SQLite for its columns
    )
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *files, "-q", "-p", "no:cacheprovider", "-k", of_sqlite],
        cwd=ROOT,
        env=os.environ | {"CANDID_TEST_POSTGRES": cluster.address},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert ended.returncode == 0, ended.stdout[-6000:]


async def test_several_that_start_at_once_make_one_schema(address: Secret) -> None:
    stores = await asyncio.gather(*(Store.open(address) for _ in range(4)))
    await stores[0].change_setting("discord:1", "language", "de", "somebody")
    assert await stores[3].setting("discord:1", "language", "") == "de"
    for store in stores:
        await store.close()


async def test_a_server_that_is_restarted(cluster: Cluster, address: Secret) -> None:
    store = await Store.open(address)
    inbox = Inbox(store, 900)
    assert await inbox.accept("one", "discord", {"user": 5})
    cluster.stop()
    reading = asyncio.create_task(store.setting("discord:1", "language", "none"))
    accepting = asyncio.create_task(inbox.accept("two", "discord", {"user": 6}))
    await asyncio.sleep(1)
    assert not reading.done()
    await asyncio.to_thread(cluster.start)
    assert await asyncio.wait_for(reading, 30) == "none"
    assert await asyncio.wait_for(accepting, 30)
    fresh, _ = await Inbox(store, 900).unanswered("discord")
    assert [request.key for request in fresh] == ["one", "two"]
    await store.close()


async def test_a_server_that_is_not_there_is_said_without_its_password() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(SettingsError) as caught:
        await Store.open(Secret(f"postgresql://candid:hushhush@127.0.0.1:{port}/candid?connect_timeout=2"))
    assert "DATABASE_URL" in str(caught.value) and "hushhush" not in str(caught.value)


async def test_all_tables_are_of_one_moment(address: Secret, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "candid.sqlite3"
    settings = replace(default_settings(), store=replace(default_settings().store, path=str(path), url=address))
    old = await Store.open(path)
    await old.change_setting("discord:1", "language", "de", "discord:user/5")
    printed = 0

    def meanwhile(*_: object) -> None:  # somebody opts out between the first table and the others
        nonlocal printed
        printed += 1
        with contextlib.closing(sqlite3.connect(path)) as other, other:
            other.execute("INSERT OR IGNORE INTO members (person, opted_out) VALUES ('discord:user/5', 1)")

    monkeypatch.setattr("bot.commands.copy_store.print", meanwhile, raising=False)
    assert await asyncio.to_thread(copy_store, settings) == 0
    new = await Store.open(address)
    assert await new.rows("SELECT * FROM members") == [] and printed > 1
    assert await old.rows("SELECT * FROM members") and await new.setting("discord:1", "language", "") == "de"
    await new.close()
    await old.close()


async def test_a_community_moves_over(address: Secret, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = default_settings()
    settings = replace(settings, store=replace(settings.store, path=str(tmp_path / "candid.sqlite3"), url=address))
    old = await Store.open(Path(settings.store.path))
    for number in range(3):
        await old.change_setting("discord:1", "language", f"l{number}", "discord:user/5")
    assert await old.keep_report("ab" * 32, "fake-1", {"p_ai": 0.5}, "discord:guild/1", "discord:user/5", "wrong")
    await Inbox(old, 900).accept("key", "discord", {"user": 5, "automatic": True, "guild": None})
    await old.close()
    assert await asyncio.to_thread(copy_store, settings) == 0
    assert "3 rows of settings" in capsys.readouterr().out
    new = await Store.open(settings.store.where)
    assert [row["value"] for row in await new.audit("discord:1")] == ["l0", "l1", "l2"]
    await new.change_setting("discord:1", "language", "after", "discord:user/5")
    assert await new.setting("discord:1", "language", "") == "after"
    assert len(await new.reports("ab" * 32)) == 1
    fresh, _ = await Inbox(new, 900).unanswered("discord")
    assert fresh[0].payload == {"user": 5, "automatic": True, "guild": None}
    await new.close()
    with pytest.raises(SettingsError, match="has rows in settings already"):
        await asyncio.to_thread(copy_store, settings)
