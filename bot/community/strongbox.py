"""Pictures in a folder that the host names: called by their hash, readable by their owner only, encrypted with a key.

Everything here blocks, and belongs in a thread. Whoever holds REVIEW_KEY and the folder can read the pictures; with
the folder alone nobody can, and a changed file is noticed. Without a key, the folder's permissions are all there is.
"""

import base64
import hashlib
import importlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from bot.errors import SettingsError
from bot.secret import Secret
from bot.settings import ReviewSettings

ENCRYPTED = ".fernet"
_PARTIAL = ".part"
_SALT = b"candid review"  # one key opens one folder: there is nothing that a salt of its own would tell apart


class Unreadable(Exception):
    """The file is encrypted with another key, or damaged."""


class Strongbox:
    """`put`, `get` and `remove` by the picture's SHA-256. Raises SettingsError for a key that can't be used here."""

    def __init__(self, folder: Path, key: Secret) -> None:
        self.folder = folder
        self._cipher = _cipher(key) if key else None

    @classmethod
    def of(cls, settings: ReviewSettings) -> Self | None:
        """The one that the host has named, if any."""
        return cls(Path(settings.directory), settings.key) if settings.directory else None

    @property
    def encrypted(self) -> bool:
        """Whether what is put in is encrypted."""
        return self._cipher is not None

    def put(self, sha256: str, data: bytes) -> None:
        """Keep the bytes; whole or not at all."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = self.folder / (sha256 + ENCRYPTED if self._cipher else sha256)
        partial = target.with_name(f"{target.name}.{uuid4().hex}{_PARTIAL}")  # two may put the same picture at once
        try:
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(self._cipher.encrypt(data) if self._cipher else data)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    def get(self, sha256: str) -> bytes:
        """The bytes as they came. Raises FileNotFoundError, and Unreadable."""
        locked = self.folder / (sha256 + ENCRYPTED)
        if locked.is_file():
            data = self._decrypted(locked.read_bytes())
        else:
            data = (self.folder / sha256).read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise Unreadable(f"{sha256}: the file was changed")
        return data

    def remove(self, sha256: str) -> None:
        """Delete it, if it is there."""
        for name in (sha256, sha256 + ENCRYPTED):
            (self.folder / name).unlink(missing_ok=True)

    def left(self, older: float) -> Iterator[str]:
        """Hashes of what has lain there for `older` seconds, also of what was never finished."""
        if not self.folder.is_dir():
            return
        before = time.time() - older
        for file in list(self.folder.iterdir()):
            sha256 = file.name.partition(".")[0]
            if len(sha256) == 64 and file.is_file() and file.stat().st_mtime < before:
                if file.suffix == _PARTIAL:
                    file.unlink(missing_ok=True)
                else:
                    yield sha256

    def _decrypted(self, data: bytes) -> bytes:
        if self._cipher is None:
            raise Unreadable("REVIEW_KEY is not set")
        try:
            plain: bytes = self._cipher.decrypt(data)
        except Exception as error:  # InvalidToken, of a package that may be missing
            raise Unreadable("another REVIEW_KEY encrypted it, or it was changed") from error
        return plain


def available() -> bool:
    """Whether pictures can be encrypted here."""
    return _library() is not None


def _library() -> Any:
    try:
        return importlib.import_module("cryptography.fernet")
    except ImportError:
        return None


def _cipher(key: Secret) -> Any:
    """Fernet (AES-128-CBC and HMAC-SHA256) under a key that is derived from the secret, whatever its length."""
    library = _library()
    if library is None:
        raise SettingsError(
            'REVIEW_KEY is set, but I can\'t encrypt: install Candid with the extra "review", or leave the key out.'
        )
    derived = hashlib.scrypt(key.reveal().encode(), salt=_SALT, n=2**14, r=8, p=1, dklen=32)
    return library.Fernet(base64.urlsafe_b64encode(derived))
