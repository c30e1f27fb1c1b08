"""A server's rules: what may be set, what is written down about it, and that it is the same after a restart."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.community import Audience, Mode, RuleBook, Rules
from bot.errors import Refusal
from bot.store import Store

SERVER = "discord:10"
CHAT = "telegram:-100200"
ADMIN = "discord:user/9"

FULL: dict[str, Any] = {
    "channels": ["1", "2"],
    "mode": "log",
    "audience": "asker",
    "sensitivity": 300,
    "log_channel": "7",
    "exempt_users": ["discord:user/5"],
    "exempt_roles": ["44"],
    "exempt_channels": ["3"],
    "users": ["55", "56"],
    "per_user_per_minute": 2.5,
    "per_server_per_day": 100,
    "language": "en",
    "appeals": False,
    "review": True,
}


@pytest.fixture
def book(store: Store) -> RuleBook:
    return RuleBook(store)


async def test_a_server_that_has_set_nothing_has_the_defaults(book: RuleBook) -> None:
    rules = await book.read(SERVER)
    assert rules == Rules()
    assert (rules.channels, rules.mode, rules.appeals, rules.review) == ((), Mode.REPLY, True, False)


async def test_every_rule_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "candid.sqlite3"
    store = await Store.open(path)
    changed = await RuleBook(store).change(SERVER, ADMIN, **FULL)
    await store.close()
    store = await Store.open(path)
    book = RuleBook(store)
    read = await book.read(SERVER)
    assert read == changed
    assert await book.export(SERVER) == FULL
    assert set(FULL) == set(Rules.__dataclass_fields__)
    assert all(getattr(read, key) != getattr(Rules(), key) for key in FULL)  # else this test would prove nothing
    assert (read.mode, read.audience, read.exempt_users) == (Mode.LOG, Audience.ASKER, ("discord:user/5",))
    assert await book.read("discord:11") == Rules()
    await store.close()


async def test_what_the_host_imports_holds_at_once_in_the_running_bot(tmp_path: Path) -> None:
    path = tmp_path / "candid.sqlite3"
    bot, host = await Store.open(path), await Store.open(path)
    assert not (await RuleBook(bot).read(SERVER)).automatic("1")
    await RuleBook(host).load(SERVER, "candid settings import", {"channels": ["1"]})
    assert (await RuleBook(bot).read(SERVER)).automatic("1")
    await bot.close()
    await host.close()


async def test_each_change_is_a_row_that_says_who_and_what(book: RuleBook, store: Store) -> None:
    await book.change(SERVER, ADMIN, channels=["1"], sensitivity=100)
    await book.change(SERVER, "discord:user/8", channels=["1"], sensitivity=None)
    rows = [(row["key"], row["value"], row["changed_by"]) for row in await store.audit(SERVER)]
    assert rows == [
        ("channels", ["1"], ADMIN),
        ("sensitivity", 100, ADMIN),
        ("sensitivity", None, "discord:user/8"),  # the channels stayed as they were
    ]


@pytest.mark.parametrize(
    ("server", "key", "value"),
    [
        (SERVER, "channels", "1"),
        (SERVER, "channels", [1]),
        (SERVER, "channels", ["general"]),
        (SERVER, "channels", ["1", "1; DROP TABLE settings"]),
        (SERVER, "channels", [str(n) for n in range(201)]),
        (SERVER, "channels", None),
        (SERVER, "exempt_channels", ["*"]),
        (SERVER, "mode", "delete"),
        (SERVER, "mode", None),
        (SERVER, "mode", ["reply"]),
        (SERVER, "mode", {}),
        (SERVER, "audience", "nobody"),
        (SERVER, "sensitivity", 50),
        (SERVER, "sensitivity", True),
        (SERVER, "sensitivity", 100.0),
        (SERVER, "sensitivity", "100"),
        (SERVER, "log_channel", "*"),
        (SERVER, "log_channel", 5),
        (SERVER, "exempt_users", ["5"]),
        (SERVER, "exempt_users", ["telegram:user/5"]),
        (SERVER, "exempt_roles", ["admins"]),
        (SERVER, "users", ["discord:user/5"]),
        (CHAT, "users", ["5"]),
        (CHAT, "exempt_users", ["discord:user/5"]),
        (SERVER, "per_user_per_minute", 0),
        (SERVER, "per_user_per_minute", float("nan")),
        (SERVER, "per_user_per_minute", float("inf")),
        (SERVER, "per_user_per_minute", True),
        (SERVER, "per_server_per_day", 1.5),
        (SERVER, "per_server_per_day", -1),
        (SERVER, "language", "tlh"),
        (SERVER, "appeals", 1),
        (SERVER, "review", "yes"),
        (SERVER, "nonsense", 1),
    ],
)
async def test_a_wrong_value_is_refused_in_a_sentence_and_changes_nothing(
    book: RuleBook, store: Store, server: str, key: str, value: object
) -> None:
    with pytest.raises(Refusal) as caught:
        await book.change(server, ADMIN, **{key: value, "appeals": caught_up(key)})
    sentence = str(caught.value)
    assert key in sentence and sentence.endswith(".") and "\n" not in sentence
    assert caught.value.reason == "setting"
    assert await store.audit(server) == []


def caught_up(key: str) -> object:
    """A right value beside the wrong one, which must not be set either."""
    return 1 if key == "appeals" else False


async def test_what_telegram_has_is_taken_there(book: RuleBook) -> None:
    rules = await book.change(
        CHAT, "telegram:user/1", users=["admins"], exempt_users=["telegram:user/5"], channels=["*"]
    )
    assert rules.may_ask(["admins"]) and not rules.may_ask([])
    assert rules.exempt("telegram:user/5", [])


async def test_a_name_that_is_nearly_right_is_guessed(book: RuleBook) -> None:
    with pytest.raises(Refusal, match="Did you mean sensitivity"):
        await book.change(SERVER, ADMIN, sensitivty=100)
    with pytest.raises(Refusal, match="There are: channels, mode"):
        await book.change(SERVER, ADMIN, zzz=100)


async def test_a_silent_log_needs_a_place(book: RuleBook) -> None:
    with pytest.raises(Refusal, match="log channel"):
        await book.change(SERVER, ADMIN, mode="log")
    await book.change(SERVER, ADMIN, mode="log", log_channel="5")
    with pytest.raises(Refusal, match="log channel"):
        await book.change(SERVER, ADMIN, log_channel=None)
    assert (await book.read(SERVER)).log_channel == "5"


async def test_two_changes_at_once_can_not_leave_a_log_without_a_place(book: RuleBook) -> None:
    await book.change(SERVER, ADMIN, log_channel="5")
    results = await asyncio.gather(
        book.change(SERVER, ADMIN, mode="log"), book.change(SERVER, ADMIN, log_channel=None), return_exceptions=True
    )
    assert [type(result) for result in results] == [Rules, Refusal]
    assert (await book.read(SERVER)).log_channel == "5"


async def test_a_name_that_is_no_server_is_refused(book: RuleBook) -> None:
    for name in ("discord:", "discord:-5", "discord:user/5", "irc:5", "telegram:x", ""):
        with pytest.raises(Refusal, match="is no server"):
            await book.change(name, ADMIN, appeals=False)


async def test_import_is_all_or_nothing_and_names_every_fault(book: RuleBook, store: Store) -> None:
    await book.change(SERVER, ADMIN, channels=["1"], sensitivity=100)
    before = await store.audit(SERVER)
    with pytest.raises(Refusal) as caught:
        await book.load(SERVER, "host", {"channels": ["2"], "mode": "ban", "chanels": [], "review": 7})
    assert len(str(caught.value).splitlines()) == 3
    assert await store.audit(SERVER) == before
    loaded = await book.load(SERVER, "host", {"channels": ["2"]})
    assert loaded == Rules(channels=("2",))  # what isn't named is as if it had never been set
    assert await book.read(SERVER) == loaded


async def test_export_and_import_bring_the_same_rules_elsewhere(book: RuleBook) -> None:
    rules = await book.change(SERVER, ADMIN, **FULL)
    assert await book.load("discord:11", "host", await book.export(SERVER)) == rules
    assert await book.read("discord:11") == rules


async def test_a_server_that_moves_takes_its_rules_along(book: RuleBook) -> None:
    by = "telegram: the group was upgraded"
    rules = await book.change("telegram:-5", "telegram:user/1", channels=["*"], sensitivity=30, log_channel="-5")
    await book.move("telegram:-5", CHAT, by)
    assert await book.read(CHAT) == replace(rules, log_channel="-100200")
    later = await book.change(CHAT, "telegram:user/1", sensitivity=100)
    await book.move("telegram:-5", CHAT, by)  # told a second time
    assert await book.read(CHAT) == later


async def test_the_logs_that_others_keep_in_a_chat_move_with_it(book: RuleBook) -> None:
    by, person = "telegram: the group was upgraded", "telegram:user/1"
    for server, log_channel in (("telegram:-7", "-5"), ("telegram:-8", "-55"), ("telegram:-9", "-5"), (SERVER, "-5")):
        await book.change(server, person, log_channel=log_channel)
    await book.change("telegram:-9", person, log_channel=None)
    await book.move("telegram:-5", CHAT, by)
    after = {server: (await book.read(server)).log_channel for server in ("telegram:-7", "telegram:-8", "telegram:-9")}
    assert after == {"telegram:-7": "-100200", "telegram:-8": "-55", "telegram:-9": None}
    assert (await book.read(SERVER)).log_channel == "-5"  # on another platform that is another place


async def test_where_the_host_keeps_no_pictures_there_is_nothing_to_review(book: RuleBook, store: Store) -> None:
    without = RuleBook(store, reviewable=False)
    with pytest.raises(Refusal, match="keeps no pictures"):
        await without.change(SERVER, ADMIN, review=True)
    await book.change(SERVER, ADMIN, review=True)  # before the host gave it up
    assert (await without.change(SERVER, ADMIN, sensitivity=30)).review
    assert not (await without.change(SERVER, ADMIN, review=False)).review
    await book.change("telegram:-5", "telegram:user/1", review=True, channels=["*"])
    await without.move("telegram:-5", CHAT, "telegram: the group was upgraded")
    assert await without.read(CHAT) == Rules(channels=("*",))


async def test_a_stored_value_of_another_version_is_left_out(
    book: RuleBook, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    await store.change_setting(SERVER, "mode", "applaud", "")
    await store.change_setting(SERVER, "from_the_future", 1, "")
    await store.change_setting(SERVER, "channels", ["1"], "")
    for _ in range(3):
        assert await book.read(SERVER) == Rules(channels=("1",))
    assert caplog.text.count("left out") == 1  # it is read for every picture
    assert "from_the_future" not in await book.export(SERVER)


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_LIKELY = st.sampled_from(["*", "1", "admins", "discord:user/5", "reply", "log", "asker", "en", 300, 30, 2.5])
_VALUES = _SCALARS | _LIKELY | st.lists(_SCALARS | _LIKELY, max_size=4) | st.dictionaries(st.text(max_size=3), _SCALARS)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([*FULL, "colour"]), _VALUES, st.sampled_from([SERVER, CHAT]))
async def test_whatever_is_given_is_refused_in_a_line_or_kept_as_it_is(
    book: RuleBook, key: str, value: object, server: str
) -> None:
    try:
        rules = await book.change(server, ADMIN, **{key: value})
    except Refusal as refusal:
        assert len(str(refusal).splitlines()) == 1 and len(str(refusal)) < 300
        return
    assert await book.read(server) == rules
    kept = (await book.export(server))[key]
    assert kept == (list(dict.fromkeys(value)) if isinstance(value, list) else value)


def test_where_automatic_checks_run() -> None:
    rules = Rules(channels=("1", "2"))
    assert rules.automatic("1") and rules.automatic("9", "2")
    assert not rules.automatic("9") and not rules.automatic()
    assert Rules(channels=("*",)).automatic() and Rules(channels=("*",)).automatic("9")
    assert not Rules().automatic("1")


def test_who_and_what_is_exempt() -> None:
    rules = Rules(exempt_users=("discord:user/5",), exempt_roles=("44",), exempt_channels=("3",))
    assert rules.exempt("discord:user/5", [])
    assert rules.exempt("discord:user/6", ["1", "44"])
    assert rules.exempt("discord:user/6", [], "9", "3")
    assert not rules.exempt("discord:user/6", ["1"], "9")
    assert not Rules().exempt("discord:user/5", ["44"], "3")


def test_an_appeal_needs_somebody_who_reads_it() -> None:
    assert not Rules().appealable
    assert Rules(log_channel="5").appealable
    assert not Rules(log_channel="5", appeals=False).appealable
