"""Content Credentials: what is read without the extra, what its verification adds, and what is believed when."""

import base64
from collections.abc import Callable, Iterator

import pytest

from bot import evidence
from bot.evidence import kinds, manifest, verification
from bot.verdict import Finding, Strength
from tests.evidence import pictures as make

CREATED = {"action": "c2pa.created", "digitalSourceType": make.SOURCE + "trainedAlgorithmicMedia"}
CAPTURED = {"action": "c2pa.created", "digitalSourceType": make.SOURCE + "digitalCapture"}
FILLED = {"action": "c2pa.edited", "digitalSourceType": make.SOURCE + "compositeWithTrainedAlgorithmicMedia"}
CROPPED = {"action": "c2pa.cropped"}

needs_extra = pytest.mark.skipif(not verification.available(), reason="needs the extra c2pa")


def only(data: bytes) -> Finding:
    findings = evidence.read(data)
    assert len(findings) == 1, findings
    return findings[0]


@pytest.fixture
def without_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "_library", lambda: None)


@pytest.mark.usefixtures("without_extra")
class TestUnverified:
    """Without the extra the presence is named, and the strength is never `signed`."""

    @pytest.mark.parametrize("kind", ["PNG", "JPEG"])
    @pytest.mark.parametrize(
        ("actions", "expected", "strength"),
        [
            ([CREATED], kinds.CREDENTIALS_GENERATED, Strength.SELF_DECLARED),
            ([CREATED, CROPPED], kinds.CREDENTIALS_GENERATED, Strength.SELF_DECLARED),
            ([CAPTURED, FILLED], kinds.CREDENTIALS_EDITED, Strength.SELF_DECLARED),
            ([FILLED], kinds.CREDENTIALS_EDITED, Strength.SELF_DECLARED),
            ([CAPTURED], kinds.CREDENTIALS, Strength.HINT),
            ([CROPPED], kinds.CREDENTIALS, Strength.HINT),
            ([], kinds.CREDENTIALS, Strength.HINT),
        ],
    )
    def test_what_they_say(
        self, kind: str, actions: list[dict[str, object]], expected: str, strength: Strength
    ) -> None:
        finding = only(make.with_credentials(make.manifest("urn:c2pa:1", actions), kind=kind))
        assert (finding.kind, finding.strength) == (expected, strength)
        assert "Some Tool" in finding.says
        assert "did not verify" in finding.says
        assert evidence.says_ai(finding) == (expected == kinds.CREDENTIALS_GENERATED)

    def test_the_parents_story_counts(self) -> None:
        first = make.manifest("urn:c2pa:1", [CREATED], "A Model")
        parent = {"relationship": "parentOf", "activeManifest": {"url": "self#jumbf=/c2pa/urn:c2pa:1"}}
        finding = only(make.with_credentials(first, make.manifest("urn:c2pa:2", [CROPPED], **parent)))
        assert finding.kind == kinds.CREDENTIALS_GENERATED
        assert "A Model" in finding.says

    def test_a_wrapper_that_did_nothing_is_what_it_wraps(self) -> None:
        first = make.manifest("urn:c2pa:1", [CREATED], "A Model")
        part = {"relationship": "componentOf", "activeManifest": {"url": "self#jumbf=/c2pa/urn:c2pa:1"}}
        finding = only(make.with_credentials(first, make.manifest("urn:c2pa:2", [], "A Chat", **part)))
        assert finding.kind == kinds.CREDENTIALS_GENERATED
        assert "A Chat, A Model" in finding.says

    def test_a_generated_part_is_an_edit(self) -> None:
        first = make.manifest("urn:c2pa:1", [CREATED])
        part = {"relationship": "componentOf", "activeManifest": {"url": "self#jumbf=/c2pa/urn:c2pa:1"}}
        finding = only(make.with_credentials(first, make.manifest("urn:c2pa:2", [CAPTURED], **part)))
        assert finding.kind == kinds.CREDENTIALS_EDITED

    def test_what_went_in_is_no_origin(self) -> None:
        first = make.manifest("urn:c2pa:1", [CREATED])
        source = {"relationship": "inputTo", "activeManifest": {"url": "self#jumbf=/c2pa/urn:c2pa:1"}}
        finding = only(make.with_credentials(first, make.manifest("urn:c2pa:2", [CAPTURED], **source)))
        assert finding.kind == kinds.CREDENTIALS

    def test_parents_in_a_circle(self) -> None:
        parent = {"relationship": "parentOf", "activeManifest": {"url": "self#jumbf=/c2pa/urn:c2pa:1"}}
        finding = only(make.with_credentials(make.manifest("urn:c2pa:1", [CROPPED], **parent)))
        assert finding.kind == kinds.CREDENTIALS


