"""A report as one HTML file with nothing outside it: plots as inline SVG, light and dark, readable on a phone.

No picture is in it; mistakes are named by id.
"""

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

from training.plots import Point, bars, lines, two_histograms
from training.style import STYLE
from training.table import ROWS, number, percent

Figures = dict[str, Any]
LISTED = 15
NEAR = 0.1  # false accusations that the second ROC plot ends at
WORDS = {
    "By tier": "How pictures arrive: as the file is, through a messenger, as a small preview, as a screenshot. "
    "In brackets the 95 % interval; AUROC's is over whole sources.",
    "What finding costs": "AI pictures found against real pictures accused, at every threshold.",
    "Does it mean what it says?": "Of the pictures with this p_ai, how many are AI? On the diagonal, that many.",
    "How sure it is": "Real pictures in blue, AI pictures in orange. Shaded: where the answer is likely real (left) or "
    "likely AI (right).",
    "Real pictures called AI, by kind": "The most accused first.",
    "AI pictures called AI, by kind": "The least found first.",
    "AI pictures called AI, by generator": "The least found first.",
    "Real pictures called AI, by source": "The most accused first.",
    "A rate to choose": "The threshold that keeps an expected rate of false accusations at a tier, and the share of AI "
    "pictures that it still finds, measured on sources that it was not fitted on.",
    "The worst mistakes": "By id, with p_ai at each tier.",
}


def write_page(file: Path, figures: Figures) -> None:
    parts = {
        "By tier": tier_table(figures),
        "What finding costs": cost(figures),
        "Does it mean what it says?": reliability(figures),
        "How sure it is": histograms(figures),
        "Real pictures called AI, by kind": slice_bars(figures["real_kinds"], "real", highest=True),
        "AI pictures called AI, by kind": slice_bars(figures["ai_kinds"], "ai", highest=False),
        "AI pictures called AI, by generator": slice_bars(figures["generators"], "ai", highest=False),
        "Real pictures called AI, by source": slice_bars(figures["sources"]["real"], "real", highest=True),
        "A rate to choose": rate_table(figures),
        "The worst mistakes": mistakes(figures),
    }
    sections = [head(figures), *(section(title, part) for title, part in parts.items() if part)]
    title = escape(f"{figures['version']}: how it does")
    file.write_text(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body><main>{''.join(sections)}</main></body></html>\n",
        encoding="utf-8",
    )


def section(title: str, body: str) -> str:
    words = WORDS.get(title, "")
    return f"<section><h2>{escape(title)}</h2>{f'<p>{escape(words)}</p>' if words else ''}{body}</section>"


def head(figures: Figures) -> str:
    measured, bands = figures["measured_on"], figures["bands"]
    on = f"{figures['pictures']} pictures of {', '.join(measured['data'])}, fold {measured['fold']}"
    facts = (
        f"{on} · {measured['views']} views of {measured['side']} px · likely real up to {bands['real']:.3f}, "
        f"likely AI from {bands['ai']:.3f} · {figures['date']} · weights {figures['sha256'][:12]}"
    )
    boxes = "".join(
        f'<div class="box"><b>{tier["auroc"]["value"]:.3f}</b><span>AUROC {escape(name)}</span>'
        f"<span>{percent(tier['recall']['value'])} found</span>"
        f"<span>{percent(tier['false_accusations']['value'])} accused</span></div>"
        for name, tier in figures["tiers"].items()
    )
    calibrated = escape(figures["calibrated"])
    words = f"<p>{escape(facts)}</p><p>Calibration: {calibrated}.</p>"
    return f'<h1>{escape(figures["version"])}</h1>{words}<div class="boxes">{boxes}</div>'


def tier_table(figures: Figures) -> str:
    tiers = figures["tiers"]
    rows = [["real + AI pictures", *(f"{tier['real']} + {tier['ai']}" for tier in tiers.values())]]
    rows += [[name, *(say(tier) for tier in tiers.values())] for name, say in ROWS]
    first, *others = tiers
    for name, which in ((f"answers that change from {first}", "any"), ("  of them between AI and real", "opposite")):
        rows.append([name, "", *(percent(figures["flips"][f"{first} to {tier}"][which]["value"]) for tier in others)])
    return table(["", *tiers], rows)


