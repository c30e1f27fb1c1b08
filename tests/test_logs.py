"""The log: one line an event, no secret in any of them, an id for what nobody expected."""

import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bot.errors import Refusal
from bot.logs import HumanFormatter, LineFormatter, bug_id, start_logging
from bot.redaction import Redactor
from bot.secret import Secret
from bot.settings import LogSettings, default_settings

# Made up, in the shapes of the real ones; put together here so that no scanner takes them for leaked tokens.
DISCORD = "MTIzNDU2Nzg5MDEyMzQ1Njc4" + ".Gabcde." + "abcdefghijklmnopqrstuvwxyz0123456789AB"
TELEGRAM = "123456789" + ":AAabcdefghijklmnopqrstuvwxyz012345_-"
WEB = 'p"ss w0rd?/'

log = logging.getLogger("bot.adapters.discord.client")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    level, hook = root.level, sys.excepthook
    yield io.StringIO()
    sys.excepthook = hook
    logging.captureWarnings(False)
    root.setLevel(level)
    for handler in [one for one in root.handlers if isinstance(one.formatter, LineFormatter)]:
        root.removeHandler(handler)
    for name in ("bot", "model", "training"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def start(stream: io.StringIO, **changes: str) -> None:
    settings: LogSettings = replace(default_settings().log, **changes)  # type: ignore[arg-type]
    start_logging(settings, (Secret(DISCORD), Secret(TELEGRAM), Secret(WEB)), stream)


def test_a_line_for_people(stream: io.StringIO) -> None:
    start(stream)
    log.info("connected as %s", "Candid")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d info    discord: connected as Candid\n", stream.getvalue())


def test_a_line_for_programs(stream: io.StringIO) -> None:
    start(stream, format="json")
    log.warning("one\ntwo")
    event = json.loads(stream.getvalue())
    assert event.pop("time").endswith("+00:00")
    assert event == {"level": "warning", "from": "discord", "message": "one\ntwo"}


def test_starting_twice_says_things_once(stream: io.StringIO) -> None:
    start(stream)
    start(stream)
    log.info("once")
    assert stream.getvalue().count("once") == 1


def test_levels(stream: io.StringIO) -> None:
    start(stream, level="warning")
    log.info("no")
    log.warning("yes")
    assert "yes" in stream.getvalue() and "no\n" not in stream.getvalue()


def test_libraries_speak_only_of_trouble(stream: io.StringIO) -> None:
    start(stream)
    logging.getLogger("discord.gateway").info("chatter")
    logging.getLogger("httpx").info("HTTP Request")
    logging.getLogger("discord.gateway").warning("trouble")
    assert stream.getvalue().endswith("warning discord: trouble\n") and stream.getvalue().count("\n") == 1


def test_what_people_write_can_not_forge_a_line(stream: io.StringIO) -> None:
    start(stream)
    log.info("%s", "hello\n2026-01-01 00:00:00 error  bot: gone\x1b[31m\r\x9b")
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue() and "\x9b" not in stream.getvalue()


@pytest.mark.parametrize("form", ["human", "json"])
def test_no_secret_in_message_arguments_or_traceback(stream: io.StringIO, form: str) -> None:
    start(stream, format=form)
    log.info("token " + DISCORD)
    log.info("%s and %r", TELEGRAM, {"token": WEB})
    log.info("GET https://api.telegram.org/bot%s/getMe", TELEGRAM)
    try:
        try:
            raise ValueError(f"bad token {DISCORD}")
        except ValueError as error:
            raise RuntimeError(f"https://127.0.0.1/bot{TELEGRAM}/x {WEB}") from error
    except RuntimeError:
        log.exception("it broke with %s", WEB)
    text = stream.getvalue()
    assert text.count("\n") == 4 and "***" in text
    for secret in (DISCORD, TELEGRAM, TELEGRAM.partition(":")[2], WEB):
        assert secret not in text and json.dumps(secret)[1:-1] not in text


@pytest.mark.parametrize(
    "text",
    [
        DISCORD.replace("MTI", "NjE"),
        f"Authorization: Bot {'x' * 20}",
        "987654321" + ":BBabcdefghijklmnopqrstuvwxyz012345_-",
        "https://api.telegram.org/bot987654321:short/sendMessage",
        "https://api.telegram.org/file/bot987654321%3AAAabcdefghijklmnopqrstuvwxyz012345/photos/1.jpg",
        "https://discord.com/api/v10/webhooks/1234567890/" + "aW50ZXJhY3Rpb24" * 5 + "/messages/@original",
        "https://discord.com/api/v10/interactions/1234567890/" + "aW50ZXJhY3Rpb24" * 5 + "/callback",
        "http://user:hunter22@proxy.example.org:3128",
        "Bearer abcdefghijkl",
    ],
)
def test_token_shapes_that_nobody_configured(stream: io.StringIO, text: str) -> None:
    start(stream)
    log.info("seen: %s", text)
    shown = stream.getvalue()
    assert "***" in shown
    for word in re.findall(r"[\w-]{5,}", text):
        if word in shown:
            assert re.fullmatch(
                r"https?|api|discord|telegram|org|com|v10|webhooks|interactions|1234567890|callback|messages|original|"
                r"photos|sendMessage|file|proxy|example|Authorization|Bearer|bot",
                word,
            ), word


def test_ordinary_text_stays(stream: io.StringIO) -> None:
    start(stream)
    text = "discord:guild/123456789012345678 bot/adapters/web.py:12 3.141592653589793 sha256 " + "ab" * 32
    log.info(text)
    assert text in stream.getvalue()


def test_a_wrong_format_string_costs_nothing() -> None:
    record = logging.LogRecord("bot", logging.INFO, __file__, 1, "wrong %d", (DISCORD,), None)
    text = HumanFormatter(Redactor()).format(record)
    assert "wrong %d" in text and "***" in text and DISCORD not in text


def _broken() -> None:
    raise KeyError("nothing")


def test_a_bug_gets_an_id_and_a_trace_in_one_line(stream: io.StringIO) -> None:
    start(stream)
    ids = []
    for _ in range(2):
        try:
            _broken()
        except KeyError as error:
            ids.append(bug_id(error))
            log.exception("could not answer")
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2 and len(set(ids)) == 1 and re.fullmatch("[0-9a-f]{8}", ids[0])
    assert f"could not answer (bug {ids[0]}) | KeyError: 'nothing' [tests/test_logs.py:" in lines[0]
    assert "_broken <" in lines[0]


def test_a_number_that_a_person_was_told_is_kept(stream: io.StringIO) -> None:
    start(stream, format="json")
    try:
        _broken()
    except KeyError:
        log.exception("error %s while answering", "0a1b2c3d")
    assert json.loads(stream.getvalue())["bug"] == "0a1b2c3d"


def test_what_is_raised_on_purpose_is_no_bug(stream: io.StringIO) -> None:
    start(stream)
    log.warning("refused", exc_info=Refusal("too-small", "That picture is too small."))
    assert "bug" not in stream.getvalue() and "Refusal: That picture is too small." in stream.getvalue()