def test_only_exact_terms_are_source_types() -> None:
    assert manifest.source_type(make.SOURCE + "trainedAlgorithmicMedia") == manifest.GENERATED
    for value in (
        "nottrainedAlgorithmicMedia",
        "trainedAlgorithmicMedia2",
        "http://evil/trainedAlgorithmicMedia",
        7,
        None,
    ):
        assert manifest.source_type(value) == ""


@pytest.fixture(scope="module")
def authority() -> Iterator[object]:
    pytest.importorskip("c2pa")
    from tests.evidence.signing import Authority

    yield Authority()


@needs_extra
class TestVerified:
    """Signed by our own authority, which is on no list until a test puts it there."""

    @pytest.fixture
    def signed(self, authority: object) -> Callable[..., bytes]:
        def sign(*actions: dict[str, object], kind: str = "JPEG") -> bytes:
            return authority.sign(make.saved(kind), f"image/{kind.lower()}", list(actions))  # type: ignore[attr-defined]

        return sign

    @pytest.fixture
    def trusted(self, authority: object, monkeypatch: pytest.MonkeyPatch) -> Callable[[verification.Trust], None]:
        def trust(which: verification.Trust) -> None:
            lists = [
                one | {"trust_anchors": one["trust_anchors"] + authority.root}  # type: ignore[attr-defined]
                if (one["trust_uri"], one["trust_kind"]) == (which.value, "manifest")
                else one
                for one in verification._anchors()
            ]
            monkeypatch.setattr(verification, "_anchors", lambda: lists)

        return trust

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
    def test_a_signer_on_no_list_is_said_to_be_so(self, signed: Callable[..., bytes], kind: str) -> None:
        finding = only(signed(CREATED, kind=kind))
        assert (finding.kind, finding.strength) == (kinds.CREDENTIALS_GENERATED, Strength.SELF_DECLARED)
        assert "Test Camera" in finding.says
        assert "can't trace its signer" in finding.says

    @pytest.mark.parametrize(
        ("trust", "words"),
        [(verification.Trust.C2PA, "C2PA trust list"), (verification.Trust.INTERIM, "interim trust list")],
    )
    def test_a_signer_on_a_list(
        self,
        signed: Callable[..., bytes],
        trusted: Callable[[verification.Trust], None],
        trust: verification.Trust,
        words: str,
    ) -> None:
        trusted(trust)
        finding = only(signed(CREATED))
        assert (finding.kind, finding.strength) == (kinds.CREDENTIALS_GENERATED, Strength.SIGNED)
        assert words in finding.says
        assert evidence.says_ai(finding)

    def test_a_single_signer_on_the_interim_list(
        self, signed: Callable[..., bytes], authority: object, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        line = base64.b64encode(authority.leaf_hash).decode() + "\n"  # type: ignore[attr-defined]
        lists = [
            one | {"allowed_list": one["allowed_list"] + line} if "allowed_list" in one else one
            for one in verification._anchors()
        ]
        monkeypatch.setattr(verification, "_anchors", lambda: lists)
        finding = only(signed(CREATED))
        assert finding.strength is Strength.SIGNED
        assert "interim trust list" in finding.says

    @pytest.mark.parametrize(
        ("actions", "kind"), [([CAPTURED], kinds.CREDENTIALS), ([CAPTURED, FILLED], kinds.CREDENTIALS_EDITED)]
    )
    def test_signed_but_not_generated(
        self,
        signed: Callable[..., bytes],
        trusted: Callable[[verification.Trust], None],
        actions: list[dict[str, object]],
        kind: str,
    ) -> None:
        """A camera or an editor is shown as signed and never as AI."""
        trusted(verification.Trust.C2PA)
        finding = only(signed(*actions))
        assert (finding.kind, finding.strength) == (kind, Strength.SIGNED)
        assert not evidence.says_ai(finding)

    def test_a_trusted_parent_is_vouched_for(
        self, signed: Callable[..., bytes], authority: object, trusted: Callable[[verification.Trust], None]
    ) -> None:
        trusted(verification.Trust.C2PA)
        opened = [{"action": "c2pa.opened"}, CROPPED]
        data = authority.sign(make.saved("JPEG"), "image/jpeg", opened, parent=signed(CREATED))  # type: ignore[attr-defined]
        finding = only(data)
        assert (finding.kind, finding.strength) == (kinds.CREDENTIALS_GENERATED, Strength.SIGNED)

    def test_a_trusted_editor_does_not_vouch_for_what_it_opened(
        self, authority: object, trusted: Callable[[verification.Trust], None]
    ) -> None:
        """A stranger's own certificate says "generated", then a known editor saves the picture."""
        from tests.evidence.signing import Authority

        forged = Authority("Stranger").sign(make.saved("JPEG"), "image/jpeg", [CREATED])
        trusted(verification.Trust.C2PA)
        opened = [{"action": "c2pa.opened"}, CROPPED]
        data = authority.sign(make.saved("JPEG"), "image/jpeg", opened, parent=forged)  # type: ignore[attr-defined]
        first, second = evidence.read(data)
        assert (first.kind, first.strength) == (kinds.CREDENTIALS, Strength.SIGNED)
        assert (second.kind, second.strength) == (kinds.CREDENTIALS_GENERATED, Strength.SELF_DECLARED)
        assert "earlier version" in second.says

    @pytest.mark.parametrize("trust", [None, verification.Trust.C2PA])
    def test_changed_pixels_break_them(
        self,
        signed: Callable[..., bytes],
        trusted: Callable[[verification.Trust], None],
        trust: verification.Trust | None,
    ) -> None:
        if trust:
            trusted(trust)
        data = bytearray(signed(CREATED))
        data[-20] ^= 4
        finding = only(bytes(data))
        assert (finding.kind, finding.strength) == (kinds.CREDENTIALS_BROKEN, Strength.HINT)
        assert not evidence.says_ai(finding)

    def test_changed_words_break_them(self, signed: Callable[..., bytes]) -> None:
        """The claim of a camera turned into that of a model, at equal length."""
        data = signed(CAPTURED | {"digitalSourceType": make.SOURCE + "x" * len("trainedAlgorithmicMedia")})
        forged = data.replace(b"x" * len("trainedAlgorithmicMedia"), b"trainedAlgorithmicMedia")
        assert forged != data
        assert only(forged).kind == kinds.CREDENTIALS_BROKEN

    def test_faults_of_form_leave_the_signature_whole(self, signed: Callable[..., bytes]) -> None:
        """Tools of earlier years did not begin with "created" or "opened", as today's standard wants."""
        finding = only(signed({"action": "c2pa.edited", "digitalSourceType": CREATED["digitalSourceType"]}))
        assert (finding.kind, finding.strength) == (kinds.CREDENTIALS_EDITED, Strength.SELF_DECLARED)

    def test_unsigned_credentials_are_broken(self) -> None:
        """A hand-made box without a signature: with the extra it is seen through, at the latest by its reader."""
        findings = evidence.read(make.with_credentials(make.manifest("urn:c2pa:1", [CREATED])))
        assert not any(finding.strength is Strength.SIGNED for finding in findings)


def test_the_shipped_lists_are_whole() -> None:
    lists = verification._anchors()
    assert {one["trust_uri"] for one in lists} == set(verification.Trust)
    for one in lists:
        assert one["trust_anchors"].count("BEGIN CERTIFICATE") >= 10
        assert "1.3.6.1.4.1.62558.2.1" in one["trust_config"]
        assert all(len(base64.b64decode(line)) == 32 for line in one.get("allowed_list", "").split())
