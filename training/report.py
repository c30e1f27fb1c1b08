"""All figures of a version on a set of pictures: one dictionary, for JSON, the page, and a part of the card."""

from typing import Any

import numpy as np

from training import metrics
from training.fitting import Verdicts
from training.metrics import Mask, share_of
from training.scores import Scores

PHOTOGRAPHIC = ("photo", "face", "product")
ENOUGH = 40  # pictures of a slice that "worst" may name
FEW = 8  # a smaller slice is not listed
MISTAKES = 25
TIMES = 500  # resamples of a bootstrap


def measure(scores: Scores, verdicts: Verdicts) -> dict[str, Any]:
    kinds = slices(scores, verdicts, scores.kind, 0)
    generators = slices(scores, verdicts, scores.generator, 1)
    return {
        "pictures": len(scores),
        "tiers": {tier: tier_figures(scores, verdicts, place) for place, tier in enumerate(scores.tiers)},
        "flips": flip_figures(scores, verdicts),
        "real_kinds": kinds,
        "ai_kinds": slices(scores, verdicts, scores.kind, 1),
        "generators": generators,
        "sources": {
            "real": slices(scores, verdicts, scores.source, 0),
            "ai": slices(scores, verdicts, scores.source, 1),
        },
        "worst": {
            "false_accusations": worst(kinds, "accused", highest=True),
            "recall": worst(generators, "accused", highest=False),
        },
    }


def tier_figures(scores: Scores, verdicts: Verdicts, tier: int) -> dict[str, Any]:
    known = ~np.isnan(verdicts.p[:, tier])
    reals, ais = known & (scores.label == 0), known & (scores.label == 1)
    answers, p, rank = verdicts.answers[:, tier], verdicts.p[:, tier], verdicts.rank[:, tier]
    photographic = known & np.isin(scores.kind, PHOTOGRAPHIC)
    return {
        "real": int(reals.sum()),
        "ai": int(ais.sum()),
        "auroc": auroc_figures(scores, verdicts, tier, known),
        "balanced_accuracy": metrics.balanced_accuracy(p[known], scores.label[known]),
        "recall_at_1": metrics.recall_at(rank[known], scores.label[known], 0.01),
        "recall_at_5": metrics.recall_at(rank[known], scores.label[known], 0.05),
        "ece": metrics.calibration_error(p[known], scores.label[known]),
        "false_accusations": share_of(answers[reals] == "ai").as_dict(),
        "recall": share_of(answers[ais] == "ai").as_dict(),
        "cleared": share_of(answers[reals] == "real").as_dict(),
        "missed": share_of(answers[ais] == "real").as_dict(),
        "coverage": share_of(answers[known] != "unsure").as_dict(),
        "photo_only": auroc_figures(scores, verdicts, tier, photographic),
        "whole_pictures": auroc_figures(scores, verdicts, tier, known & scores.complete),
        "packed_pictures": auroc_figures(scores, verdicts, tier, known & ~scores.complete),
    }


def auroc_figures(scores: Scores, verdicts: Verdicts, tier: int, chosen: Mask) -> dict[str, Any]:
    """With its interval over sources; None where a label is missing."""
    p, labels = verdicts.rank[chosen, tier], scores.label[chosen]
    value = metrics.auroc(p, labels)
    if np.isnan(value):
        return {"value": None, "low": None, "high": None, "pictures": int(chosen.sum())}
    drawn = metrics.bootstrap(lambda weights: metrics.auroc(p, labels, weights), scores.source[chosen], labels, TIMES)
    low, high = metrics.interval(drawn)
    return {"value": value, "low": low, "high": high, "pictures": int(chosen.sum())}


def flip_figures(scores: Scores, verdicts: Verdicts) -> dict[str, Any]:
    """Between the first tier and each other one: any change of the answer, and changes between ai and real."""
    found = {}
    for place, tier in enumerate(scores.tiers[1:], 1):
        known = ~np.isnan(verdicts.p[:, [0, place]]).any(axis=1)
        any_change, opposite = metrics.flips(verdicts.answers[known, 0], verdicts.answers[known, place])
        found[f"{scores.tiers[0]} to {tier}"] = {"any": any_change.as_dict(), "opposite": opposite.as_dict()}
    return found


