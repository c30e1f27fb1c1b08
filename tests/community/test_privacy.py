"""What is kept about a person can be seen and erased, in every table that there is."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bot.community import Cases, Decision, Members, Privacy, Review, RuleBook
from bot.community.cases import MUTE_DAYS
from bot.community.privacy import HELD, SOMEONE, Forgotten
from bot.inbox import Inbox
from bot.settings import default_settings
from bot.store import DAY, Store
from bot.verdict import Arrival, Bands, Label, Verdict, to_json
from bot.wording import languages

ANNA, BEN, ADMIN = "discord:user/10001", "discord:user/10002", "discord:user/10009"
TANYA = "telegram:user/20001"
SERVER = "discord:77"
VERDICT = Verdict(Label.AI, 0.9, 0.9, "wild-3", Bands(0.2, 0.8), "ab" * 32, Arrival.ORIGINAL, 70, 800, 600)

# Every column there is: whether it can name a person, and if so whether outright or somewhere inside. A new table fails
# the first test below until it stands here, and the others until bot.community.privacy deals with it.
NAMES, INSIDE, NOBODY = "names", "inside", "nobody"
COLUMNS: Mapping[str, Mapping[str, str]] = {
    "settings": {
        "id": NOBODY,
        "server": INSIDE,  # a private chat on Telegram
        "key": NOBODY,
        "value": INSIDE,
        "changed_by": NAMES,
        "changed": NOBODY,
    },
    "inbox": {
        "key": INSIDE,
        "platform": NOBODY,
        "payload": INSIDE,
        "accepted": NOBODY,
        "process": NOBODY,
        "restarts": NOBODY,
        "done": NOBODY,
    },
    "verdicts": dict.fromkeys(("sha256", "model", "verdict", "judged"), NOBODY),
    "reports": {
        **dict.fromkeys(("sha256", "chat", "says", "model", "verdict", "reported"), NOBODY),
        "person": NAMES,
    },
    "cases": {
        **dict.fromkeys(("id", "server", "sha256", "model", "label", "link", "opened", "appeal", "appealed"), NOBODY),
        **dict.fromkeys(("decision", "decided", "log_message"), NOBODY),
        "author": NAMES,
        "decided_by": NAMES,
    },
    "votes": {"case_id": NOBODY, "moderator": NAMES, "label": NOBODY, "voted": NOBODY},
    "reviews": {
        **dict.fromkeys(("server", "sha256", "looks", "bytes", "source", "model", "label", "proof", "kept"), NOBODY),
        **dict.fromkeys(("says_ai", "says_real", "voted"), NOBODY),
    },
    "review_people": {**dict.fromkeys(("server", "sha256", "part", "since"), NOBODY), "person": NAMES},
    "review_votes": {**dict.fromkeys(("server", "sha256", "label", "voted"), NOBODY), "moderator": NAMES},
    "members": {"person": NAMES, "opted_out": NOBODY},
    "quotas": dict.fromkeys(("server", "day", "used"), NOBODY),
    "processes": dict.fromkeys(("id", "name", "role", "beats"), NOBODY),
    "mutes": {"server": NOBODY, "person": NAMES, "ends": NOBODY},
}
NAMING = [(table, column) for table, columns in COLUMNS.items() for column, who in columns.items() if who == NAMES]
_OF_SQLITE = {"sqlite_sequence"}


@pytest.fixture
def privacy(store: Store) -> Privacy:
    return Privacy(store, 30)


async def test_every_column_of_the_schema_is_known_here(store: Store) -> None:
    found = await store.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
    tables = {row["name"] for row in found} - _OF_SQLITE
    assert {table: await columns_of(store, table) for table in tables} == {
        table: set(columns) for table, columns in COLUMNS.items()
    }
    assert {(held.table, held.column) for held in HELD} == set(NAMING)


@pytest.mark.parametrize(("table", "column"), NAMING)
async def test_a_row_that_names_somebody_is_shown_to_them_and_forgotten(
    store: Store, privacy: Privacy, table: str, column: str
) -> None:
    await put(store, table, **{column: ANNA})
    await put(store, table, **{column: BEN})
    [held] = [one for one in HELD if (one.table, one.column) == (table, column)]
    shown = await privacy.export(ANNA)
    assert len(rows_of(shown, held.name)) == 1
    assert ANNA not in json.dumps(shown[held.name]) and BEN not in json.dumps(shown)
    gone = await privacy.forget(ANNA)
    left = [row[column] for row in await store.rows(f"SELECT {column} FROM {table} ORDER BY rowid")]
    match held.forgotten:
        case Forgotten.ROW:
            assert (gone, left) == (1, [BEN])
        case Forgotten.NAME:
            assert (gone, left) == (1, [SOMEONE, BEN])
        case Forgotten.NOTHING:
            assert (gone, left) == (0, [ANNA, BEN])


async def test_an_opt_out_and_a_running_mute_are_all_that_stays_by_name(store: Store, privacy: Privacy) -> None:
    kept = {(held.table, held.column) for held in HELD if held.forgotten is Forgotten.NOTHING}
    assert kept == {("members", "person"), ("mutes", "person")}
    words = privacy.words()
    assert "30 days" in words and "don't check your pictures" in words and f"{MUTE_DAYS:.0f} days" in words


@pytest.mark.parametrize("language", languages())
def test_what_is_kept_is_said_in_one_message(store: Store, tmp_path: Path, language: str) -> None:
    settings = default_settings()
    review = Review(store, replace(settings, review=replace(settings.review, directory=str(tmp_path))))
    words = Privacy(store, 30, review).words(language)
    assert len(words) <= 2000  # as much as a message on Discord holds
    assert words.count("\n") == 7


async def test_after_forgetting_no_trace_is_in_the_file(tmp_path: Path) -> None:
    """Anna is an author, a reporter and a moderator; Ben's rows stay, and only his."""
    path = tmp_path / "candid.sqlite3"
    store = await Store.open(path)
    privacy, cases, rules = Privacy(store, 30), Cases(store), RuleBook(store)
    await rules.change(SERVER, ANNA, exempt_users=[ANNA, BEN])
    await rules.change(SERVER, ADMIN, exempt_users=[BEN])
    await store.keep_verdict(VERDICT.sha256, VERDICT.model, to_json(VERDICT))
    for person in (ANNA, BEN):
        await store.keep_report(
            VERDICT.sha256, "wild-3", to_json(VERDICT), "discord:guild/77", person, f"says {person}"
        )
        case = await cases.open(SERVER, VERDICT, person, f"https://discord.com/of/{person}")
        await cases.appeal(SERVER, VERDICT.sha256, person, f"a secret of {person}")
        await cases.decide(SERVER, case.id, BEN if person == ANNA else ANNA, Decision.WRONG)
    inbox = Inbox(store, 900)
    await inbox.accept("discord/message/1", "discord", {"user": 10001})
    await inbox.done("discord/message/1")
    shown = await privacy.export(ANNA)
    assert [len(rows_of(shown, name)) for name in ("reports", "cases", "decisions", "votes")] == [1, 1, 1, 1]
    assert f"a secret of {ANNA}" in json.dumps(shown) and f"a secret of {BEN}" not in json.dumps(shown)
    assert BEN not in json.dumps(shown)
    await privacy.forget(ANNA)
    again = await privacy.export(ANNA)
    assert all(value == [] for name, value in again.items() if name != "person")
    theirs = await privacy.export(BEN)
    assert [len(rows_of(theirs, name)) for name in ("reports", "cases", "exempt_in")] == [1, 1, 1]
    assert rows_of(theirs, "cases")[0]["decision"] == "wrong"  # the decision stands, whoever made it
    data = b"".join(file.read_bytes() for file in tmp_path.iterdir())  # noqa: ASYNC240  with the write-ahead log
    assert ANNA.encode() not in data and b"10001" not in data
    assert data.count(b"a secret of") == 1
    await store.close()


