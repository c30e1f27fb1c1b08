"""What the codes in the verifying library's report mean."""

from typing import Any

import pytest

from bot.evidence.report import judge


def report(*failures: str) -> dict[str, Any]:
    success = ["claimSignature.validated", "assertion.dataHash.match", "signingCredential.trusted"]
    codes = {
        "success": [{"code": code} for code in success],
        "failure": [{"code": code} for code in failures],
    }
    return {
        "active_manifest": "urn:c2pa:1",
        "manifests": {"urn:c2pa:1": {"signature_info": {"common_name": "A Camera"}}},
        "validation_results": {"activeManifest": codes},
    }


@pytest.mark.parametrize(
    ("code", "whole"),
    [
        ("cawg.x509.credential.untrusted", True),
        ("cawg.ica.did_unavailable", True),
        ("cawg.identity.cbor.invalid", True),
        ("assertion.hashedURI.mismatch", False),
        ("assertion.dataHash.mismatch", False),
        ("assertion.cawg.mismatch", False),
        ("claimSignature.mismatch", False),
        ("a.code.of.tomorrow", False),
    ],
)
def test_an_author_whose_identity_cannot_be_confirmed_breaks_nothing(code: str, whole: bool) -> None:
    verified = judge(report(code))
    assert verified is not None
    assert verified.whole == whole
    assert (verified.trust is not None) == whole
