"""`candid store copy`: moves a community from the file to Postgres, all tables in one transaction."""

import asyncio
import contextlib
import sqlite3
from pathlib import Path

from bot.errors import SettingsError
from bot.migrations import MIGRATIONS
from bot.settings import Settings

BATCH = 1000  # rows at a time


def copy_store(settings: Settings) -> int:
    """From [store] path to DATABASE_URL, which must be empty. Prints how many rows of what."""
    path = Path(settings.store.path)
    if not settings.store.url:
        raise SettingsError("DATABASE_URL is not set: it names the Postgres that everything is copied to.")
    if not path.is_file():
        raise SettingsError(f"[store] path {str(path)!r} does not exist: there is nothing to copy.")
    from bot.scale import require

    require()
    asyncio.run(_copy(path.absolute().as_uri(), settings))
    print("Start Candid with the same DATABASE_URL; the file stays as it is.")
    return 0


async def _copy(uri: str, settings: Settings) -> None:
    import psycopg
    from psycopg.sql import SQL, Identifier, Placeholder

    from bot.scale.postgres import PostgresDatabase

    await (await PostgresDatabase.open(settings.store.url)).close()  # makes the schema
    with contextlib.closing(sqlite3.connect(f"{uri}?mode=ro", uri=True)) as source:
        source.execute("BEGIN")  # every table as it is at one moment, whoever writes meanwhile
        schema = source.execute("PRAGMA user_version").fetchone()[0]
        if schema != len(MIGRATIONS):
            raise SettingsError(
                f"{settings.store.path} has schema {schema}, this Candid has {len(MIGRATIONS)}: start Candid once with it first."
            )
        tables = [
            name
            for (name,) in source.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
        ]
        try:
            target = await psycopg.AsyncConnection.connect(settings.store.url.reveal(), connect_timeout=5)
            async with target:
                for table in tables:
                    name = Identifier(table)
                    if await (await target.execute(SQL("SELECT 1 FROM {} LIMIT 1").format(name))).fetchone():
                        raise SettingsError(
                            f"The database that DATABASE_URL names has rows in {table} already: name an empty one."
                        )
                    cursor = source.execute(f'SELECT * FROM "{table}"')
                    columns = [column[0] for column in cursor.description]
                    insert = SQL("INSERT INTO {} ({}) VALUES ({})").format(
                        name, SQL(", ").join(map(Identifier, columns)), SQL(", ").join([Placeholder()] * len(columns))
                    )
                    count = 0
                    while rows := cursor.fetchmany(BATCH):
                        async with target.cursor() as write:
                            await write.executemany(insert, rows)
                        count += len(rows)
                    if "id" in columns:  # the next id comes after the last
                        await target.execute(
                            SQL(
                                "SELECT setval(pg_get_serial_sequence(%s, 'id'), (SELECT coalesce(max(id), 0) + 1 FROM {}), false)"
                            ).format(name),
                            (table,),
                        )
                    print(f"{count:8} rows of {table}")
        except psycopg.Error as error:
            raise SettingsError(
                f"Nothing was copied: {type(error).__name__} from the database that DATABASE_URL names."
            ) from error
