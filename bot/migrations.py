"""The schema of the store, a step after the other. A released step is never changed; the next is added below it."""

import aiosqlite

from bot.errors import SettingsError

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # The latest row of a key is its value; those before it tell who changed it when.
        """CREATE TABLE settings (
            id INTEGER PRIMARY KEY, server TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
            changed_by TEXT NOT NULL, changed DOUBLE PRECISION NOT NULL)""",
        "CREATE INDEX settings_of_server ON settings (server, key, id)",
        # `process` has the request in its hands; `restarts` counts how many before it ended without an answer.
        """CREATE TABLE inbox (
            key TEXT PRIMARY KEY, platform TEXT NOT NULL, payload TEXT NOT NULL, accepted DOUBLE PRECISION NOT NULL,
            process TEXT NOT NULL, restarts INTEGER NOT NULL DEFAULT 0, done DOUBLE PRECISION)""",
        "CREATE INDEX inbox_open ON inbox (platform, accepted) WHERE done IS NULL",
        """CREATE TABLE verdicts (
            sha256 TEXT NOT NULL, model TEXT NOT NULL, verdict TEXT NOT NULL, judged DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (sha256, model))""",
        "CREATE INDEX verdicts_judged ON verdicts (judged)",
        """CREATE TABLE reports (
            sha256 TEXT NOT NULL, person TEXT NOT NULL, chat TEXT NOT NULL, says TEXT NOT NULL, model TEXT NOT NULL,
            verdict TEXT NOT NULL, reported DOUBLE PRECISION NOT NULL, PRIMARY KEY (sha256, person))""",
    ),
    (
        # A server's rules have one key for where automatic checks run, on every platform: a list of ids, "*" for all.
        """UPDATE settings SET key = 'channels', value = (
            SELECT json_group_array(CAST(one.value AS TEXT)) FROM json_each(settings.value) AS one)
            WHERE key = 'automatic_channels' AND json_type(value) = 'array'""",
        "UPDATE settings SET key = 'channels', value = '[]' WHERE key = 'automatic_channels'",
        """UPDATE settings SET key = 'channels', value = CASE value WHEN 'true' THEN '["*"]' ELSE '[]' END
            WHERE key = 'automatic'""",
        # AUTOINCREMENT: buttons of long ago carry ids, and an id that was forgotten must not come to mean another case.
        """CREATE TABLE cases (
            id INTEGER PRIMARY KEY AUTOINCREMENT, server TEXT NOT NULL, sha256 TEXT NOT NULL, author TEXT NOT NULL,
            model TEXT NOT NULL, label TEXT NOT NULL, link TEXT NOT NULL, opened DOUBLE PRECISION NOT NULL,
            appeal TEXT, appealed DOUBLE PRECISION, decision TEXT, decided_by TEXT, decided DOUBLE PRECISION,
            log_message TEXT, UNIQUE (server, sha256, author))""",
        "CREATE INDEX cases_of_author ON cases (author, appealed)",
        # `label`: what the moderator says that the picture is.
        """CREATE TABLE votes (
            case_id INTEGER NOT NULL, moderator TEXT NOT NULL, label TEXT NOT NULL, voted DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (case_id, moderator))""",
        "CREATE TABLE members (person TEXT PRIMARY KEY, opted_out DOUBLE PRECISION NOT NULL)",
        # Whose appeals a server's moderators don't want to see for a while.
        """CREATE TABLE mutes (
            server TEXT NOT NULL, person TEXT NOT NULL, ends DOUBLE PRECISION NOT NULL, PRIMARY KEY (server, person))""",
    ),
    (
        # Pictures that are kept for moderators to label; the bytes are files. `proof`: a signature in it says AI.
        # `says_ai` and `says_real` count the votes and stay when a voter's name is erased.
        """CREATE TABLE reviews (
            server TEXT NOT NULL, sha256 TEXT NOT NULL, looks TEXT NOT NULL, bytes INTEGER NOT NULL,
            source TEXT NOT NULL, model TEXT NOT NULL, label TEXT NOT NULL, proof INTEGER NOT NULL,
            says_ai INTEGER NOT NULL DEFAULT 0, says_real INTEGER NOT NULL DEFAULT 0, kept DOUBLE PRECISION NOT NULL,
            voted DOUBLE PRECISION, PRIMARY KEY (server, sha256))""",
        # Who has a part in it ("author", "reporter"), and therefore no vote.
        """CREATE TABLE review_people (
            server TEXT NOT NULL, sha256 TEXT NOT NULL, person TEXT NOT NULL, part TEXT NOT NULL,
            since DOUBLE PRECISION NOT NULL, PRIMARY KEY (server, sha256, person, part))""",
        "CREATE INDEX review_people_of ON review_people (person, since)",
        """CREATE TABLE review_votes (
            server TEXT NOT NULL, sha256 TEXT NOT NULL, moderator TEXT NOT NULL, label TEXT NOT NULL,
            voted DOUBLE PRECISION NOT NULL, PRIMARY KEY (server, sha256, moderator))""",
    ),
    (
        # How much servers with a daily quota have used of it. `day` counts from 1970 (UTC); past ones are deleted.
        """CREATE TABLE quotas (
            server TEXT NOT NULL, day INTEGER NOT NULL, used INTEGER NOT NULL, PRIMARY KEY (server, day))""",
        "CREATE INDEX reports_of_person ON reports (person, reported)",
    ),
    (
        # The processes that share this database, the oldest first; `beats` goes up while one lives (see bot/presence.py).
        """CREATE TABLE processes (
            id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, role TEXT NOT NULL, beats INTEGER NOT NULL)""",
    ),
)


async def migrate(connection: aiosqlite.Connection) -> None:
    """Bring the database to the newest schema, each step in a transaction. SettingsError for one from the future."""
    while await _step(connection):
        pass


async def _step(connection: aiosqlite.Connection) -> bool:
    """Take the next step, if there is one."""
    await connection.execute("BEGIN IMMEDIATE")  # waits for another process that is at it; fails if nobody may write
    try:
        version = await _version(connection)
        if version > len(MIGRATIONS):
            raise SettingsError(
                f"The database has schema {version} and this Candid knows {len(MIGRATIONS)}: a newer Candid wrote it. "
                "Start that one, or name another file in [store] path."
            )
        for statement in MIGRATIONS[version] if version < len(MIGRATIONS) else ():
            await connection.execute(statement)
        await connection.execute(f"PRAGMA user_version = {min(version + 1, len(MIGRATIONS))}")
    except BaseException:
        await connection.execute("ROLLBACK")
        raise
    await connection.execute("COMMIT")
    return version + 1 < len(MIGRATIONS)


async def _version(connection: aiosqlite.Connection) -> int:
    async with connection.execute("PRAGMA user_version") as cursor:
        row = await cursor.fetchone()
    return int(row[0]) if row is not None else 0
