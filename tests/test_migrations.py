"""A database of every released schema opens, and means what it meant. The files were written by the Candid of their time."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.community import Audience, Cases, Community, Decision, Mode, RuleBook, Rules
from bot.inbox import Inbox
from bot.migrations import MIGRATIONS
from bot.settings import default_settings
from bot.store import Store
from bot.verdict import Label, from_json

FIXTURES = Path(__file__).parent / "fixtures"
HASH = "ab" * 32


@pytest.fixture(params=sorted(FIXTURES.glob("store-*.sqlite3")), ids=lambda file: file.stem)
async def old(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """A copy of a released database, opened by this Candid."""
    store = await Store.open(Path(shutil.copy(request.param, tmp_path / "candid.sqlite3")))
    yield store
    await store.close()


def test_every_schema_before_this_one_has_its_file() -> None:
    for file in FIXTURES.glob("store-*.sqlite3"):
        connection = sqlite3.connect(file)
        [version] = connection.execute("PRAGMA user_version").fetchone()
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] > 0, f"{table} is empty in {file}"
        connection.close()
        assert file.stem == f"store-{version}"
    assert {int(file.stem[6:]) for file in FIXTURES.glob("store-*.sqlite3")} >= set(range(1, len(MIGRATIONS)))


async def test_it_has_the_schema_of_a_new_one(old: Store, store: Store) -> None:
    schema = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    assert [tuple(row) for row in await old.rows(schema)] == [tuple(row) for row in await store.rows(schema)]
    assert (await old.rows("PRAGMA user_version"))[0][0] == len(MIGRATIONS)
    assert (await old.rows("PRAGMA integrity_check"))[0][0] == "ok"


async def test_automatic_checks_run_where_they_did_and_answer_as_they_did(old: Store) -> None:
    book = RuleBook(old)
    discord = await book.read("discord:10")
    assert discord.channels == ("123456789012345678", "223456789012345678")  # beyond what a double can hold
    assert discord.mode is Mode.REPLY
    assert await book.read("discord:11") == Rules()
    assert (await book.read("telegram:-100200")).automatic()
    assert not (await book.read("telegram:-100201")).automatic()


async def test_who_changed_what_is_still_known(old: Store) -> None:
    first, second = (await old.audit("discord:10"))[:2]
    assert (first["key"], first["value"], first["changed_by"]) == (
        "channels",
        ["123456789012345678"],
        "discord:user/9",
    )
    assert (second["changed_by"], second["changed"]) == ("discord:user/8", 1795590002.0)


async def test_verdicts_reports_and_open_requests_are_still_there(old: Store) -> None:
    row = await old.verdict(HASH[:32])
    assert row is not None
    verdict = from_json(row)
    assert (verdict.label, verdict.model, len(verdict.views), len(verdict.evidence)) == (Label.AI, "candid-1", 1, 1)
    assert [report["person"] for report in await old.reports(HASH)] == ["discord:user/1", "telegram:user/2"]
    fresh, stale = await Inbox(old, 900).unanswered("discord")
    assert [request.key for request in fresh + stale] == ["discord/message/42"]
    assert await Inbox(old, 900).unanswered("telegram") == ([], [])


async def test_it_can_be_worked_with(old: Store) -> None:
    row = await old.verdict(HASH)
    assert row is not None
    case = await Cases(old).open("discord:10", from_json(row), "discord:user/1", "https://discord.com/channels/10/1/2")
    assert await Cases(old).find("discord:10", case.id) == case
    community = Community.of(old, default_settings())
    shown = await community.privacy.export("discord:user/1")
    assert shown["reports"] and shown["cases"]
    assert await community.privacy.forget("discord:user/1") > 0


async def test_every_rule_of_the_second_schema_is_the_same(tmp_path: Path) -> None:
    store = await Store.open(Path(shutil.copy(FIXTURES / "store-2.sqlite3", tmp_path / "candid.sqlite3")))
    community = Community.of(store, default_settings())
    assert await community.rules.read("discord:12") == Rules(
        channels=("*",),
        mode=Mode.LOG,
        audience=Audience.ASKER,
        sensitivity=300,
        log_channel="7",
        exempt_users=("discord:user/5",),
        exempt_roles=("44",),
        exempt_channels=("3",),
        users=("55",),
        per_user_per_minute=2.5,
        per_server_per_day=100,
        language="en",
        appeals=False,
        review=True,
    )
    assert await community.members.opted_out("discord:user/3")
    case = await community.cases.find("discord:12", 1)
    assert case is not None
    assert (case.sha256, case.author, case.appeal) == (HASH, "discord:user/1", "I took this photo myself")
    assert (case.decision, case.decided_by, case.log_message) == (Decision.WRONG, "discord:user/8", "7/42")
    assert len(await store.rows("SELECT 1 FROM votes")) == len(await store.rows("SELECT 1 FROM mutes")) == 1
    await store.close()
