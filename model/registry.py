"""Versions of the detector on disk: a folder each, and one small file that names the champion and those before it."""

import json
import os
import shutil
from pathlib import Path

VERSIONS = Path(__file__).with_name("versions")
POINTER = "champion.json"


class Registry:
    """`directory` holds `<version>/weights.npz`, `<version>/card.json` and champion.json: {"history": [oldest, ..., champion]}.

    Every change replaces champion.json in one step, so a bot that watches it never reads half of it.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or VERSIONS

    def versions(self) -> list[str]:
        return sorted(card.parent.name for card in self.directory.glob("*/card.json"))

    def history(self) -> list[str]:
        """Champions in order, the present one last.

        Raises FileNotFoundError with a sentence when none was promoted, ValueError with one when the file is broken.
        """
        file = self.directory / POINTER
        if not file.is_file():
            raise FileNotFoundError(
                f"{self.directory} names no champion: promote a version with python -m training.promote."
            )
        try:
            history: list[str] = json.loads(file.read_text(encoding="utf-8"))["history"]
            if not (history and all(isinstance(name, str) for name in history)):
                raise ValueError("it names no version")
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{file} is broken ({error}): copy it again, or promote a version anew once it is deleted."
            ) from error
        return history

    def champion(self) -> str:
        return self.history()[-1]

    def path(self, version: str) -> Path:
        """The folder of a version, "champion" for the present one. Raises FileNotFoundError with a sentence for an unknown one."""
        folder = self.directory / (self.champion() if version == "champion" else version)
        if not (folder / "card.json").is_file():
            raise FileNotFoundError(
                f"There is no version {version!r} in {self.directory}; there are: {', '.join(self.versions())}."
            )
        return folder

    def add(self, folder: Path) -> str:
        """Copy a version's folder in, under its own name; one that is there already is replaced."""
        if folder.resolve() != (self.directory / folder.name).resolve():
            partial = self.directory / f".{folder.name}.part"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            for name in ("weights.npz", "card.json"):
                shutil.copy2(folder / name, partial / name)
            shutil.rmtree(self.directory / folder.name, ignore_errors=True)
            partial.rename(self.directory / folder.name)
        return folder.name

    def promote(self, version: str) -> None:
        self.path(version)
        before = self.history() if (self.directory / POINTER).is_file() else []
        self._write([*(name for name in before if name != version), version])

    def roll_back(self) -> str:
        """Make the champion before this one the champion again; returns its name. Raises ValueError when there was none."""
        history = self.history()
        if len(history) < 2:
            raise ValueError(f"{history[-1]} is the first champion: there is nothing to roll back to.")
        self._write(history[:-1])
        return history[-2]

    def _write(self, history: list[str]) -> None:
        partial = self.directory / f"{POINTER}.{os.getpid()}.part"
        partial.write_text(json.dumps({"history": history}, indent=1) + "\n", encoding="utf-8")
        partial.replace(self.directory / POINTER)
