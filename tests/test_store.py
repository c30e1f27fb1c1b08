"""The store keeps what it was given, over restarts and schemas, and says clearly when it can't."""

import asyncio
import os
import sqlite3
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot import database as database_module
from bot import migrations
from bot.errors import SettingsError
from bot.secret import Secret
from bot.store import LONGEST_REPORT, Store

HASH = "ab" * 32


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The database as another program sees it."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


async def reopened(store: Store, path: Path) -> Store:
    await store.close()
    return await Store.open(path)


async def test_postgres_without_its_package_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.scale.find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "bot.scale.postgres", None)  # importing it fails, as it does without psycopg
    with pytest.raises(
        SettingsError, match="need the package psycopg: start Candid with `uv run --extra scale candid`"
    ):
        await Store.open(Secret("postgresql://127.0.0.1/candid"))


async def test_settings_are_kept_per_server(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / "candid.sqlite3"
    store = await Store.open(path)
    await store.change_setting("discord:1", "automatic_channels", [5, 6], "discord:user/9")
    await store.change_setting("discord:1", "language", "en", "discord:user/9")
    await store.change_setting("discord:1", "automatic_channels", [6], "discord:user/8")
    store = await reopened(store, path)
    assert await store.setting("discord:1", "automatic_channels", list[int]()) == [6]
    assert await store.setting("discord:2", "automatic_channels", list[int]()) == []
    assert await store.server_settings("discord:1") == {"automatic_channels": [6], "language": "en"}
    assert await store.server_settings("discord:2") == {}
    await store.close()


async def test_every_change_of_a_setting_is_written_down(store: Store) -> None:
    before = time.time()
    await store.change_setting("telegram:-5", "automatic", True, "telegram:user/1")
    await store.change_setting("telegram:-5", "automatic", None, "telegram:user/2")
    first, second = await store.audit("telegram:-5")
    assert (first["key"], first["value"], first["changed_by"]) == ("automatic", True, "telegram:user/1")
    assert (second["value"], second["changed_by"]) == (None, "telegram:user/2")
    assert before <= float(str(first["changed"])) <= float(str(second["changed"])) <= time.time()
    assert await store.audit("telegram:-6") == []
    assert await store.setting("telegram:-5", "automatic", True) is None


async def test_verdicts_are_found_by_hash_prefix_and_model(store: Store) -> None:
    other = HASH[:40] + "0" * 24
    await store.keep_verdict(HASH, "v1", {"p_ai": 0.1})
    await store.keep_verdict(other, "v1", {"p_ai": 0.9})
    await store.keep_verdict(HASH, "v2", {"p_ai": 0.2})
    assert await store.verdict(HASH, "v1") == {"p_ai": 0.1}
    assert await store.verdict(HASH) == {"p_ai": 0.2}
    assert await store.verdict(HASH[:41], "v2") == {"p_ai": 0.2}
    assert await store.verdict(other[:41]) == {"p_ai": 0.9}
    assert await store.verdict(HASH, "v3") is None
    assert await store.verdict("f" * 64) is None
    await store.keep_verdict(HASH, "v1", {"p_ai": 0.3})
    assert await store.verdict(HASH) == {"p_ai": 0.3}


async def test_a_person_reports_a_picture_once(store: Store) -> None:
    assert await store.keep_report(HASH, "v1", {"p_ai": 0.9}, "discord:guild/1", "discord:user/1", "my own photo")
    assert not await store.keep_report(HASH, "v1", {"p_ai": 0.9}, "discord:guild/1", "discord:user/1", "again")
    assert await store.keep_report(HASH, "v1", {"p_ai": 0.9}, "discord:guild/1", "discord:user/2", "x" * 5000)
    first, second = await store.reports(HASH)
    assert (first["person"], first["says"], first["verdict"]) == ("discord:user/1", "my own photo", {"p_ai": 0.9})
    assert len(str(second["says"])) == LONGEST_REPORT


async def test_purge_forgets_what_is_old_and_keeps_the_rest(store: Store) -> None:
    await store.keep_verdict(HASH, "old", {})
    await store.keep_report(HASH, "old", {}, "chat", "anna", "")
    await store.change("UPDATE verdicts SET judged = judged - 31 * 86400")
    await store.change("UPDATE reports SET reported = reported - 31 * 86400")
    await store.keep_verdict(HASH, "new", {})
    await store.keep_report(HASH, "new", {}, "chat", "ben", "")
    await store.change_setting("discord:1", "language", "en", "")
    await store.change("UPDATE settings SET changed = 0")
    now = time.time()
    for key, accepted, done in [
        ("open", now - 2 * 86400, None),
        ("just answered", now - 2 * 86400, now - 3600),
        ("answered", now - 2 * 86400, now - 2 * 86400),
        ("given up", now - 31 * 86400, None),
    ]:
        await store.change(
            "INSERT INTO inbox (key, platform, payload, accepted, process, done) VALUES (?, 'x', '{}', ?, '', ?)",
            (key, accepted, done),
        )
    assert await store.purge(30) == 4
    assert await store.verdict(HASH, "old") is None
    assert await store.verdict(HASH, "new") == {}
    assert [report["person"] for report in await store.reports(HASH)] == ["ben"]
    assert await store.setting("discord:1", "language", "") == "en"
    assert {row["key"] for row in await store.rows("SELECT key FROM inbox")} == {"open", "just answered"}


async def test_it_is_in_wal_mode_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "candid.sqlite3"
    store = await Store.open(path)
    await store.change_setting("discord:1", "language", "en", "")
    assert [tuple(row) for row in await store.rows("PRAGMA journal_mode")] == [("wal",)]
    assert [tuple(row) for row in await store.rows("PRAGMA busy_timeout")] == [(5000,)]
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}  # noqa: ASYNC240
    assert set(modes.values()) == {0o600}, modes
    await store.close()