def table(header: list[str], rows: list[list[str]]) -> str:
    cells = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join(
        f'<tr><th scope="row"{indent(row[0])}>{escape(row[0].strip())}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>'


def indent(name: str) -> str:
    return ' class="sub"' if name.startswith("  ") else ""


def cost(figures: Figures) -> str:
    whole: dict[str, list[Point]] = {
        tier: [(x, y) for x, y in curve["roc"]] for tier, curve in figures["curves"].items()
    }
    near = {tier: [(x, y) for x, y in points if x <= NEAR] for tier, points in whole.items()}
    return figure_row(
        lines(whole, "real pictures accused", "AI pictures found", diagonal=True),
        lines(near, "real pictures accused", "AI pictures found", x_most=NEAR),
    )


def reliability(figures: Figures) -> str:
    series: dict[str, list[Point]] = {
        tier: [(said, was) for said, was, size in curve["reliability"] if size >= 5]
        for tier, curve in figures["curves"].items()
    }
    return figure_row(lines(series, "p_ai", "share that is AI", diagonal=True, marks=True))


def histograms(figures: Figures) -> str:
    bands = figures["bands"]
    plots = []
    for tier, curve in figures["curves"].items():
        drawn = two_histograms(curve["real"], curve["ai"], bands["real"], bands["ai"], f"p_ai at the {tier} tier")
        plots.append(f"<figure><figcaption>{escape(tier)}</figcaption>{drawn}</figure>")
    return f'<div class="row">{"".join(plots)}</div>'


def figure_row(*plots: str) -> str:
    return f'<div class="row">{"".join(f"<figure>{plot}</figure>" for plot in plots)}</div>'


def slice_bars(slices: Figures, css: str, highest: bool) -> str:
    """A plot for each tier, all in one order: by the worst tier."""
    if not slices:
        return "<p>No slice has enough pictures.</p>"

    def value(figure: Figures) -> float:
        return float(figure["accused"]["value"]) if figure["accused"]["of"] else 0.0

    def worst_first(name: str) -> float:
        values = [value(tier) for tier in slices[name]["tiers"].values()]
        return -max(values) if highest else min(values)

    names = sorted(slices, key=worst_first)[:LISTED]
    most = 1.0
    if highest:
        tops = [
            tier["accused"]["high"]
            for name in names
            for tier in slices[name]["tiers"].values()
            if tier["accused"]["of"]
        ]
        most = max([0.1, *tops])
    plots = []
    for tier in next(iter(slices.values()))["tiers"]:
        rows = []
        for name in names:
            figure = slices[name]["tiers"][tier]["accused"]
            if figure["of"]:
                words = f"{percent(figure['value'])} of {figure['of']}"
                rows.append((name, words, figure["value"], figure["low"], figure["high"]))
        plots.append(f"<figure><figcaption>{escape(tier)}</figcaption>{bars(rows, most, css)}</figure>")
    return f'<div class="row">{"".join(plots)}</div>'


def rate_table(figures: Figures) -> str:
    rows = []
    for tier, entries in figures.get("curve", {}).items():
        for entry in entries:
            rate = f"1 in {1 / entry['rate']:.0f}"
            rows.append(
                [
                    f"{tier}, {rate}",
                    f"{entry['threshold']:.4f}",
                    percent(entry["recall"]),
                    percent(entry["false_accusations"]),
                ]
            )
    return table(["tier, expected rate", "p_ai from", "AI found", "real accused, measured"], rows) if rows else ""


def mistakes(figures: Figures) -> str:
    words: dict[str, Callable[[Figures], str]] = {
        "accused": lambda entry: str(entry["kind"]),
        "missed": lambda entry: str(entry["generator"] or entry["kind"]),
    }
    parts = []
    for name, title in (
        ("accused", "Real pictures that look AI-made to it"),
        ("missed", "AI pictures that look real to it"),
    ):
        rows = [
            [entry["id"], words[name](entry), entry["source"], " ".join(number(p) for p in entry["p_ai"].values())]
            for entry in figures["mistakes"][name]
        ]
        parts.append(f"<details><summary>{title}</summary>{table(['id', 'what', 'source', 'p_ai'], rows)}</details>")
    return "".join(parts)
