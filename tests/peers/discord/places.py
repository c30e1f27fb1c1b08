"""Who and where: people, guilds, channels, and what they may do there."""

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

Json = dict[str, Any]


class Permission(IntFlag):
    NONE = 0
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    USE_APPLICATION_COMMANDS = 1 << 31
    SEND_MESSAGES_IN_THREADS = 1 << 38
    USE_EXTERNAL_APPS = 1 << 50


EVERYTHING = Permission((1 << 53) - 1)
MEMBER = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.USE_APPLICATION_COMMANDS
    | Permission.USE_EXTERNAL_APPS
)


class Kind(IntEnum):
    TEXT = 0
    DM = 1
    GROUP = 3
    THREAD = 11


@dataclass(eq=False)
class Person:
    """Somebody with an account; `blocks_bot` makes the bot's direct messages to them fail (50007)."""

    id: int
    name: str
    bot: bool = False
    blocks_bot: bool = False
    installed: bool = False  # has the app as a user app
    locale: str = "en-US"

    @property
    def payload(self) -> Json:
        return {
            "id": str(self.id),
            "username": self.name,
            "global_name": self.name.title(),
            "discriminator": "0",
            "avatar": None,
            "bot": self.bot,
            "public_flags": 0,
        }

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"


@dataclass(eq=False)
class Guild:
    """A server. `bot_permissions` is None where the bot is not a member."""

    id: int
    name: str
    owner: Person
    bot: Person
    bot_role: int
    admin_role: int
    bot_permissions: Permission | None = MEMBER
    admins: set[int] = field(default_factory=set)
    moderators: set[int] = field(default_factory=set)
    locale: str = "en-US"
    roles: dict[int, str] = field(default_factory=dict)  # further ones, without permissions of their own
    holders: dict[int, set[int]] = field(default_factory=dict)  # of those: role -> people
    members: dict[int, Person] = field(default_factory=dict)
    channels: list["Channel"] = field(default_factory=list)

    def join(self, person: Person, admin: bool = False, moderator: bool = False) -> Person:
        self.members[person.id] = person
        if admin:
            self.admins.add(person.id)
        if moderator:
            self.moderators.add(person.id)
        return person

    def role(self, id: int, name: str, *people: Person) -> int:
        """A role that some people have. It is known to the bot if it is there before the bot connects."""
        self.roles[id] = name
        self.holders[id] = {person.id for person in people}
        return id

    def permissions(self, person: Person) -> Permission:
        """What a person may do in the whole server. An admin here has Manage Guild, a moderator Manage Messages."""
        if person.id == self.bot.id:
            return self.bot_permissions or Permission.NONE
        if person.id == self.owner.id:
            return EVERYTHING
        if person.id not in self.members:
            return Permission.NONE
        more = Permission.MANAGE_GUILD if person.id in self.admins else Permission.NONE
        return MEMBER | more | (Permission.MANAGE_MESSAGES if person.id in self.moderators else Permission.NONE)

    def member(self, person: Person) -> Json:
        roles = [str(self.admin_role)] if person.id in self.admins else []
        roles += [str(role) for role, people in self.holders.items() if person.id in people]
        if person.id == self.bot.id:
            roles = [str(self.bot_role)]
        return {
            "user": person.payload,
            "nick": None,
            "avatar": None,
            "roles": roles,
            "joined_at": "2024-01-01T00:00:00.000000+00:00",
            "premium_since": None,
            "deaf": False,
            "mute": False,
            "flags": 0,
            "pending": False,
        }

    def _role(self, id: int, name: str, permissions: Permission) -> Json:
        return {
            "id": str(id),
            "name": name,
            "permissions": str(int(permissions)),
            "position": 0 if id == self.id else 1,
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "managed": id == self.bot_role,
            "mentionable": False,
            "flags": 0,
        }

    @property
    def payload(self) -> Json:
        """The GUILD_CREATE payload, as the bot gets it."""
        return {
            "id": str(self.id),
            "name": self.name,
            "icon": None,
            "owner_id": str(self.owner.id),
            "afk_timeout": 300,
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "nsfw_level": 0,
            "premium_tier": 0,
            "preferred_locale": self.locale,
            "system_channel_flags": 0,
            "features": [],
            "emojis": [],
            "stickers": [],
            "roles": [
                self._role(self.id, "@everyone", Permission.NONE),
                self._role(self.bot_role, "Candid", self.bot_permissions or Permission.NONE),
                self._role(self.admin_role, "Admins", MEMBER | Permission.MANAGE_GUILD),
                *(self._role(id, name, Permission.NONE) for id, name in self.roles.items()),
            ],
            "joined_at": "2024-01-01T00:00:00.000000+00:00",
            "large": False,
            "unavailable": False,
            "member_count": len(self.members) + 1,
            "members": [self.member(self.bot)],
            "channels": [c.payload for c in self.channels if c.kind is not Kind.THREAD],
            "threads": [c.payload for c in self.channels if c.kind is Kind.THREAD],
            "voice_states": [],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }


@dataclass(eq=False)
class Channel:
    """A text channel, a thread, a direct message or a group of people. `denied` takes permissions from the bot."""

    id: int
    kind: Kind
    name: str
    guild: Guild | None = None
    parent: "Channel | None" = None
    people: tuple[Person, ...] = ()
    denied: Permission = Permission.NONE
    archived: bool = False  # a thread; who writes there opens it again ...
    locked: bool = False  # ... unless it is locked: then only who manages threads may

    @property
    def shut(self) -> bool:
        return self.archived and self.locked

    def bot_may(self, permission: Permission, bot: Person) -> bool:
        if self.guild is None:
            return bot in self.people
        allowed = self.guild.permissions(bot)
        if Permission.ADMINISTRATOR in allowed:
            return True
        denied = self.denied | (self.parent.denied if self.parent else Permission.NONE)
        if self.kind is Kind.THREAD and permission is Permission.SEND_MESSAGES:
            permission = Permission.SEND_MESSAGES_IN_THREADS
        return permission in allowed & ~denied

    def sees(self, person: Person) -> bool:
        return person in self.people if self.guild is None else person.id in self.guild.members

    @property
    def payload(self) -> Json:
        if self.guild is None:
            return {
                "id": str(self.id),
                "type": int(self.kind),
                "last_message_id": None,
                "recipients": [p.payload for p in self.people if not p.bot],
                "name": self.name if self.kind is Kind.GROUP else None,
                "owner_id": str(self.people[0].id),
                "icon": None,
                "flags": 0,
            }
        common: Json = {
            "id": str(self.id),
            "type": int(self.kind),
            "guild_id": str(self.guild.id),
            "name": self.name,
            "flags": 0,
            "last_message_id": None,
            "rate_limit_per_user": 0,
            "parent_id": str(self.parent.id) if self.parent else None,
        }
        if self.kind is Kind.THREAD:
            return common | {
                "owner_id": str(self.guild.owner.id),
                "message_count": 0,
                "member_count": 1,
                "total_message_sent": 0,
                "thread_metadata": {
                    "archived": self.archived,
                    "auto_archive_duration": 1440,
                    "archive_timestamp": "2024-01-01T00:00:00.000000+00:00",
                    "locked": self.locked,
                },
            }
        overwrite = {"id": str(self.guild.bot.id), "type": 1, "allow": "0", "deny": str(int(self.denied))}
        return common | {
            "position": 0,
            "topic": None,
            "nsfw": False,
            "permission_overwrites": [overwrite] if self.denied else [],
        }
