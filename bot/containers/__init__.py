"""Strict and bounded readers of picture containers.

They find where each block of bytes lies and say nothing about what it means. Whatever does not lie inside a valid
container (bytes after the end, a block longer than the file) does not exist for the rest of Candid. Nothing here
decodes pixels, recurses without a limit, or spends memory that the file has not paid for with its own size.

`still(data)` of each module gives a picture without its metadata, so that the decoders never see the places where
decompression bombs and looping directories live. Intake decodes that; bot.evidence reads the metadata blocks.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field


class Malformed(Exception):
    """The bytes are not a valid container. `truncated` says that they stop too early rather than lie."""

    def __init__(self, text: str, truncated: bool = False) -> None:
        super().__init__(text)
        self.truncated = truncated


class Unsupported(Exception):
    """A valid container with something inside that Candid does not decode.

    `name` is the key of what to call it ([file] in the messages), `number` what stands in that.
    """

    def __init__(self, name: str, number: int = 0) -> None:
        super().__init__(f"{name} {number}")
        self.name, self.number = name, number


@dataclass(frozen=True, slots=True)
class Span:
    """Where one block's payload lies: `data[start:end]`."""

    name: bytes
    start: int
    end: int

    def of(self, data: bytes) -> bytes:
        return data[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Still:
    """One picture ready for its decoder: `stream` is a file of the same format that holds only what makes pixels.

    `coded_pixels` is what the codec will allocate, which can be more than `width * height` when a header lies.
    """

    stream: bytes
    width: int
    height: int
    coded_pixels: int
    animated: bool = False
    orientation: int = 1
    icc: bytes | None = field(default=None, repr=False)


MAX_BLOCKS = 65_536  # far more than any real file has, and few enough to walk in well under a second


def joined(data: bytes, spans: Iterable[Span]) -> bytes:
    return b"".join(data[span.start : span.end] for span in spans)
