"""From a score and from what the file says to a label, a confidence, and what they rest on."""

from collections.abc import Sequence
from typing import Protocol

from bot import evidence
from bot.verdict import Basis, Finding, Label, Strength

SIGNED_CONFIDENCE = 0.99  # a valid, trusted signature; stated, not measured
DECLARED_CONFIDENCE = 0.5  # at least: an unsigned marker tips the scales of an unsure picture, and no more


class Scored(Protocol):
    """What the pixels say: model.detector.Score, or the same score under other bands."""

    @property
    def label(self) -> str: ...
    @property
    def p_ai(self) -> float: ...
    @property
    def confidence(self) -> float: ...


def decide(score: Scored, findings: Sequence[Finding]) -> tuple[Label, float, Basis]:
    """Label, confidence, and what they rest on.

    A trusted signature that says AI decides; an unsigned marker only tips "unsure", and not against a trusted signature of a
    camera or an editor, for anybody could have written it in; nothing in a file makes "real".
    """
    label = Label(score.label)
    strengths = {finding.strength for finding in findings if evidence.says_ai(finding)}
    if any(finding.kind == evidence.kinds.CREDENTIALS and finding.strength is Strength.SIGNED for finding in findings):
        strengths.discard(Strength.SELF_DECLARED)
    if label is not Label.AI and Strength.SIGNED in strengths:
        return Label.AI, SIGNED_CONFIDENCE, Basis.FILE
    if label is Label.UNSURE and Strength.SELF_DECLARED in strengths:
        return Label.AI, max(score.p_ai, DECLARED_CONFIDENCE), Basis.FILE
    return label, score.confidence, Basis.PIXELS
