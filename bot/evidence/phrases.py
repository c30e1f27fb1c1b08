"""How findings are made: of phrases, said in English now and in the reader's language later."""

from bot.verdict import Finding, Phrase, Strength
from bot.wording import told


def phrase(key: str, **values: str) -> Phrase:
    """A phrase of the messages."""
    return Phrase(key, tuple(values.items()))


def found(kind: str, strength: Strength, *phrases: Phrase) -> Finding:
    """A finding that says these phrases."""
    return Finding(kind, told(phrases), strength, phrases)
