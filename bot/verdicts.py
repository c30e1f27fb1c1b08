"""Verdicts that were given, by picture and model: the latest in memory, those of the last days in the store."""

import logging
import re
import sqlite3
from collections import OrderedDict
from typing import Any

from bot.store import Store
from bot.verdict import Verdict, from_json, to_json

log = logging.getLogger(__name__)

_HASH = re.compile(r"[0-9a-f]{32,64}")


class Verdicts:
    """Keeps at most `most` in memory."""

    def __init__(self, store: Store, most: int) -> None:
        self._store, self._most = store, most
        self._latest: OrderedDict[tuple[str, str], Verdict] = OrderedDict()

    async def find(self, sha256: str, model: str) -> Verdict | None:
        """The verdict that `model` gave on exactly this picture."""
        key = (sha256, model)
        if key in self._latest:
            self._latest.move_to_end(key)
            return self._latest[key]
        try:
            verdict = _read(await self._store.verdict(sha256, model))
        except sqlite3.Error as error:  # judging it again costs less than no answer
            log.error("Earlier verdicts can't be read, so pictures are judged again: %s", error)
            return None
        if verdict is not None:
            self._remember(verdict)
        return verdict

    async def recall(self, sha256: str) -> Verdict | None:
        """The newest verdict on a picture by whichever model; 32 or more digits of the hash are enough."""
        return _read(await self._store.verdict(sha256)) if _HASH.fullmatch(sha256) else None

    async def keep(self, verdict: Verdict) -> None:
        """Remember a new verdict."""
        self._remember(verdict)
        try:
            await self._store.keep_verdict(verdict.sha256, verdict.model, to_json(verdict))
        except sqlite3.Error as error:  # a full disk must not cost the person the answer
            log.error("A verdict could not be written down, so its buttons won't work for long: %s", error)

    def _remember(self, verdict: Verdict) -> None:
        self._latest[verdict.sha256, verdict.model] = verdict
        self._latest.move_to_end((verdict.sha256, verdict.model))
        while len(self._latest) > self._most:
            self._latest.popitem(last=False)


def _read(row: dict[str, Any] | None) -> Verdict | None:
    """None also for what another version of Candid wrote in another shape: the picture is then judged again."""
    try:
        return None if row is None else from_json(row)
    except (KeyError, TypeError, ValueError):
        log.debug("A verdict in the store has another shape")
        return None
