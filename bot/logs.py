"""The log: one line an event, for people or as JSON, and never a secret in it."""

import hashlib
import json
import logging
import re
import sys
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TextIO

from bot import trail
from bot.errors import CandidError
from bot.redaction import Redactor
from bot.secret import Secret
from bot.settings import LogSettings

OURS = ("bot", "model", "training")
_PACKAGE = Path(__file__).parent
_NUMBERED = re.compile(r"\b(?:[Bb]ug|[Ee]rror) ([0-9a-f]{8})\b")  # an adapter told a person this number already
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {10: "\\n", 13: "\\r", 9: "\\t"}


def start_logging(settings: LogSettings, secrets: Iterable[Secret], stream: TextIO | None = None) -> None:
    """Send everything that is logged in this process to `stream` (stderr), redacted. May be called again."""
    redact = Redactor(secrets)
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(redact) if settings.format == "json" else HumanFormatter(redact))
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one.formatter, LineFormatter)]:
        root.removeHandler(old)
    root.addHandler(handler)
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    root.setLevel(max(level, logging.INFO) if level == logging.DEBUG else max(level, logging.WARNING))
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    for name in ("httpx", "httpcore", "aiohttp.access"):  # a line a request, with addresses that hold tokens
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught


def bug_id(error: BaseException) -> str:
    """Eight hex digits for an exception that nobody expected: the same bug at the same place has the same id."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE.parent)]
    places = [f"{Path(frame.filename).name}:{frame.name}:{frame.lineno}" for frame in (*own[-1:], *frames[-1:])]
    return hashlib.sha256("|".join([type(error).__qualname__, *places]).encode()).hexdigest()[:8]


def trace_line(error: BaseException) -> str:
    """A traceback in one line, innermost call first, with the exceptions that led to it."""
    parts: list[str] = []
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        frames = reversed(traceback.extract_tb(one.__traceback__))
        calls = " < ".join(f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames)
        parts.append(f"{type(one).__name__}: {one}" + (f" [{calls}]" if calls else ""))
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return ", after ".join(parts)


class LineFormatter(logging.Formatter):
    """What both formats share: what is said about an exception, and that nothing leaves unredacted."""

    def __init__(self, redact: Redactor) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # a wrong format string must not cost the event
            message = f"{record.msg} {record.args}"
        error = record.exc_info[1] if record.exc_info else None
        return self._redact(self._line(record, message, error))

    def _line(self, record: logging.LogRecord, message: str, error: BaseException | None) -> str:
        raise NotImplementedError

    @staticmethod
    def _bug(message: str, error: BaseException | None) -> str | None:
        """The id to look for, unless the exception is one that Candid raises on purpose."""
        if error is None or isinstance(error, CandidError):
            return None
        numbered = _NUMBERED.search(message)
        return numbered[1] if numbered else bug_id(error)


class HumanFormatter(LineFormatter):
    """`2026-01-31 12:00:00 warning discord 1a2b3c4d: the sentence`; the number is the request's (bot.trail), if there is one."""

    def _line(self, record: logging.LogRecord, message: str, error: BaseException | None) -> str:
        when = datetime.fromtimestamp(record.created).strftime("%Y-%m-%d %H:%M:%S")
        text = f"{when} {record.levelname.lower():<7} {' '.join(filter(None, (_origin(record), trail.current())))}: {message}"
        if error is not None:
            bug = self._bug(message, error)
            text += (f" (bug {bug})" if bug and bug not in message else "") + f" | {trace_line(error)}"
        return text.translate(_CONTROL)


class JsonFormatter(LineFormatter):
    """One JSON object a line: time, level, from, message, about a request its id, and with an exception error, bug and trace."""

    def _line(self, record: logging.LogRecord, message: str, error: BaseException | None) -> str:
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": _origin(record),
            "message": message,
        }
        if request := trail.current():
            event["request"] = request
        if error is not None:
            event["error"] = type(error).__name__
            if bug := self._bug(message, error):
                event["bug"] = bug
            event["trace"] = "".join(traceback.format_exception(error))
        return json.dumps({key: self._redact(text) for key, text in event.items()}, ensure_ascii=False)


def _origin(record: logging.LogRecord) -> str:
    """Who says it: the last word of one of our modules, the first of a library's."""
    parts = record.name.split(".")
    if parts[0] not in OURS:
        return parts[0]
    return parts[2] if parts[1:2] == ["adapters"] and len(parts) > 2 else parts[-1]


def _short(filename: str) -> str:
    path = Path(filename)
    if path.is_relative_to(_PACKAGE.parent):
        path = path.relative_to(_PACKAGE.parent)
    _, found, rest = path.as_posix().rpartition("site-packages/")
    return rest if found else path.as_posix()


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, KeyboardInterrupt):
        return
    logging.getLogger("bot").critical("Candid stops, because of a bug in it", exc_info=(kind, error, trace))
