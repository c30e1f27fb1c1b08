"""What a community decides about Candid: rules, cases, quotas, and what its members want. No platform's library here."""

from dataclasses import dataclass
from typing import Self

from bot.community.cases import Case, Cases, Decision
from bot.community.members import Members
from bot.community.privacy import Privacy
from bot.community.quotas import Quotas
from bot.community.review import Review, Reviewed
from bot.community.rules import EVERYWHERE, Audience, Mode, RuleBook, Rules
from bot.sensitivity import SENSITIVITIES
from bot.settings import Settings
from bot.store import Store

__all__ = [
    "EVERYWHERE",
    "SENSITIVITIES",
    "Audience",
    "Case",
    "Cases",
    "Community",
    "Decision",
    "Members",
    "Mode",
    "Privacy",
    "Quotas",
    "Review",
    "Reviewed",
    "RuleBook",
    "Rules",
]


@dataclass(frozen=True, slots=True)
class Community:
    """All of it, for the adapters of every platform. In this order: rules -> exempt or opted out? -> quotas -> check."""

    rules: RuleBook
    members: Members
    cases: Cases
    quotas: Quotas
    privacy: Privacy
    review: Review

    @classmethod
    def of(cls, store: Store, settings: Settings) -> Self:
        """As the running bot has it, and tests as well. Raises SettingsError for a REVIEW_KEY that can't be used."""
        review = Review(store, settings)
        privacy = Privacy(store, settings.store.keep_days, review)
        rules, members = RuleBook(store, reviewable=review.enabled), Members(store, review.forget)
        return cls(rules, members, Cases(store), Quotas(store), privacy, review)

    async def move(self, old: str, new: str, by: str) -> None:
        """A server has a new name (a Telegram group that became a supergroup): what belongs to it moves along."""
        await self.rules.move(old, new, by)
        await self.cases.move(old, new)
        await self.quotas.move(old, new)
        await self.review.move(old, new)
