"""What a finding does to the label. p_ai is not among what it can change."""

from dataclasses import replace

import pytest

from bot.decision import DECLARED_CONFIDENCE, SIGNED_CONFIDENCE, decide
from bot.evidence import kinds
from bot.verdict import Basis, Finding, Label, Strength
from model.detector import Score


class TestEvidence:
    SIGNED = Finding(kinds.CREDENTIALS_GENERATED, "Signed: made by AI.", Strength.SIGNED)
    DECLARED = Finding(kinds.PARAMETERS, "Settings of a generator.", Strength.SELF_DECLARED)
    OTHERS = (
        Finding(kinds.CREDENTIALS_EDITED, "Signed: edited with AI.", Strength.SIGNED),
        Finding(kinds.CREDENTIALS, "Signed by a camera.", Strength.SIGNED),
        Finding(kinds.SOURCE_EDITED, "Edited with AI.", Strength.SELF_DECLARED),
        Finding(kinds.CAMERA, "Taken with a camera.", Strength.HINT),
        Finding(kinds.GENERATOR_TAG, "Perhaps a generator's.", Strength.HINT),
    )
    AI = Score(0.9, "ai", 0.9, ())
    UNSURE = Score(0.4, "unsure", 0.6, ())
    REAL = Score(0.1, "real", 0.9, ())

    @pytest.mark.parametrize("score", [UNSURE, REAL])
    def test_a_valid_signature_decides(self, score: Score) -> None:
        assert decide(score, (self.DECLARED, self.SIGNED)) == (Label.AI, SIGNED_CONFIDENCE, Basis.FILE)

    def test_an_unsigned_marker_tips_only_what_is_unsure(self) -> None:
        assert decide(self.UNSURE, (self.DECLARED,)) == (Label.AI, DECLARED_CONFIDENCE, Basis.FILE)
        assert decide(replace(self.UNSURE, p_ai=0.65), (self.DECLARED,)) == (Label.AI, 0.65, Basis.FILE)
        assert decide(self.REAL, (self.DECLARED,)) == (Label.REAL, 0.9, Basis.PIXELS)

    def test_an_unsigned_marker_is_nothing_against_a_cameras_signature(self) -> None:
        camera = Finding(kinds.CREDENTIALS, "Signed by a camera.", Strength.SIGNED)
        assert decide(self.UNSURE, (camera, self.DECLARED)) == (Label.UNSURE, 0.6, Basis.PIXELS)
        untrusted = replace(camera, strength=Strength.HINT)
        assert decide(self.UNSURE, (untrusted, self.DECLARED))[0] is Label.AI
        assert decide(self.UNSURE, (camera, self.SIGNED)) == (Label.AI, SIGNED_CONFIDENCE, Basis.FILE)

    @pytest.mark.parametrize("findings", [(), (SIGNED,), (DECLARED,), OTHERS])
    def test_what_the_pixels_say_already_stays_theirs(self, findings: tuple[Finding, ...]) -> None:
        assert decide(self.AI, findings) == (Label.AI, 0.9, Basis.PIXELS)

    @pytest.mark.parametrize("score", [AI, UNSURE, REAL])
    def test_nothing_else_in_a_file_changes_anything(self, score: Score) -> None:
        assert decide(score, self.OTHERS) == (Label(score.label), score.confidence, Basis.PIXELS)
