"""`candid check`: a verdict for each picture, by the same Checker that answers in chats."""

import asyncio
import io
import json
import logging
import os
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.champion import Champion, Loader
from bot.commands.files import read, walk
from bot.core import Asker, Checker
from bot.errors import Refusal, TryLater, in_words
from bot.intake import decode
from bot.logs import bug_id, start_logging
from bot.metrics import Metrics
from bot.settings import ChecksSettings, Settings
from bot.store import Store
from bot.verdict import Verdict
from bot.wording import say, words

if TYPE_CHECKING:
    from model.detector import Detector

log = logging.getLogger(__name__)

JUDGED, ERROR, REFUSED = 0, 1, 2  # exit codes
DIGITS = 6
SECONDS_BETWEEN_LINES = 10.0
_ME = Asker(chat="cli:here", user="cli:here")
_NO_LIMIT = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one file: a verdict, or why there is none. `broken`: nothing was learnt about a picture at all."""

    path: Path
    verdict: Verdict | None = None
    refusal: str = ""
    broken: bool = False

    def as_json(self) -> str:
        """One line with the fields that README.md names."""
        if self.verdict is None:
            return json.dumps({"path": str(self.path), "refusal": self.refusal})
        verdict = self.verdict
        line = {
            "path": str(self.path),
            "label": verdict.label,
            "confidence": round(verdict.confidence, DIGITS),
            "p_ai": round(verdict.p_ai, DIGITS),
            "evidence": [{"kind": one.kind, "says": one.says, "strength": one.strength} for one in verdict.evidence],
            "model": verdict.model,
            "milliseconds": verdict.milliseconds,
        }
        return json.dumps(line)

    def as_text(self) -> str:
        """A few lines for people."""
        if self.verdict is None:
            return f"{self._name}\n  – {self.refusal}"
        said = words(self.verdict)
        lines = [self._name, f"  {said.symbol} {said.title}: {said.confidence}"]
        lines += [f"  {finding.says} ({finding.strength})" for finding in self.verdict.evidence]
        lines += [f"  {say(f'note.{note}')}" for note in self.verdict.notes]
        return "\n".join(lines)

    @property
    def _name(self) -> str:
        """The path on one line, whatever somebody named a file to play with this terminal."""
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(self.path))


def check(
    settings: Settings, paths: Sequence[Path], *, as_json: bool, heat_map: Path | None, load: Loader | None = None
) -> int:
    """Prints an outcome for each file, in order. 0 when all were judged, 2 when one was refused, 1 for errors."""
    start_logging(replace(settings.log, level="warning"), settings.secrets())
    files = list(walk(paths))
    if heat_map is not None and len(files) != 1:
        print(f"candid: --heatmap draws one picture, and there are {len(files)}.", file=sys.stderr)
        return ERROR
    if heat_map is not None and (heat_map.suffix.lower() != ".png" or not heat_map.parent.is_dir()):
        print(
            f"candid: the heat map can't be written to {heat_map}: name a .png file in a folder that is there.",
            file=sys.stderr,
        )
        return ERROR
    if not files:
        print("candid: there is no file in there.", file=sys.stderr)
        return ERROR
    if isinstance(sys.stdout, io.TextIOWrapper):  # else one name or symbol that it can't show would end it all
        sys.stdout.reconfigure(errors="backslashreplace")
    progress = _Progress(len(files))
    progress.say("Loading the model …")
    detector = Champion(_with_cache(settings), load).load()  # not in the loop, where Ctrl+C would have to wait for it
    try:
        return asyncio.run(_check(settings.checks, detector, files, progress, as_json, heat_map))
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ERROR


async def _check(
    settings: ChecksSettings,
    detector: "Detector",
    files: list[Path],
    progress: "_Progress",
    as_json: bool,
    heat_map: Path | None,
) -> int:
    checks = _ahead(settings)
    store = await Store.open(Path(":memory:"))  # the bot's own verdicts are none of our business
    checker = Checker(checks, detector, store, Metrics())
    await checker.start()
    code = JUDGED
    try:
        waiting: deque[asyncio.Task[Outcome]] = deque()
        left = deque(files)
        while left or waiting:
            while left and len(waiting) < checks.queue:
                waiting.append(asyncio.create_task(_judge(checker, left.popleft(), checks.max_bytes)))
            outcome = await waiting.popleft()
            if outcome.broken:
                code = ERROR
            elif outcome.verdict is None and code == JUDGED:
                code = REFUSED
            progress.clear()
            print(outcome.as_json() if as_json else outcome.as_text(), flush=True)
            progress.step()
    finally:
        progress.clear()
        await checker.close(0)
        await store.close()
    if heat_map is not None and code == JUDGED:
        try:
            _draw(detector, files[0], checks, heat_map)
        except (OSError, ValueError) as error:
            why = in_words(error) if isinstance(error, OSError) else str(error)
            print(f"candid: the heat map can't be written to {heat_map}: {why}.", file=sys.stderr)
            return ERROR
        progress.say(f"The heat map is in {heat_map}: orange speaks for AI, blue for a real picture.")
    return code


def _draw(detector: "Detector", path: Path, checks: ChecksSettings, out: Path) -> None:
    from model.explain import draw

    pixels = decode(read(path, checks.max_bytes).data, checks).pixels
    draw(pixels, detector.explain(pixels)).save(out)


async def _judge(checker: Checker, path: Path, max_bytes: int) -> Outcome:
    try:
        picture = await asyncio.to_thread(read, path, max_bytes)
    except Refusal as refusal:
        return Outcome(path, refusal=str(refusal))
    except OSError as error:
        return Outcome(path, refusal=f"This file can't be read: {in_words(error)}.", broken=True)
    while True:
        try:
            return Outcome(path, await checker.check(picture, _ME))
        except Refusal as refusal:
            return Outcome(path, refusal=str(refusal))
        except TryLater as later:
            await asyncio.sleep(later.seconds)
        except Exception as error:
            log.exception("%s could not be judged", path)
            return Outcome(path, refusal=f"A bug in Candid ({bug_id(error)}); please report it.", broken=True)


def _ahead(checks: ChecksSettings) -> ChecksSettings:
    """As many pictures under way as keep the network busy, and no limits: here is nobody to be fair to."""
    return replace(
        checks,
        queue=checks.decode_threads + 2 * checks.batch,
        per_user_burst=_NO_LIMIT,
        per_chat_burst=_NO_LIMIT,
    )


def _with_cache(settings: Settings) -> Settings:
    """Compiled code goes beside the bot's database where there is one, else into the person's cache folder."""
    if settings.model.cache_directory or Path(settings.store.path).parent.is_dir():
        return settings
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return replace(settings, model=replace(settings.model, cache_directory=str(home / "candid" / "compile-cache")))


class _Progress:
    """How far it is, on standard error: one line that changes in a terminal, else a line now and then."""

    def __init__(self, files: int) -> None:
        self._files = files
        self._done = 0
        self._terminal = sys.stderr.isatty()
        self._said = time.monotonic()

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def step(self) -> None:
        self._done += 1
        if self._terminal and self._done < self._files:
            print(f"\r{self._done} of {self._files} ", end="", file=sys.stderr, flush=True)
        elif not self._terminal and time.monotonic() - self._said >= SECONDS_BETWEEN_LINES:
            self._said = time.monotonic()
            self.say(f"{self._done} of {self._files}")

    def clear(self) -> None:
        """Makes room for a line of the output, which may go to the same terminal."""
        if self._terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
