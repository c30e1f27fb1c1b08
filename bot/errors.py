"""The exceptions of Candid.

CandidError
├── Refusal        this picture can't be judged; its sentence is shown to the person as it is
├── TryLater       not now; carries how many seconds to wait
├── SettingsError  config.toml or the environment is wrong; names the key, what was found, what is accepted
└── GiveUp         this adapter can't go on (a revoked token, say); the rest of the bot runs on

Every other exception is a bug: it is logged with an id, and the person is told that id and nothing else.
"""

import errno
from collections.abc import Mapping

_TROUBLES = {
    errno.ENOENT: "there is no such file or folder",
    errno.EACCES: "I am not permitted to",
    errno.EPERM: "I am not permitted to",
    errno.EISDIR: "it is a folder",
    errno.ENOTDIR: "a part of its path is a file, not a folder",
    errno.EEXIST: "a file stands where a folder should be",
    errno.ELOOP: "its links lead in a circle",
    errno.ENOSPC: "the disk is full",
    errno.EROFS: "it lies on a read-only disk",
    errno.ENAMETOOLONG: "its name is too long",
}


class CandidError(Exception):
    """Base of everything that Candid raises on purpose. `str(error)` is one sentence for a person."""


class Refusal(CandidError):
    """The picture can't be judged, or something else that a person wants can't be done.

    `reason` is a stable word for metrics and tests; the text says what to do. Where the person's language is not known
    yet, `key` and `values` name the sentence: `bot.wording.refused` says it in any language.
    """

    def __init__(self, reason: str, text: str, key: str = "", values: Mapping[str, object] | None = None) -> None:
        super().__init__(text)
        self.reason = reason
        self.key = key
        self.values = dict(values or {})


class TryLater(CandidError):
    """A limit or a full queue. `seconds` is when another try makes sense; `key` names the sentence, as in a Refusal."""

    def __init__(self, seconds: float, text: str | None = None, key: str = "") -> None:
        wait = max(1, round(seconds))
        super().__init__(text or f"That is a lot of pictures at once. Please try again in {wait} seconds.")
        self.seconds = float(wait)
        self.key = key


class SettingsError(CandidError):
    """A setting is unknown, ill-typed or out of range."""


class GiveUp(CandidError):
    """Raised by an adapter that can't work until a person changes something; the supervisor stops it with this line."""


def in_words(error: OSError | UnicodeError) -> str:
    """Why a file can't be used, as a part of a sentence for whoever named it."""
    if isinstance(error, UnicodeError):
        return "it is not text in UTF-8"
    return _TROUBLES.get(error.errno or 0) or error.strerror or str(error)
