"""Which detector answers: loads it at the start, and notices when another one was promoted."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bot.errors import SettingsError
from bot.settings import Settings

if TYPE_CHECKING:
    from model.detector import Detector

log = logging.getLogger(__name__)


class Loader(Protocol):
    """What `model.detector.load` is: loads a version's folder and warms it up. Takes seconds."""

    def __call__(self, directory: Path, views: int, cache: Path | None) -> "Detector": ...


class Champion:
    """Follows `[model] version`. All its methods but `watch` block, and belong in a thread."""

    def __init__(self, settings: Settings, load: Loader | None = None) -> None:
        self._settings = settings.model
        self._store = Path(settings.store.path)
        self._load = load or _load
        self.version = ""  # that was loaded last

    def load(self) -> "Detector":
        """The detector that the settings name. Raises SettingsError with a sentence when there is none that works."""
        try:
            folder = self._folder()
            detector = self._load(folder, self._settings.views, self._cache())
        except (OSError, ValueError) as error:
            raise SettingsError(f"[model] version {self._settings.version}: {error}") from error
        self.version = folder.name
        return detector

    async def watch(self, swap: Callable[["Detector"], None]) -> None:
        """Calls `swap` with each newly promoted detector, loaded and warm; a broken one is said once and left alone."""
        tried, said = self.version, ""
        while True:
            await asyncio.sleep(self._settings.poll_seconds)
            try:
                named = (await asyncio.to_thread(self._folder)).name
                if named not in (self.version, tried):
                    tried = named
                    swap(await asyncio.to_thread(self.load))
                    log.info("Model %s answers from now on", self.version)
                tried = named
                said = ""
            except (OSError, ValueError, SettingsError) as error:
                if str(error) != said:
                    said = str(error)
                    log.error("The new champion can't be loaded, %s stays: %s", self.version, error)
            except Exception:
                log.exception("The new champion can't be loaded, %s stays", self.version)

    def _folder(self) -> Path:
        from model.registry import Registry

        registry = Registry(Path(self._settings.directory)) if self._settings.directory else Registry()
        return registry.path(self._settings.version)

    def _cache(self) -> Path | None:
        """The folder for compiled code, or None when nothing can be written there: then starts are just slower."""
        folder = Path(self._settings.cache_directory or self._store.parent / "compile-cache")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            log.warning("Compiled code is not kept for the next start, %s can't be written: %s", folder, error)
            return None
        return folder


def _load(directory: Path, views: int, cache: Path | None) -> "Detector":
    from model.detector import load

    return load(directory, views, cache)
