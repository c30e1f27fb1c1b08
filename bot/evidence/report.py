"""What the verifying library's report on Content Credentials means: whole or broken, trusted by whom, telling what."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.evidence import manifest
from bot.evidence.manifest import Manifest, Story

# What can be wrong with a signer while the signature still fits the picture.
_SIGNER = frozenset({"signingCredential.untrusted", "signingCredential.expired", "signingCredential.invalid"})
_HASHES = frozenset({"assertion.dataHash.match", "assertion.boxesHash.match", "assertion.bmffHash.match"})

_Deltas = dict[str, tuple[set[str], set[str]]]


class Trust(StrEnum):
    """The lists by which a signer is trusted; their names are the keys of their sentences."""

    C2PA = "c2pa"
    INTERIM = "interim"


@dataclass(frozen=True, slots=True)
class Verified:
    """`whole`: the signature is valid and fits this picture. `trust`: on which list its signer is, if on any.

    `story` is what all manifests tell; `vouched` leaves out those of earlier versions whose signers nobody vouches for.
    """

    whole: bool
    trust: Trust | None
    signer: str
    story: Story
    vouched: Story


def judge(report: dict[str, Any]) -> Verified | None:
    """None when the report has no active manifest."""
    active = report.get("active_manifest")
    bodies = report.get("manifests")
    if not isinstance(bodies, dict) or not isinstance(active, str) or not isinstance(bodies.get(active), dict):
        return None
    results = _dict(report.get("validation_results"))
    success, failure = _codes(results, "success"), _codes(results, "failure")
    deltas = _deltas(results)
    failed_now = {code for failures, _ in deltas.values() for code in failures}
    whole = "claimSignature.validated" in success and bool(_HASHES & success) and not _broken(failure | failed_now)
    trusted = whole and "signingCredential.trusted" in success and not failure & _SIGNER
    # The library names no list for single signers, and only the interim list has those.
    trust = Trust.C2PA if results.get("trustListUri") == Trust.C2PA.value else Trust.INTERIM
    story = manifest.tell(_manifests(bodies, None), active)
    vouched = manifest.tell(_manifests(bodies, deltas), active)
    return Verified(whole, trust if trusted else None, _signer(bodies[active]), story, vouched)


def _broken(failures: set[str]) -> bool:
    """Whether something does not fit. Faults of form mean that a tool kept to another edition of the standard, as
    OpenAI's and Google's own files do; what stands there was signed all the same. An author's identity (CAWG) that can't
    be confirmed says nothing about the picture, and Candid shows none."""
    return any(
        code not in _SIGNER and not code.endswith(".malformed") and not code.startswith(("assertion.action.", "cawg."))
        for code in failures
    )


def _codes(results: dict[str, Any], kind: str) -> set[str]:
    return {str(entry.get("code")) for entry in _dicts(_dict(results.get("activeManifest")).get(kind))}


def _deltas(results: dict[str, Any]) -> _Deltas:
    """What is found about earlier versions now that was not noted when they were taken in, by the address of the link:
    the codes of failures and of successes."""
    found: _Deltas = {}
    for delta in _dicts(results.get("ingredientDeltas")):
        address = str(delta.get("ingredientAssertionURI")).removeprefix("self#jumbf=/c2pa/")
        failures, successes = found.setdefault(address, (set(), set()))
        for kind, codes in (("failure", failures), ("success", successes)):
            codes |= {str(entry.get("code")) for entry in _dicts(_dict(delta.get("validationDeltas")).get(kind))}
    return found


def _signer(body: dict[str, Any]) -> str:
    signature = _dict(body.get("signature_info"))
    names = [signature.get(key) for key in ("common_name", "issuer")]
    return ", ".join(dict.fromkeys(name for name in names if isinstance(name, str) and name))


def _manifests(bodies: dict[str, Any], deltas: _Deltas | None) -> dict[str, Manifest]:
    """The library's manifests as ours. With `deltas`, links to earlier versions that have failures are left out."""
    found: dict[str, Manifest] = {}
    for label, body in bodies.items():
        one = found[label] = Manifest(label)
        manifest.read_claim(one, body)
        for assertion in _dicts(_dict(body).get("assertions")):
            if str(assertion.get("label")).split("__")[0] in manifest.ACTIONS:
                manifest.read_actions(one, assertion.get("data"))
        for ingredient in _dicts(_dict(body).get("ingredients")):
            target = ingredient.get("active_manifest")
            if not isinstance(target, str) or (deltas is not None and _doubtful(label, ingredient, deltas)):
                continue
            if ingredient.get("relationship") == "parentOf":
                one.parent = target
            elif ingredient.get("relationship") == "componentOf":
                one.components.append(target)
    return found


def _doubtful(label: str, ingredient: dict[str, Any], deltas: _Deltas) -> bool:
    """Whether an earlier version's credentials fail, by what was noted when it was taken in and what is found now."""
    failures = _codes(_dict(ingredient.get("validation_results")), "failure")
    failures |= {str(status.get("code")) for status in _dicts(ingredient.get("validation_status"))}
    failed, succeeded = deltas.get(f"{label}/c2pa.assertions/{ingredient.get('label')}", (set(), set()))
    if "signingCredential.trusted" in succeeded:
        failures -= _SIGNER
    failures |= failed
    return _broken(failures) or bool(failures & _SIGNER)


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: object) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
