"""Keeps one adapter running: restarts it after any trouble, later each time, and stops it when a person must act."""

import asyncio
import logging
import random
import time
from dataclasses import dataclass
from typing import Protocol

from bot.errors import CandidError, GiveUp, TryLater

log = logging.getLogger(__name__)

_OUTSIDE = {"aiohttp", "discord", "httpcore", "httpx", "telegram", "websockets"}  # raise what the network does to them


class Adapter(Protocol):
    """A chat platform or the web page."""

    name: str
    status: str

    async def run(self) -> None:
        """Works until cancelled or closed. May be run again after it raised."""

    async def close(self) -> None:
        """Takes nothing new, finishes what is accepted; `run` returns then."""


@dataclass(frozen=True, slots=True)
class BackOff:
    """Waits of `first`, then twice as long each time up to `most`; after `healthy` seconds of work it starts anew."""

    first: float = 1.0
    most: float = 60.0
    healthy: float = 60.0

    def wait(self, failures: int) -> float:
        """Seconds before the next try after `failures` (1 or more) in a row; up to half less, as chance has it."""
        return float(min(self.most, self.first * 2 ** min(failures - 1, 30))) * random.uniform(0.5, 1.0)


class Supervisor:
    """Runs `adapter` until it is closed, gives up or is cancelled."""

    def __init__(self, adapter: Adapter, back_off: BackOff | None = None) -> None:
        self.adapter = adapter
        self.failures = 0  # in a row
        self._back_off = back_off or BackOff()
        self._trouble = ""
        self._closing = asyncio.Event()

    @property
    def name(self) -> str:
        return self.adapter.name

    @property
    def status(self) -> str:
        """The adapter's own, or what it waits for, or why it was stopped."""
        return self._trouble or self.adapter.status

    async def run(self) -> None:
        """Returns when the adapter was closed or gave up; raises nothing but cancellation."""
        while not self._closing.is_set():
            started = time.monotonic()
            self._trouble = ""
            try:
                await self.adapter.run()
                if self._closing.is_set():
                    break
                raise ConnectionError("it ended by itself")
            except GiveUp as error:
                self._trouble = f"stopped: {error}"
                log.error("%s is stopped until a person acts: %s", self.name, error)
                return
            except Exception as error:
                if self._closing.is_set():
                    _say(logging.WARNING, f"{self.name} did not close well", error)
                    break
                if time.monotonic() - started >= self._back_off.healthy:
                    self.failures = 0
                await self._wait(error)
        self._trouble = "closed"

    async def close(self) -> None:
        """Close the adapter gracefully and don't restart it."""
        self._closing.set()
        await self.adapter.close()

    async def _wait(self, error: Exception) -> None:
        self.failures += 1
        seconds = self._back_off.wait(self.failures)
        if isinstance(error, TryLater):
            seconds = max(seconds, error.seconds)
        self._trouble = f"waiting: {_words(error)}"
        _say(logging.WARNING, f"{self.name} is down and tries again in {seconds:.0f} s", error)
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return


def _say(level: int, what: str, error: Exception) -> None:
    """Trouble from outside in one plain sentence; anything else is a bug and comes with its trace."""
    if isinstance(error, CandidError | OSError | TimeoutError) or type(error).__module__.partition(".")[0] in _OUTSIDE:
        log.log(level, "%s: %s", what, _words(error))
    else:
        log.error("%s, because of a bug", what, exc_info=error)


def _words(error: Exception) -> str:
    text = " ".join(str(error).split())
    return (
        text if isinstance(error, CandidError) else f"{type(error).__name__}: {text}" if text else type(error).__name__
    )
