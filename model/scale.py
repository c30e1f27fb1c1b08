"""The foot of a heat map: its legend, and a scale from real to AI with the picture's place on it.

The words are handed in. Pillow's own font draws little beyond ASCII, so ask `can_draw` about those of another language.
"""

from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

AI, REAL = (214, 90, 20), (20, 110, 190)  # orange and blue: told apart by colour-blind people too
UNSURE = (110, 106, 96)
INK, PAPER = (32, 30, 26), (255, 255, 255)

_WASH = 0.75  # how far a zone of the scale is from its colour to paper
_LARGEST, _SMALLEST = 22, 9  # sizes of the font

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class Legend:
    """What the two colours mean."""

    ai: str = "speaks for AI"
    real: str = "speaks for a real picture"


@dataclass(frozen=True, slots=True)
class Scale:
    """Where a picture lies: `p_ai`, the edges of the bands, its score in words, the zones' names from real to AI."""

    p_ai: float
    real: float
    ai: float
    score: str
    names: tuple[str, str, str]


def can_draw(text: str) -> bool:
    """Whether Pillow's own font has every character of `text`; a lacking one would be drawn as an empty box."""
    font = ImageFont.load_default(16)
    lacking = _shape(font, "\U0010fffd")
    return all(_shape(font, character) != lacking for character in text)


def foot(width: int, legend: Legend, scale: Scale | None) -> Image.Image:
    """A strip of this width to put below the picture."""
    font = _fitting(width, legend, scale)
    line = round(_size(font) * 1.5)
    height = line * 6 if scale else line * 3 // 2
    strip = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(strip)
    x, middle = line // 2, line * 3 // 4
    for colour, words in ((AI, legend.ai), (REAL, legend.real)):
        draw.rectangle((x, middle - line // 4, x + line // 2, middle + line // 4), fill=colour)
        draw.text((x + line * 3 // 4, middle), words, fill=INK, font=font, anchor="lm")
        x += line * 5 // 4 + int(draw.textlength(words, font))
    if scale:
        _draw_scale(draw, scale, font, (line // 2, line * 2, width - line // 2, line))
    return strip


def _draw_scale(draw: ImageDraw.ImageDraw, scale: Scale, font: Font, place: tuple[int, int, int, int]) -> None:
    """`place` is left, top, right, and the height of a line; the scale is four lines high."""
    left, top, right, line = place
    edges = [round(left + (right - left) * share) for share in (0, scale.real, scale.ai, 1)]
    bar_top, bar_bottom = top + line * 3 // 2, top + line * 9 // 4
    for colour, start, end in zip((REAL, UNSURE, AI), edges, edges[1:], strict=False):
        wash = tuple(round(part + (255 - part) * _WASH) for part in colour)
        draw.rectangle((start, bar_top, max(start, end - 2), bar_bottom), fill=wash, outline=colour)
    at = round(left + (right - left) * scale.p_ai)
    half = line // 3
    draw.polygon(((at - half, bar_top - half - 2), (at + half, bar_top - half - 2), (at, bar_top - 2)), fill=INK)
    draw.line((at, bar_top - 2, at, bar_bottom), fill=INK, width=max(2, line // 10))
    reach = int(draw.textlength(scale.score, font)) // 2 + 1
    draw.text(
        (min(max(at, left + reach), right - reach), top + line // 2), scale.score, fill=INK, font=font, anchor="mm"
    )
    below = bar_bottom + line * 3 // 4
    for x, words, anchor in zip((left, (left + right) // 2, right), scale.names, ("lm", "mm", "rm"), strict=True):
        draw.text((x, below), words, fill=INK, font=font, anchor=anchor)


def _fitting(width: int, legend: Legend, scale: Scale | None) -> Font:
    """The largest font in which everything has its place side by side."""
    names = scale.names if scale else ("", "", "")
    for size in range(min(_LARGEST, max(_SMALLEST, width // 34)), _SMALLEST, -1):
        font = ImageFont.load_default(size)
        colours = font.getlength(legend.ai) + font.getlength(legend.real) + size * 4.5
        # The middle name stands in the middle, so the longer of the outer ones decides.
        outer = max(font.getlength(names[0]), font.getlength(names[2]))
        if max(colours, 2 * outer + font.getlength(names[1]) + size * 3) <= width:
            return font
    return ImageFont.load_default(_SMALLEST)


def _size(font: Font) -> float:
    return font.size if isinstance(font, ImageFont.FreeTypeFont) else _SMALLEST


def _shape(font: Font, character: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)