async def test_an_exemption_that_admins_have_set_stays_and_is_shown(store: Store, privacy: Privacy) -> None:
    rules = RuleBook(store)
    await rules.change(SERVER, ADMIN, exempt_users=[BEN])
    await rules.change(SERVER, ADMIN, exempt_users=[BEN, ANNA])
    await rules.change("discord:78", ADMIN, exempt_users=[ANNA])
    await rules.change("discord:78", ADMIN, exempt_users=[])
    assert (await privacy.export(ANNA))["exempt_in"] == [SERVER]
    await privacy.forget(ANNA)
    assert (await rules.read(SERVER)).exempt("discord:user/10001", [])
    history = [row["value"] for row in await store.audit("discord:78")]
    assert history == [[SOMEONE], []]
    assert (await privacy.export("discord:user/1000"))["exempt_in"] == []  # the beginning of a number is another person


async def test_what_an_admin_sees_of_the_settings_names_nobody_else(store: Store, privacy: Privacy) -> None:
    await RuleBook(store).change(SERVER, ADMIN, exempt_users=[BEN], channels=["5"])
    changed = rows_of(await privacy.export(ADMIN), "settings_changed")
    assert {str(row["key"]): row["value"] for row in changed} == {"exempt_users": [], "channels": ["5"]}


