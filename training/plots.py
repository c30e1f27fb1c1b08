"""Small plots as inline SVG: lines, histograms of two labels, bars with intervals. Their colours are the page's."""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 360, 300
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 10, 40

Point = tuple[float, float]


def lines(
    series: Mapping[str, Sequence[Point]],
    x_title: str,
    y_title: str,
    x_most: float = 1.0,
    diagonal: bool = False,
    marks: bool = False,
) -> str:
    """Curves over 0..`x_most` by 0..1, with a legend; `marks` draws the points too."""
    parts = [axes(x_title, y_title, x_most)]
    if diagonal:
        parts.append(f'<path class="guide" d="M{x_of(0):.1f} {y_of(0):.1f}L{x_of(1):.1f} {y_of(1):.1f}"/>')
    for number, (name, points) in enumerate(series.items()):
        path = "L".join(f"{x_of(x / x_most):.1f} {y_of(y):.1f}" for x, y in points)
        parts.append(f'<path class="line s{number}" d="M{path}"><title>{escape(name)}</title></path>')
        if marks:
            parts += [
                f'<circle class="dot s{number}" cx="{x_of(x / x_most):.1f}" cy="{y_of(y):.1f}" r="3.2">'
                f"<title>{escape(name)}: said {x:.2f}, was {y:.2f}</title></circle>"
                for x, y in points
            ]
    return picture(WIDTH, HEIGHT, parts, f"{y_title} over {x_title}") + legend(list(series), "s")


def two_histograms(real: Sequence[int], ai: Sequence[int], low: float, high: float, title: str) -> str:
    """How many real and AI pictures have which p_ai; the bands up to `low` and from `high` are shaded."""
    most = max(*real, *ai, 1)
    parts = [
        band("band-real", 0, low),
        band("band-ai", high, 1),
        axes("p_ai", "pictures", y_labels=[(0.0, "0"), (1.0, str(most))]),
    ]
    for name, counts in (("real", real), ("ai", ai)):
        steps = [f"M{x_of(0):.1f} {y_of(0):.1f}"]
        for place, count in enumerate(counts):
            steps.append(f"L{x_of(place / len(counts)):.1f} {y_of(count / most):.1f}")
            steps.append(f"L{x_of((place + 1) / len(counts)):.1f} {y_of(count / most):.1f}")
        parts.append(f'<path class="area {name}" d="{"".join(steps)}L{x_of(1):.1f} {y_of(0):.1f}Z"/>')
    return picture(WIDTH, HEIGHT, parts, title)


def band(css: str, left: float, right: float) -> str:
    width = max(0.0, x_of(right) - x_of(left))
    return f'<rect class="{css}" x="{x_of(left):.1f}" y="{TOP}" width="{width:.1f}" height="{plot_height()}"/>'


def bars(rows: Sequence[tuple[str, str, float, float, float]], most: float, css: str = "") -> str:
    """One line a row: name, what is written behind it, value, low, high; the scale ends at `most`."""
    row_height, name_width, end = 26, 150, 270
    parts = []
    for place, (name, words, value, low, high) in enumerate(rows):
        middle = place * row_height + row_height / 2
        start, width = name_width, (end - name_width) / most

        def at(share: float, start: float = start, width: float = width) -> float:
            return start + width * min(share, most)

        label = f"{escape(shortened(name))}<title>{escape(name)}</title>"
        size = f'width="{max(at(value) - start, 0.8):.1f}" height="14" rx="2"'
        ends = "".join(f"M{at(edge):.1f} {middle - 4}v8" for edge in (low, high))
        parts += [
            f'<text class="name" x="{name_width - 6}" y="{middle + 4}" text-anchor="end">{label}</text>',
            f'<rect class="bar {css}" x="{start}" y="{middle - 7}" {size}/>',
            f'<path class="whisker" d="M{at(low):.1f} {middle}H{at(high):.1f}{ends}"/>',
            f'<text class="value" x="{end + 6}" y="{middle + 4}">{escape(words)}</text>',
        ]
    return picture(WIDTH, max(1, len(rows)) * row_height + 4, parts, "bars with 95 % intervals")


def shortened(name: str, most: int = 22) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def axes(x_title: str, y_title: str, x_most: float = 1.0, y_labels: Sequence[tuple[float, str]] = ()) -> str:
    quarters = (0.0, 0.25, 0.5, 0.75, 1.0)
    parts = []
    for share in quarters:
        parts.append(f'<path class="grid" d="M{x_of(share):.1f} {TOP}V{y_of(0):.1f}"/>')
        parts.append(
            f'<text x="{x_of(share):.1f}" y="{y_of(0) + 15:.1f}" text-anchor="middle">{share * x_most:g}</text>'
        )
    for share, words in y_labels or [(share, f"{share:g}") for share in quarters]:
        parts.append(f'<path class="grid" d="M{x_of(0):.1f} {y_of(share):.1f}H{x_of(1):.1f}"/>')
        parts.append(f'<text x="{x_of(0) - 6:.1f}" y="{y_of(share) + 4:.1f}" text-anchor="end">{escape(words)}</text>')
    middle_x, middle_y = (x_of(0) + x_of(1)) / 2, (y_of(0) + y_of(1)) / 2
    parts.append(f'<text x="{middle_x:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_title)}</text>')
    turn = f"translate(11 {middle_y:.1f}) rotate(-90)"
    parts.append(f'<text transform="{turn}" text-anchor="middle">{escape(y_title)}</text>')
    return "".join(parts)


def legend(names: Sequence[str], css: str) -> str:
    entries = [f'<span><i class="{css}{number}"></i>{escape(name)}</span>' for number, name in enumerate(names)]
    return f'<p class="legend">{"".join(entries)}</p>'


def picture(width: int, height: int, parts: Sequence[str], title: str) -> str:
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'


def plot_height() -> int:
    return HEIGHT - TOP - BOTTOM


def x_of(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def y_of(share: float) -> float:
    return TOP + (1 - share) * plot_height()
