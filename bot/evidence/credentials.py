"""Content Credentials (C2PA) as findings: what they say about AI, and how much that is worth."""

from bot.evidence import kinds, manifest, text, verification
from bot.evidence.container import Metadata
from bot.evidence.manifest import Story
from bot.verdict import Finding, Strength
from bot.wording import say

_KINDS = {manifest.GENERATED: kinds.CREDENTIALS_GENERATED, manifest.EDITED: kinds.CREDENTIALS_EDITED}
_SENTENCES = {manifest.GENERATED: "generated", manifest.EDITED: "edited", manifest.CAPTURED: "captured", "": "present"}


def read(data: bytes, metadata: Metadata, language: str) -> list[Finding]:
    """Empty when the file has no Content Credentials."""
    told = manifest.read(metadata.jumbf) if metadata.jumbf else None
    if told is None:
        return []
    verified = verification.verify(data, metadata.mime)
    if verified is None:
        return [_finding(told, say("evidence.credentials-unverified", language), Strength.SELF_DECLARED, language)]
    if not verified.whole:
        return [Finding(kinds.CREDENTIALS_BROKEN, say("evidence.credentials-broken", language), Strength.HINT)]
    signer = text.clean(verified.signer) or "?"
    if verified.trust is None:
        worth = say("evidence.credentials-untrusted", language, signer=signer)
        return [_finding(verified.story, worth, Strength.SELF_DECLARED, language)]
    trust = say(f"evidence.trust-{verified.trust.value}", language)
    worth = say("evidence.credentials-signed", language, signer=signer, trust=trust)
    found = [_finding(verified.vouched, worth, Strength.SIGNED, language)]
    if verified.story.made != verified.vouched.made and verified.story.made in _KINDS:
        # A trusted editor has saved a picture whose earlier credentials nobody vouches for: it did not confirm them.
        worth = say("evidence.credentials-earlier", language)
        found.append(_finding(verified.story, worth, Strength.SELF_DECLARED, language))
    return found


def _finding(story: Story, worth: str, strength: Strength, language: str) -> Finding:
    """Credentials without a word about AI are worth no more than a hint, unless they are signed."""
    kind = _KINDS.get(story.made, kinds.CREDENTIALS)
    if kind == kinds.CREDENTIALS and strength is Strength.SELF_DECLARED:
        strength = Strength.HINT
    tools = ", ".join(text.clean(tool) for tool in story.tools[:3])
    said = say(f"evidence.credentials-{_SENTENCES[story.made]}", language, tools=f" ({tools})" if tools else "")
    return Finding(kind, f"{said} {worth}", strength)
