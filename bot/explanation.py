"""Why, as a picture: the heat map of a verdict, and below it the bands with the picture's place in them.

It goes one at a time, for it holds the whole decoded picture; chats take turns, as with checks.
"""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from bot.batcher import Batcher, Detector
from bot.intake import decode
from bot.limits import FairTurns
from bot.settings import ChecksSettings
from bot.verdict import Verdict
from bot.wording import DEFAULT, say, score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from model.scale import Legend, Scale
    from model.views import Pixels, Views

LONGEST = 1024  # pixels of the drawing's longer side
CONTENT_TYPE = "image/png"

_WAITING = 32  # who wait for an explanation, their pictures in memory; more are told to come again
_LEGEND = ("explain.speaks_ai", "explain.speaks_real")
_ZONES = ("web.scale_real", "web.scale_unsure", "web.scale_ai")


class Explainer:
    """Draws in the threads of the Checker that it belongs to."""

    def __init__(self, settings: ChecksSettings, batcher: Batcher, decoders: ThreadPoolExecutor) -> None:
        self._settings, self._batcher, self._decoders = settings, batcher, decoders
        self._turns = FairTurns(1, min(_WAITING, settings.queue))

    async def explain(
        self, detector: Detector, data: bytes, verdict: Verdict, chat: str, language: str, bare: bool
    ) -> bytes:
        """A PNG; `bare` is the heat map alone, in the proportions of the picture."""
        loop = asyncio.get_running_loop()
        async with self._turns.turn(chat):
            pixels, views = await loop.run_in_executor(self._decoders, self._prepare, detector, data)
            heat = await self._batcher.between(lambda: detector.explain(pixels, views, LONGEST))
            words = None if bare else drawn_words(verdict, language)
            return await loop.run_in_executor(self._decoders, lambda: _draw(pixels, heat, words))

    def _prepare(self, detector: Detector, data: bytes) -> "tuple[Pixels, Views]":
        pixels = decode(data, self._settings).pixels
        return pixels, detector.views(pixels)


def drawn_words(verdict: Verdict, language: str) -> "tuple[Legend, Scale]":
    """What stands below the heat map. In English when the font lacks a character of the language."""
    from model.scale import Legend, Scale, can_draw

    at = score(verdict)
    legend = Legend(*(say(key, language) for key in _LEGEND))
    first, second, third = (say(key, language) for key in _ZONES)
    scale = Scale(
        p_ai=verdict.p_ai,
        real=verdict.bands.real,
        ai=verdict.bands.ai,
        score=say("web.pin", language, percent=at),
        names=(first, second, third),
    )
    if language != DEFAULT and not can_draw("".join((legend.ai, legend.real, scale.score, *scale.names))):
        return drawn_words(verdict, DEFAULT)
    return legend, scale


def _draw(pixels: "Pixels", heat: "NDArray[np.float32]", words: "tuple[Legend, Scale] | None") -> bytes:
    from model.explain import draw, overlay

    if words is None:
        height, width = pixels.shape[:2]
        fit = min(1.0, LONGEST / max(width, height))
        drawn = overlay(pixels, heat, (max(1, round(width * fit)), max(1, round(height * fit))))
    else:
        drawn = draw(pixels, heat, LONGEST, *words)
    out = io.BytesIO()
    drawn.save(out, "PNG", compress_level=4)
    return out.getvalue()
