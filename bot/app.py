"""Builds the running service out of its parts, in an order that shows people something at once, and takes it down."""

import asyncio
import importlib
import logging
import os
import signal
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from bot.adapters.web import WebAdapter
from bot.champion import Champion, Loader
from bot.community import Community
from bot.core import Checker
from bot.errors import SettingsError
from bot.inbox import Inbox
from bot.judge import Judge
from bot.limits import Allowances
from bot.metrics import Metrics
from bot.presence import Presence
from bot.settings import Settings
from bot.store import Store
from bot.supervisor import Adapter, Supervisor
from bot.threads import end_when_stuck

if TYPE_CHECKING:
    from model.detector import Detector

log = logging.getLogger(__name__)

DRAIN_SECONDS = 20.0  # for what was accepted, after SIGTERM
PURGE_SECONDS = 24 * 3600.0
ECHO_SECONDS = 2.0  # a signal to a process group also reaches us through the tool that started us


class App:
    """One running Candid. `run` is its whole life."""

    def __init__(self, settings: Settings, load: Loader | None = None) -> None:
        if not (settings.web.enabled or settings.discord.token or settings.telegram.token):
            raise SettingsError("[web] enabled is false and there is no token for Discord or Telegram: nothing to run.")
        self.settings = settings
        self.metrics = Metrics()
        self.checker: Checker | None = None
        self.web: WebAdapter | None = None
        self.supervisors: list[Supervisor] = []
        self.loading = False  # the model, in a thread that can't be stopped
        self._champion = Champion(settings, load)
        self._presence: Presence | None = None
        self._limits: Allowances | None = None  # None: this process counts by itself
        self._stopping = asyncio.Event()
        self._asked_to_stop = 0.0
        self._adapters: list[asyncio.Task[None]] = []
        self._background: list[asyncio.Task[None]] = []

    def stop(self) -> None:
        """Begin to close gracefully, as SIGTERM does."""
        self._stopping.set()

    async def run(self, opened: Callable[["App"], None] | None = None) -> None:
        """Until a signal or `stop`. `opened` is called when the page answers (or there is none); the model isn't warm then.

        Raises SettingsError when there is no model to load; the exceptions of the parts are the supervisors'.
        """
        self._listen_to_signals()
        store = await Store.open(self.settings.store.where)
        try:
            inbox = Inbox(store, self.settings.checks.fresh_minutes * 60, await self._appear(store))
            community = Community.of(store, self.settings)
            self._spawn(self.metrics.measure_pauses())
            self._spawn(self._purge(store, community))
            if self.settings.web.enabled:
                self.web = WebAdapter(self.settings, None, store, inbox, metrics=self.metrics)
                await self._open(self.web)
            if opened is not None:
                opened(self)
            judge = await self._remote() if self.settings.scale.redis else await self._load()
            if judge is not None:
                await self._serve(judge, store, inbox, community)
                await self._stopping.wait()
        finally:
            await self._close(store)

    async def _appear(self, store: Store) -> Presence | None:
        """Be known to the others that share the database, if there may be any."""
        if self.settings.store.url or self.settings.discord.shards:
            hooked = self.settings.telegram.token and self.settings.telegram.mode == "webhook"
            self._presence = Presence(store, "telegram webhook" if hooked else "")
            await self._presence.start()
        return self._presence

    def statuses(self) -> dict[str, str]:
        """Each adapter's name and what it is doing."""
        return {one.name: one.status for one in self.supervisors}

    async def _load(self) -> "Detector | None":
        """The warm detector; None when the bot is stopped meanwhile."""
        started = time.monotonic()
        self.loading = True
        work = asyncio.create_task(asyncio.to_thread(self._champion.load))
        work.add_done_callback(self._loaded)
        stopped = asyncio.create_task(self._stopping.wait())
        await asyncio.wait((work, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not work.done():
            return None
        detector = work.result()
        log.info("Model %s is warm after %.1f s", self._champion.version, time.monotonic() - started)
        return detector

    async def _remote(self) -> Judge:
        """Workers elsewhere; what talks to them is imported only now."""
        from bot.scale import require

        require()
        module = await asyncio.to_thread(importlib.import_module, "bot.scale.remote")
        judge: Judge = await asyncio.to_thread(module.RemoteJudge, self.settings, self.metrics)
        limits = await asyncio.to_thread(importlib.import_module, "bot.scale.limits")
        self._limits = limits.SharedLimits(self.settings)
        log.info("Workers judge, with %s as far as is known", judge.model.version)
        return judge

    def _loaded(self, work: "asyncio.Task[Detector]") -> None:
        self.loading = False
        if not work.cancelled():
            work.exception()  # taken note of, also when nobody waits for it any more

    async def _serve(self, judge: "Judge | Detector", store: Store, inbox: Inbox, community: Community) -> None:
        checker = Checker(self.settings.checks, judge, store, self.metrics, self._limits)
        await checker.start()
        self.checker = checker
        self.metrics.model(checker.model.version)
        self._spawn(end_when_stuck(lambda: checker.stuck))
        if self.web is not None:
            self.web.checker = checker
        for adapter in await self._chats(checker, store, inbox, community):
            self._supervise(adapter)
        if self.settings.model.version == "champion" and not self.settings.scale.redis:
            self._spawn(self._champion.watch(self._swap))

    async def _chats(self, checker: Checker, store: Store, inbox: Inbox, community: Community) -> list[Adapter]:
        """The chat platforms that have a token. Only their libraries are imported, and in a thread: that takes a second."""
        chats: list[Adapter] = []
        for name, configured in (("discord", self.settings.discord.token), ("telegram", self.settings.telegram.token)):
            if configured:
                module = await asyncio.to_thread(importlib.import_module, f"bot.adapters.{name}")
                adapter = getattr(module, f"{name.title()}Adapter")
                chats.append(adapter(self.settings, checker, store, inbox, community=community))
        return chats

    def _swap(self, detector: "Detector") -> None:
        if self.checker is not None:
            self.checker.replace_detector(detector)
            self.metrics.model(self._champion.version)

    def _supervise(self, adapter: Adapter) -> Supervisor:
        supervisor = Supervisor(adapter)
        self.supervisors.append(supervisor)
        self.metrics.adapter(supervisor.name, lambda: supervisor.status == "running")
        self._adapters.append(asyncio.create_task(supervisor.run(), name=supervisor.name))
        return supervisor

    async def _open(self, web: WebAdapter) -> None:
        """Start the page, and wait until it answers or has told why not."""
        supervisor = self._supervise(web)
        while supervisor.status == "starting":  # noqa: ASYNC110  a status is all that an adapter has
            await asyncio.sleep(0.01)

    async def _close(self, store: Store) -> None:
        if self.supervisors or self.checker:
            log.info("Stopping: what was accepted is finished first, for up to %.0f s", DRAIN_SECONDS)
        deadline = time.monotonic() + DRAIN_SECONDS
        closing = [asyncio.create_task(one.close(), name=f"close {one.name}") for one in self.supervisors]
        if closing:
            done, late = await asyncio.wait([*closing, *self._adapters], timeout=DRAIN_SECONDS)
            if late:
                log.warning("Not finished in time; it is answered after the next start")
            for task in done:
                _say_failure(task)
            self._background += late
        for task in (*self._background, *self._adapters):
            task.cancel()
        await asyncio.gather(*self._background, *self._adapters, return_exceptions=True)
        if self.checker is not None:
            await self.checker.close(max(1.0, deadline - time.monotonic()))
        if self._presence is not None:
            await self._presence.close()
        await store.close()
        log.info("Stopped")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(_say_failure)
        self._background.append(task)

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)

    def _on_signal(self) -> None:
        now = time.monotonic()
        if self._stopping.is_set() and now - self._asked_to_stop > ECHO_SECONDS:  # whoever asks twice means it
            log.warning("Stopped at once; what is open is answered after the next start")
            os._exit(1)  # the inbox is made for that
        self._asked_to_stop = now
        self.stop()

    async def _purge(self, store: Store, community: Community) -> None:
        while True:
            try:
                await community.review.purge()
                await store.purge(self.settings.store.keep_days)
            except Exception:  # a full disk today must not end this for ever
                log.exception("Old verdicts and pictures could not be deleted; it is tried again tomorrow")
            await asyncio.sleep(PURGE_SECONDS)


def _say_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("A part of Candid ended, because of a bug", exc_info=error)
