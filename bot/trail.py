"""The id of the request that is being worked on. It is in every line of the log about it, in this process and in the workers,
and it is the number that people are told when something breaks: one search finds all of it.

A request of a chat has the same id after a restart, for its id comes of the event's key; one of the page has a new one.
"""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("request", default="")


def current() -> str:
    """The id, or "" for what belongs to no request."""
    return _current.get()


def number() -> str:
    """What a person is told: the id, or a new one where there is none."""
    return _current.get() or secrets.token_hex(4)


def begin(key: str = "") -> str:
    """From here on this task, and every task that it starts, works on the request that `key` names, or on a new one."""
    found = hashlib.sha256(key.encode()).hexdigest()[:8] if key else secrets.token_hex(4)
    _current.set(found)
    return found


def adopt(found: str) -> None:
    """As `begin`, with an id that another process gave."""
    _current.set(found)


@contextmanager
def following(key: str = "") -> Iterator[str]:
    """As `begin`, for the block only."""
    before = _current.set("")
    try:
        yield begin(key)
    finally:
        _current.reset(before)
