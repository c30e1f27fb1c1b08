"""Whether a question is answered, by the rules of its group and by what people want for their own pictures."""

from bot.adapters.telegram.asks import Ask
from bot.adapters.telegram.rights import Rights
from bot.community import Audience, Community, Mode, Rules
from bot.errors import Refusal
from bot.wording import refuse


class Gate:
    """Reads rules, and turns away."""

    def __init__(self, community: Community, rights: Rights) -> None:
        self._community = community
        self._rights = rights

    async def rules(self, chat: int) -> Rules:
        """The rules of a chat."""
        return await self._community.rules.read(server_of(chat))

    async def now_called(self, chat: int) -> int:
        """The id that a group has today; buttons and links may carry an older one."""
        return await self._rights.now_called(chat)

    async def language(self, chat: int, code: str | None) -> str:
        """The language of answers in a chat: the group's, if its admins have set one, else that of the person's app."""
        return (await self.rules(chat)).language or code or "en"

    async def admit(self, ask: Ask, rules: Rules) -> None:
        """Raises Refusal when the question isn't to be answered; after an automatic check nobody is told."""
        chat = ask.place.chat
        if chat < 0 and not ask.automatic and rules.users:
            try:
                await self.admit_command(chat, ask.user, rules)
            except Refusal:
                if ask.author != ask.user or not rules.automatic(ask.topic):
                    raise
                ask.automatic = True  # it is looked at anyway: asking is no way around that
        if ask.automatic and await self._exempt(ask, rules):
            raise refuse("exempt", "telegram.exempt_here")
        for owner in (ask.author, ask.origin):
            await self.leave_alone(owner, None if ask.automatic else ask.user)

    async def aside(self, ask: Ask, rules: Rules) -> bool:
        """Whether only whoever asks is to see the answer; not what an automatic check would have shown to all anyway."""
        if ask.place.chat > 0 or rules.audience is not Audience.ASKER:
            return False
        shown = ask.author == ask.user and rules.automatic(ask.topic) and rules.mode is not Mode.LOG
        if not shown or await self._exempt(ask, rules):
            return True
        return await self._community.members.opted_out(person_key(ask.user))

    async def leave_alone(self, owner: int | None, person: int | None) -> None:
        """Raises Refusal when the owner of a picture doesn't want it to be looked at, and isn't the person who asks."""
        if owner and owner != person and await self._community.members.opted_out(person_key(owner)):
            raise refuse("opted-out", "community.they-opted-out")

    async def _exempt(self, ask: Ask, rules: Rules) -> bool:
        """Whether automatic checks leave the author alone there."""
        if ask.place.chat > 0 or ask.author is None:
            return False
        roles = await self._rights.roles(ask.place.chat, ask.author) if rules.exempt_roles else ()
        return rules.exempt(person_key(ask.author), roles, ask.topic)

    async def admit_command(self, chat: int, person: int, rules: Rules) -> None:
        """Raises Refusal when this person may not use commands in a group."""
        if rules.users and not rules.may_ask(await self._rights.roles(chat, person)):
            raise refuse("not-allowed", "telegram.admins_ask")

    async def spend(self, chat: int, person: int, rules: Rules) -> None:
        """Count one picture; raises Refusal when that is more than the admins of the group allow."""
        if chat < 0:
            await self._community.quotas.take(server_of(chat), person_key(person), rules)


def server_of(chat: int) -> str:
    """A chat as rules and cases name it."""
    return f"telegram:{chat}"


def person_key(person: int) -> str:
    """A person as everything that is kept names them."""
    return f"telegram:user/{person}"
