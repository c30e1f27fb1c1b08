"""Real files of generators, which are not part of the repository: each must be named right."""

from pathlib import Path

import pytest

from bot import evidence
from bot.evidence import kinds, verification
from bot.verdict import Strength

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "evidence"
if not FOLDER.is_dir():
    FOLDER = Path(__file__).parents[3] / "shared" / "data" / "evidence"

# What must be found, and words that its sentence must have.
EXPECTED = {
    "a1111-1.png": (kinds.PARAMETERS, ("stable-diffusion.cpp", "anima-preview", "a lovely cat")),
    "a1111-2.png": (kinds.PARAMETERS, ("SD.Next", "Anima", "masterpiece")),
    "comfyui-1.png": (kinds.PARAMETERS, ("ComfyUI", "V07_v07.safetensors", "holding book")),
    "comfyui-2.png": (kinds.PARAMETERS, ("ComfyUI", "V07_v07.safetensors", "holding book")),
    "invokeai-1.png": (kinds.PARAMETERS, ("InvokeAI", "stable-diffusion-1.4", "fire")),
    "invokeai-2.png": (kinds.PARAMETERS, ("InvokeAI", "stable-diffusion-1.4", "fire")),
    "content-credentials-jpeg-1.jpeg": (kinds.CREDENTIALS_GENERATED, ("Google",)),
    "content-credentials-jpeg-2.jpeg": (kinds.CREDENTIALS_GENERATED, ("Google",)),
    "content-credentials-png-1.png": (kinds.CREDENTIALS_GENERATED, ("OpenAI", "gpt-image")),
    "content-credentials-png-2.png": (kinds.CREDENTIALS_GENERATED, ("Google",)),
    "midjourney-iptc-1.jpeg": (kinds.GENERATOR_TAG, ("Midjourney", "silhouette of the Space Shuttle")),
    "midjourney-iptc-2.jpeg": (kinds.GENERATOR_TAG, ("Midjourney", "Minimalist architectural photography")),
}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder of real files is not here")


@pytest.mark.parametrize("name", EXPECTED)
def test_named_right(name: str) -> None:
    findings = evidence.read((FOLDER / name).read_bytes())
    kind, words = EXPECTED[name]
    finding = next(finding for finding in findings if finding.kind == kind)
    assert all(word in finding.says for word in words), finding.says
    assert evidence.says_ai(finding)


@pytest.mark.parametrize("name", [name for name in EXPECTED if name.startswith("content")])
def test_real_signatures_are_verified_against_the_published_list(name: str) -> None:
    finding = evidence.read((FOLDER / name).read_bytes())[0]
    if verification.available():
        assert finding.strength is Strength.SIGNED
        assert "on the C2PA trust list" in finding.says
    else:
        assert finding.strength is Strength.SELF_DECLARED
        assert "did not verify" in finding.says


@pytest.mark.parametrize("name", ["content-credentials-jpeg-1.jpeg", "content-credentials-png-2.png"])
def test_edited_is_told_apart_from_generated(name: str) -> None:
    """Google's files say both: the picture came from a model, and IPTC's field calls it edited."""
    findings = evidence.read((FOLDER / name).read_bytes())
    edited = [finding for finding in findings if finding.kind == kinds.SOURCE_EDITED]
    assert len(edited) == 1
    assert not evidence.says_ai(edited[0])
    assert evidence.says_edited(edited[0])


def test_credentials_moved_to_another_picture_count_for_nothing() -> None:
    if not verification.available():
        pytest.skip("needs the extra c2pa")
    data = bytearray((FOLDER / "content-credentials-jpeg-1.jpeg").read_bytes())
    data[-200] ^= 1
    findings = evidence.read(bytes(data))
    assert [finding.strength for finding in findings if finding.kind == kinds.CREDENTIALS_BROKEN] == [Strength.HINT]
    assert not any(finding.kind == kinds.CREDENTIALS_GENERATED for finding in findings)