async def test_a_change_survives_without_close(tmp_path: Path) -> None:
    path = tmp_path / "candid.sqlite3"
    store = await Store.open(path)
    await store.change_setting("discord:1", "language", "en", "")
    with opened(path) as other:
        assert other.execute("SELECT value FROM settings").fetchall() == [('"en"',)]
    await store.close()


async def test_a_caller_who_is_cancelled_leaves_the_store_working(store: Store) -> None:
    tasks = [asyncio.create_task(store.change_setting("discord:1", f"key {n}", n, "")) for n in range(50)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    kept = await store.server_settings("discord:1")
    assert {f"key {n}" for n in range(1, 50, 2)} <= set(kept)


async def test_it_waits_while_another_process_writes(tmp_path: Path) -> None:
    path = tmp_path / "candid.sqlite3"
    store = await Store.open(path)
    with opened(path) as other:
        other.execute("BEGIN IMMEDIATE")
        change = asyncio.create_task(store.change_setting("discord:1", "language", "en", ""))
        await asyncio.sleep(0.2)
        assert not change.done()
        other.execute("COMMIT")
        await change
    await store.close()


async def test_two_that_open_a_new_database_at_once_both_can(tmp_path: Path) -> None:
    stores = await asyncio.gather(*(Store.open(tmp_path / "candid.sqlite3") for _ in range(4)))
    for store in stores:
        assert await store.server_settings("discord:1") == {}
        await store.close()


async def test_it_works_in_memory() -> None:
    store = await Store.open(Path(":memory:"))
    await store.change_setting("discord:1", "language", "en", "")
    assert await store.server_settings("discord:1") == {"language": "en"}
    await store.close()
    assert not Path(":memory:").exists()  # noqa: ASYNC240


async def test_an_older_database_is_brought_up_with_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "candid.sqlite3"
    store = await Store.open(path)
    await store.change_setting("discord:1", "language", "en", "")
    steps = (*migrations.MIGRATIONS, ("ALTER TABLE settings ADD COLUMN note TEXT",), ("CREATE TABLE extra (x TEXT)",))
    monkeypatch.setattr(migrations, "MIGRATIONS", steps)
    store = await reopened(store, path)
    assert await store.server_settings("discord:1") == {"language": "en"}
    assert [tuple(row) for row in await store.rows("SELECT note FROM settings")] == [(None,)]
    assert [tuple(row) for row in await store.rows("PRAGMA user_version")] == [(len(steps),)]
    store = await reopened(store, path)
    await store.close()


async def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "candid.sqlite3"
    await (await Store.open(path)).close()
    steps = (*migrations.MIGRATIONS, ("CREATE TABLE extra (x TEXT)", "CREATE NONSENSE"))
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", steps)
        with pytest.raises(SettingsError, match="NONSENSE"):
            await Store.open(path)
    with opened(path) as other:
        assert other.execute("PRAGMA user_version").fetchone() == (len(migrations.MIGRATIONS),)
        assert other.execute("SELECT 1 FROM sqlite_master WHERE name = 'extra'").fetchall() == []
    await (await Store.open(path)).close()


async def test_a_database_of_a_newer_candid_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "candid.sqlite3"
    with opened(path) as other:
        other.execute("PRAGMA user_version = 999")
    with pytest.raises(SettingsError, match=r"schema 999.*newer Candid"):
        await Store.open(path)
    with opened(path) as other:
        assert other.execute("PRAGMA user_version").fetchone() == (999,)
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == []


async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "candid.sqlite3"
    path.write_bytes(b"somebody's novel" * 500)
    with pytest.raises(SettingsError, match="database of mine"):
        await Store.open(path)
    assert path.read_bytes() == b"somebody's novel" * 500


async def test_a_place_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SettingsError, match=r"\[store\] path '.*/file/candid.sqlite3' can't be opened"):
        await Store.open(tmp_path / "file" / "candid.sqlite3")
    with pytest.raises(SettingsError, match="can't be"):
        await Store.open(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)  # noqa: ASYNC240
    with pytest.raises(SettingsError, match="folder that I may write to"):
        await Store.open(tmp_path / "candid.sqlite3")
    tmp_path.chmod(0o700)  # noqa: ASYNC240


async def test_a_database_that_somebody_else_keeps_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.05)
    path = tmp_path / "candid.sqlite3"
    with opened(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SettingsError, match="locked"):
            await Store.open(path)