async def test_open_requests_are_shown_and_the_names_of_answered_ones_erased(store: Store, privacy: Privacy) -> None:
    inbox = Inbox(store, 900)
    await inbox.accept("telegram:20001/5", "telegram", {"user": 20001, "chat": 20001})
    await inbox.accept("telegram:20001/6", "telegram", {"user": 20001, "chat": 20001})
    await inbox.accept("telegram:200011/7", "telegram", {"user": 200011, "chat": 200011})
    await inbox.accept("telegram:-500/8", "telegram", {"user": 20001, "chat": -500})
    await inbox.accept("telegram:-500/9", "telegram", {"user": 20002, "chat": -500, "author": 20001})
    await inbox.accept("telegram:-500/10", "telegram", {"user": 20002, "chat": -500, "author": 20003, "origin": 20001})
    await inbox.accept("discord/message/9", "discord", {"user": 20001, "author": 20001})
    await inbox.done("telegram:20001/6")
    await inbox.done("telegram:200011/7")
    asked = {row["key"]: row["payload"] for row in rows_of(await privacy.export(TANYA), "requests")}
    own = {"telegram:20001/5", "telegram:20001/6", "telegram:-500/8"}
    others = {"telegram:-500/9", "telegram:-500/10"}  # about her pictures; who asks is not hers to know
    assert set(asked) == own | others
    assert all(asked[key] == {} for key in others)
    assert await privacy.forget(TANYA) == 1
    left = {row["key"] for row in await store.rows("SELECT key FROM inbox")}
    assert left == {"telegram:20001/5", "telegram:200011/7", "discord/message/9"} | others | {"telegram:-500/8"}


async def test_no_token_is_in_an_export(store: Store, privacy: Privacy) -> None:
    await Inbox(store, 900).accept("discord/interaction/1", "discord", {"user": 10001, "token": "aW50ZXJhY3Rpb24"})
    [request] = rows_of(await privacy.export(ANNA), "requests")
    assert request["payload"] == {"user": 10001}


async def test_the_settings_of_a_private_chat_are_the_persons(store: Store, privacy: Privacy) -> None:
    rules = RuleBook(store)
    await rules.change("telegram:20001", TANYA, language="en")
    await rules.change("telegram:-20001", "telegram:user/3", language="en")
    assert rows_of(await privacy.export(TANYA), "settings") == [{"key": "language", "value": "en"}]
    await privacy.forget(TANYA)
    assert await store.server_settings("telegram:20001") == {}
    assert await store.server_settings("telegram:-20001") == {"language": "en"}


async def test_forgetting_an_author_takes_the_votes_on_the_case_along(store: Store, privacy: Privacy) -> None:
    cases = Cases(store)
    case = await cases.open(SERVER, VERDICT, ANNA, "")
    await cases.decide(SERVER, case.id, BEN, Decision.WRONG)
    assert await privacy.forget(ANNA) == 2
    assert await store.rows("SELECT * FROM votes") == []


async def test_somebody_unknown_has_nothing(store: Store, privacy: Privacy) -> None:
    await Members(store).opt_out(BEN)
    for person in (ANNA, TANYA, "web:127.0.0.1", "", "discord:user/x"):
        shown = await privacy.export(person)
        assert all(value == [] for name, value in shown.items() if name != "person")
        assert await privacy.forget(person) == 0
    assert await Members(store).opted_out(BEN)


async def test_the_daily_purge_reaches_cases_votes_and_mutes(store: Store) -> None:
    cases = Cases(store)
    old = await cases.open(SERVER, VERDICT, ANNA, "")
    await cases.decide(SERVER, old.id, BEN, Decision.WRONG)
    await store.change("UPDATE cases SET opened = ?, decided = ?", (time.time() - 31 * DAY, time.time() - 31 * DAY))
    lately = await cases.open("discord:78", VERDICT, ANNA, "")
    await cases.decide("discord:78", lately.id, BEN, Decision.IGNORED)
    await store.change("UPDATE cases SET opened = ? WHERE id = ?", (time.time() - 31 * DAY, lately.id))
    await put(store, "mutes", person=BEN, ends=time.time() - 1)
    assert await store.purge(30) == 3  # the old case, its vote, the mute that is over
    assert await cases.find(SERVER, old.id) is None
    assert await cases.find("discord:78", lately.id) is not None
    assert [row["person"] for row in await store.rows("SELECT person FROM mutes")] == [ANNA]


async def put(store: Store, table: str, **values: object) -> None:
    """A row with these values, and something for the columns that need something."""
    serial = len(await store.rows(f"SELECT 1 FROM {table}"))
    row: dict[str, object] = dict(values)
    for column in await store.rows("SELECT name, type, [notnull] AS needed, pk FROM pragma_table_info(?)", (table,)):
        name = str(column["name"])
        if name not in row and (column["needed"] or column["pk"]):
            filler = "{}" if name in ("verdict", "payload") else '"x"' if name == "value" else f"{name} {serial}"
            row[name] = filler if column["type"] == "TEXT" else serial + 1
    names, marks = ", ".join(row), ", ".join("?" for _ in row)
    await store.change(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))  # type: ignore[arg-type]


async def columns_of(store: Store, table: str) -> set[str]:
    return {row["name"] for row in await store.rows("SELECT name FROM pragma_table_info(?)", (table,))}


def rows_of(shown: Mapping[str, object], name: str) -> list[dict[str, object]]:
    found = shown[name]
    assert isinstance(found, list)
    return found


def test_the_page_about_privacy_names_every_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text("utf-8")
    named = set(re.findall(r"`(\w+)`", "".join(line for line in page.splitlines() if line.startswith("| `"))))
    assert set(COLUMNS) <= named
