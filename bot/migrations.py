"""The schema of the store, one step after the other. A released step is never changed; the next one is added below it."""

import aiosqlite

from bot.errors import SettingsError

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE settings (
            server TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, changed_by TEXT NOT NULL, changed DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (server, key))""",
        """CREATE TABLE settings_audit (
            id INTEGER PRIMARY KEY, server TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, changed_by TEXT NOT NULL,
            changed DOUBLE PRECISION NOT NULL)""",
        """CREATE TRIGGER settings_added AFTER INSERT ON settings BEGIN
            INSERT INTO settings_audit (server, key, value, changed_by, changed)
            VALUES (new.server, new.key, new.value, new.changed_by, new.changed); END""",
        """CREATE TRIGGER settings_changed AFTER UPDATE ON settings BEGIN
            INSERT INTO settings_audit (server, key, value, changed_by, changed)
            VALUES (new.server, new.key, new.value, new.changed_by, new.changed); END""",
        """CREATE TABLE inbox (
            key TEXT PRIMARY KEY, platform TEXT NOT NULL, payload TEXT NOT NULL, accepted DOUBLE PRECISION NOT NULL,
            done DOUBLE PRECISION)""",
        "CREATE INDEX inbox_open ON inbox (platform, accepted) WHERE done IS NULL",
        """CREATE TABLE verdicts (
            sha256 TEXT NOT NULL, model TEXT NOT NULL, verdict TEXT NOT NULL, judged DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (sha256, model))""",
        "CREATE INDEX verdicts_judged ON verdicts (judged)",
        """CREATE TABLE reports (
            id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, model TEXT NOT NULL, chat TEXT NOT NULL, user TEXT NOT NULL, says TEXT NOT NULL,
            reported DOUBLE PRECISION NOT NULL, UNIQUE (sha256, user))""",
    ),
)


async def migrate(connection: aiosqlite.Connection) -> None:
    """Bring the database to the newest schema, each step in one transaction; raises SettingsError for one from the future."""
    cursor = await connection.execute("PRAGMA user_version")
    row = await cursor.fetchone()
    await cursor.close()
    version = int(row[0]) if row is not None else 0
    if version > len(MIGRATIONS):
        raise SettingsError(
            f"The database has schema {version} and this Candid knows {len(MIGRATIONS)}: a newer Candid wrote it. "
            "Start that one, or name another file in [store] path."
        )
    for number, statements in enumerate(MIGRATIONS[version:], version + 1):
        await connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                await connection.execute(statement)
            await connection.execute(f"PRAGMA user_version = {number}")
            await connection.execute("COMMIT")
        except BaseException:
            await connection.execute("ROLLBACK")
            raise
