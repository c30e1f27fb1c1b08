"""What Candid says about one picture: a value that every adapter words in its own way."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Label(StrEnum):
    AI = "ai"
    REAL = "real"
    UNSURE = "unsure"


class Arrival(StrEnum):
    """How the bytes reached Candid: as the author's file, recompressed by a platform, or as a small preview."""

    ORIGINAL = "original"
    RECOMPRESSED = "recompressed"
    PREVIEW = "preview"


class Strength(StrEnum):
    """How much a finding in the file is worth: a valid signature, an unsigned marker, or a hint."""

    SIGNED = "signed"
    SELF_DECLARED = "self-declared"
    HINT = "hint"


class Basis(StrEnum):
    """What decided the label: what the network sees in the pixels, or what the file itself says."""

    PIXELS = "pixels"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Phrase:
    """A sentence by its key in the messages and the values in it, so that it can be said in any language."""

    key: str
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the file itself says: in English, and as the phrases that bot.wording says in other languages."""

    kind: str
    says: str
    strength: Strength
    phrases: tuple[Phrase, ...] = ()


VIEW_KINDS = ("composition", "overview", "native")  # in the order in which people are told of them


@dataclass(frozen=True, slots=True)
class ViewScore:
    """One view that the network saw: `box` is left, top, right, bottom in pixels of the upright picture."""

    kind: str
    box: tuple[int, int, int, int]
    p_ai: float


@dataclass(frozen=True, slots=True)
class Bands:
    """The published thresholds on p_ai: at or below `real` is "likely real", at or above `ai` is "likely AI"."""

    real: float
    ai: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one picture.

    `confidence` is the calibrated probability of the label (for UNSURE: of the likelier side), `p_ai` that of AI; 0..1.
    `milliseconds` is the time from bytes to verdict without waiting in queues. `notes` are stable words for what was
    done to the picture on the way in ("first-frame", ...). `sha256` is of the bytes that were judged.
    """

    label: Label
    confidence: float
    p_ai: float
    model: str
    bands: Bands
    sha256: str
    arrival: Arrival
    milliseconds: int
    width: int
    height: int
    views: tuple[ViewScore, ...] = ()
    evidence: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    basis: Basis = Basis.PIXELS


def to_json(verdict: Verdict) -> dict[str, Any]:
    """Bare JSON types; `from_json` makes the same Verdict of them again."""
    return asdict(verdict)


def from_json(row: dict[str, Any]) -> Verdict:
    return Verdict(**{
        **row,
        "label": Label(row["label"]),
        "arrival": Arrival(row["arrival"]),
        "basis": Basis(row["basis"]),
        "bands": Bands(**row["bands"]),
        "views": tuple(ViewScore(view["kind"], tuple(view["box"]), view["p_ai"]) for view in row["views"]),
        "evidence": tuple(_finding(one) for one in row["evidence"]),
        "notes": tuple(row["notes"]),
    })  # fmt: skip


def _finding(row: dict[str, Any]) -> Finding:
    phrases = (
        Phrase(one["key"], tuple((name, text) for name, text in one["values"])) for one in row.get("phrases", ())
    )
    return Finding(row["kind"], row["says"], Strength(row["strength"]), tuple(phrases))
