"""A report as text for the terminal."""

from collections.abc import Callable
from typing import Any

Figures = dict[str, Any]

ROWS: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("AUROC", lambda t: interval(t["auroc"], 3)),
    ("  photo, face, product only", lambda t: interval(t["photo_only"], 3)),
    ("  whole pictures", lambda t: interval(t["whole_pictures"], 3)),
    ("  packed views", lambda t: interval(t["packed_pictures"], 3)),
    ("balanced accuracy at 0.5", lambda t: f"{t['balanced_accuracy']:.3f}"),
    ("recall at 1 % accused", lambda t: percent(t["recall_at_1"])),
    ("recall at 5 % accused", lambda t: percent(t["recall_at_5"])),
    ("calibration error (ECE)", lambda t: f"{t['ece']:.3f}"),
    ("false accusations", lambda t: interval_percent(t["false_accusations"])),
    ("recall by verdict", lambda t: interval_percent(t["recall"])),
    ("real called real", lambda t: interval_percent(t["cleared"])),
    ("AI called real", lambda t: interval_percent(t["missed"])),
    ("coverage", lambda t: interval_percent(t["coverage"])),
)
WIDTH = 24
LISTED = 12


def print_report(figures: dict[str, Any]) -> None:
    bands = figures["bands"]
    print(f"\n{figures['version']} on {figures['pictures']} pictures ({figures['calibrated']})")
    print(f"likely real up to {bands['real']:.3f}, likely AI from {bands['ai']:.3f}\n")
    tiers = figures["tiers"]
    print(line("", *tiers))
    print(line("pictures, real + AI", *(f"{tier['real']} + {tier['ai']}" for tier in tiers.values())))
    for name, say in ROWS:
        print(line(name, *(say(tier) for tier in tiers.values())))
    for pair, flips in figures["flips"].items():
        changes, opposite = percent(flips["any"]["value"]), percent(flips["opposite"]["value"])
        print(f"answers that change from {pair}: {changes}; between AI and real: {opposite}")
    print_slices("\nreal pictures called AI, by kind", figures["real_kinds"], highest=True)
    print_slices("\nAI pictures called AI, by kind", figures["ai_kinds"], highest=False)
    print_slices("\nAI pictures called AI, by generator, the least found", figures["generators"], highest=False)
    print_slices("\nreal pictures called AI, by source, the most accused", figures["sources"]["real"], highest=True)
    for name, words in (("false_accusations", "worst kind of real picture"), ("recall", "least found generator")):
        if worst := figures["worst"][name]:
            print(f"\n{words}: {worst['slice']} at {worst['tier']}: {interval_percent(worst)} of {worst['of']}", end="")
    print("\n")


def print_slices(title: str, slices: dict[str, Any], highest: bool) -> None:
    def key(name: str) -> float:
        values = [tier["accused"]["value"] for tier in slices[name]["tiers"].values() if tier["accused"]["of"]]
        return (-max(values) if highest else min(values)) if values else 0.0

    names = sorted(slices, key=key)[:LISTED]
    print(title)
    for name in names:
        tiers = slices[name]["tiers"].values()
        shares = [f"{percent(tier['accused']['value'])}  AUROC {number(tier['auroc'])}" for tier in tiers]
        print(line(f"  {name} ({slices[name]['pictures']})", *shares))


def line(name: str, *cells: str) -> str:
    return f"{name[:34]:<34}" + "".join(f"{cell:>{WIDTH}}" for cell in cells)


def number(value: float | None) -> str:
    return "  – " if value is None else f"{value:.2f}"


def percent(value: float) -> str:
    return "–" if value != value else f"{value * 100:.1f} %"


def interval(figure: dict[str, Any], digits: int) -> str:
    if figure["value"] is None:
        return "–"
    return f"{figure['value']:.{digits}f} [{figure['low']:.{digits}f} {figure['high']:.{digits}f}]"


def interval_percent(figure: dict[str, Any]) -> str:
    if not figure["of"]:
        return "–"
    return f"{percent(figure['value'])} [{figure['low'] * 100:.1f} {figure['high'] * 100:.1f}]"
