"""Whether the signature of Content Credentials is valid, and who vouches for its signer. Needs the extra `c2pa`.

Everything runs on this machine: remote manifests and revocation servers are never asked. Certificates are judged
against the two published lists in bot/evidence/trust/.
"""

import importlib
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from io import BytesIO
from typing import Any

from bot.evidence import manifest
from bot.evidence.manifest import Manifest, Story

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
# What can be wrong with a signer while the signature still fits the picture.
_SIGNER_FAULTS = frozenset({"signingCredential.untrusted", "signingCredential.expired", "signingCredential.invalid"})
_HASHES = frozenset({"assertion.dataHash.match", "assertion.boxesHash.match", "assertion.bmffHash.match"})


class Trust(StrEnum):
    """The lists by which a signer is trusted; their names are the keys of their sentences."""

    C2PA = "c2pa"
    INTERIM = "interim"


@dataclass(frozen=True, slots=True)
class Verified:
    """`whole`: the signature is valid and fits this picture. `trust`: on which list its signer is, if on any."""

    whole: bool
    trust: Trust | None
    signer: str
    story: Story


def _library() -> Any:
    """The extra's module, or None. It is loaded with the first picture that needs it, and has no types."""
    try:
        return importlib.import_module("c2pa")
    except (ImportError, OSError):  # OSError: its native library does not fit this machine
        return None


def available() -> bool:
    """Whether signatures can be verified here."""
    return _library() is not None


def verify(data: bytes, mime: str) -> Verified | None:
    """None when the extra is missing or its reader finds nothing. Never raises."""
    library = _library()
    report = _report(library, data, mime) if library is not None else None
    return _judge(report) if report is not None else None


def _report(library: Any, data: bytes, mime: str) -> dict[str, Any] | None:
    offline = {"remote_manifest_fetch": False, "ocsp_fetch": False}
    anchors = _anchors()
    # The purposes stand with each list and above them: the library reads the latter when it checks the certificate.
    settings = {
        "trust": {"anchors": anchors, "trust_config": anchors[0]["trust_config"]},
        "verify": offline | {"verify_trust": True, "verify_timestamp_trust": True},
    }
    with library.Context.from_dict(settings) as context:
        try:
            with library.Reader(mime, BytesIO(data), context=context) as reader:
                report = json.loads(reader.json())
        except Exception:  # its errors have many classes, and all of them mean that there is nothing to believe
            return None
    return report if isinstance(report, dict) else None


@cache
def _anchors() -> list[dict[str, str]]:
    """The trust lists in the library's words. `trust_uri` comes back with the result and says which one it was."""
    folder = resources.files("bot.evidence") / "trust"

    def text(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8")

    def one(name: str, kind: str, trust: Trust) -> dict[str, str]:
        certificates = "\n".join(_CERTIFICATE.findall(text(name))) + "\n"
        common = {"trust_kind": kind, "trust_uri": trust.value, "trust_config": text("purposes.txt")}
        return common | {"trust_anchors": certificates}

    return [
        one("c2pa.pem", "manifest", Trust.C2PA),
        one("c2pa-time.pem", "tsa", Trust.C2PA),
        one("interim.pem", "manifest", Trust.INTERIM) | {"allowed_list": text("interim-signers.sha256.txt")},
        one("interim.pem", "tsa", Trust.INTERIM),
    ]


def _judge(report: dict[str, Any]) -> Verified | None:
    active = report.get("active_manifest")
    manifests = report.get("manifests")
    if not isinstance(manifests, dict) or not isinstance(active, str) or not isinstance(manifests.get(active), dict):
        return None
    results = report.get("validation_results")
    results = results if isinstance(results, dict) else {}
    codes = _codes(results.get("activeManifest"))
    trusted = report.get("validation_state") == "Trusted"
    whole = trusted or (
        codes["failure"] <= _SIGNER_FAULTS
        and "claimSignature.validated" in codes["success"]
        and bool(_HASHES & codes["success"])
        and not _ingredients_failed(results)
    )
    signature = manifests[active].get("signature_info")
    signature = signature if isinstance(signature, dict) else {}
    names = [signature.get(key) for key in ("common_name", "issuer")]
    signer = ", ".join(dict.fromkeys(name for name in names if isinstance(name, str) and name))
    story = manifest.tell({label: _manifest(label, body) for label, body in manifests.items()}, active)
    # The library names no list for single signers, and only the interim list has those.
    trust = Trust.C2PA if results.get("trustListUri") == Trust.C2PA.value else Trust.INTERIM
    return Verified(whole, trust if trusted else None, signer, story)


def _codes(results: object) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {"success": set(), "failure": set()}
    for kind in found:
        entries = results.get(kind) if isinstance(results, dict) else None
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict):
                found[kind].add(str(entry.get("code")))
    return found


def _ingredients_failed(results: dict[str, Any]) -> bool:
    deltas = results.get("ingredientDeltas")
    for delta in deltas if isinstance(deltas, list) else []:
        inner = delta.get("validationDeltas") if isinstance(delta, dict) else None
        if _codes(inner)["failure"] - _SIGNER_FAULTS:
            return True
    return False


def _manifest(label: str, body: object) -> Manifest:
    found = Manifest(label)
    if not isinstance(body, dict):
        return found
    manifest.read_claim(found, body)
    for assertion in body.get("assertions") or []:
        if isinstance(assertion, dict) and str(assertion.get("label")).split("__")[0] in manifest.ACTIONS:
            manifest.read_actions(found, assertion.get("data"))
    for ingredient in body.get("ingredients") or []:
        if not isinstance(ingredient, dict) or not isinstance(ingredient.get("active_manifest"), str):
            continue
        if ingredient.get("relationship") == "parentOf":
            found.parent = ingredient["active_manifest"]
        elif ingredient.get("relationship") == "componentOf":
            found.components.append(ingredient["active_manifest"])
    return found