def slices(scores: Scores, verdicts: Verdicts, names: metrics.Strings, label: int) -> dict[str, Any]:
    """For each name with at least FEW pictures of the label: by tier, the share called AI, the share called real, and
    AUROC against all pictures of the other label."""
    found: dict[str, Any] = {}
    for name in np.unique(names[scores.label == label]):
        chosen = (scores.label == label) & (names == name)
        if chosen.sum() < FEW or not name:
            continue
        by_tier = {}
        for place, tier in enumerate(scores.tiers):
            known = ~np.isnan(verdicts.p[:, place])
            answers = verdicts.answers[chosen & known, place]
            against = known & (chosen | (scores.label != label))
            by_tier[tier] = {
                "accused": share_of(answers == "ai").as_dict(),
                "cleared": share_of(answers == "real").as_dict(),
                "auroc": finite(metrics.auroc(verdicts.rank[against, place], scores.label[against])),
            }
        found[str(name)] = {"pictures": int(chosen.sum()), "tiers": by_tier}
    return found


def finite(value: float) -> float | None:
    return None if np.isnan(value) else value


def worst(found: dict[str, Any], figure: str, highest: bool) -> dict[str, Any] | None:
    """The slice with at least ENOUGH pictures whose worst tier is worst."""
    entries = [
        {"slice": name, "tier": tier, **figures[figure]}
        for name, entry in found.items()
        if entry["pictures"] >= ENOUGH
        for tier, figures in entry["tiers"].items()
        if figures[figure]["of"]
    ]
    if not entries:
        return None
    return (max if highest else min)(entries, key=lambda entry: entry["value"])


def mistakes(scores: Scores, verdicts: Verdicts) -> dict[str, list[dict[str, Any]]]:
    """The pictures that are most surely wrong, by id only: real ones with the highest p_ai, AI ones with the lowest."""
    mean = np.nanmean(np.where(np.isnan(verdicts.p).all(axis=1, keepdims=True), 0.5, verdicts.p), axis=1)
    found: dict[str, list[dict[str, Any]]] = {}
    for name, label, order in (("accused", 0, -mean), ("missed", 1, mean)):
        rows = np.flatnonzero(scores.label == label)
        rows = rows[np.argsort(order[rows], kind="stable")][:MISTAKES]
        found[name] = [
            {
                "id": str(scores.id[row]),
                "kind": str(scores.kind[row]),
                "generator": str(scores.generator[row]),
                "source": str(scores.source[row]),
                "p_ai": {
                    tier: finite(round(float(verdicts.p[row, place]), 4)) for place, tier in enumerate(scores.tiers)
                },
            }
            for row in rows
        ]
    return found


def curves(scores: Scores, verdicts: Verdicts) -> dict[str, Any]:
    """What the plots are drawn from, by tier: ROC, reliability, and how many pictures of each label have which p_ai."""
    found: dict[str, Any] = {}
    edges = np.linspace(0, 1, 26)
    for place, tier in enumerate(scores.tiers):
        known = ~np.isnan(verdicts.p[:, place])
        p, labels = verdicts.p[known, place], scores.label[known]
        false, true = metrics.roc(verdicts.rank[known, place], labels)
        grid = np.unique(np.concatenate([np.linspace(0, 1, 101), [0.002, 0.005, 0.0075]]))
        found[tier] = {
            "roc": [[float(x), float(true[np.searchsorted(false, x, side="right") - 1])] for x in grid],
            "reliability": metrics.reliability(p, labels),
            "real": np.histogram(p[labels == 0], edges)[0].tolist(),
            "ai": np.histogram(p[labels == 1], edges)[0].tolist(),
        }
    return found
