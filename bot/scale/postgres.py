"""The store's database on Postgres, through psycopg's pool. It takes the SQL that SQLite takes; what differs is told here.

- The schema comes from the same numbered steps. Text is compared byte by byte, as SQLite does.
- Functions that SQLite has and Postgres lacks (json_patch, json_extract of a number, instr) are made once, in SQL.
- A query that met a broken connection is asked again, and so is a change that the server surely did not do, or that may be
  done twice. Any other is an error: nobody knows whether it was done.
"""

import asyncio
import re
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg.rows import RowMaker
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from bot.database import Value
from bot.errors import SettingsError
from bot.migrations import MIGRATIONS
from bot.secret import Secret

T = TypeVar("T")

PATIENCE_SECONDS = 20.0  # for a server that is being restarted
CONNECTIONS = 8
LOCK = 0x43414E44  # of the schema: one process at a time
BEFORE_POSTGRES = 3  # steps whose conversions of old rows find nothing here
FUNCTIONS = (
    "CREATE OR REPLACE FUNCTION instr(text, text) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT strpos($1, $2)'",
    """CREATE OR REPLACE FUNCTION json_extract(text, text) RETURNS bigint IMMUTABLE LANGUAGE sql AS $$
        SELECT CASE WHEN jsonb_typeof($1::jsonb -> substr($2, 3)) = 'number' THEN ($1::jsonb ->> substr($2, 3))::bigint END
        $$""",
    # A null in the patch takes the key out (RFC 7396); nested objects are replaced whole, as nobody here nests any.
    """CREATE OR REPLACE FUNCTION json_patch(text, text) RETURNS text IMMUTABLE LANGUAGE sql AS $$
        SELECT coalesce(jsonb_object_agg(key, value), '{}')::text FROM jsonb_each($1::jsonb || $2::jsonb)
        WHERE NOT (jsonb_exists($2::jsonb, key) AND value = 'null'::jsonb)
        $$""",
)
_BROKEN = (psycopg.OperationalError, PoolTimeout)
# The server was told to stop, or is starting: it has answered that it did not do it.
_NOT_DONE = (PoolTimeout, psycopg.errors.AdminShutdown, psycopg.errors.CannotConnectNow)
_SENTENCES = (  # what libpq or the server say, and what it means
    ("password authentication failed", "it does not take the user or the password in DATABASE_URL."),
    ("no password supplied", "it wants a password; put it into DATABASE_URL as postgresql://user:PASSWORD@host/name."),
    ("no pg_hba.conf entry", "it lets nobody in from this machine; allow it in its pg_hba.conf."),
    ("does not exist", "it has no such database or user; create what DATABASE_URL names there first."),
    ("permission denied", "its user may not create tables: give it the database (ALTER DATABASE … OWNER TO …)."),
    ("Connection refused", "nothing answers where DATABASE_URL points. Is it up, and are host and port right?"),
    ("starting up", "it is just starting; try again in a moment."),
    ("resolve", "the host in DATABASE_URL is not known here."),
    ("not known", "the host in DATABASE_URL is not known here."),
    (
        "timeout",
        "it does not answer within 5 seconds. Is the host right, and does a firewall let this machine through?",
    ),
)
_OR_IGNORE = re.compile(r"UPDATE OR IGNORE (\w+) SET server = \? WHERE server = \?")


class Row(tuple[Any, ...]):
    """As sqlite3.Row: by place, by name, unpacked, or dict(row)."""

    names: list[str]

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(self.names.index(key) if isinstance(key, str) else key)

    def keys(self) -> list[str]:
        return self.names


def row_maker(cursor: psycopg.AsyncCursor[Any]) -> RowMaker[Row]:
    names = [column.name for column in cursor.description or ()]
    kind = type("Row", (Row,), {"names": names})
    return lambda values: kind(values)


class PostgresDatabase:
    """A Database (bot/database.py) behind a pool."""

    def __init__(self, pool: "AsyncConnectionPool[Any]") -> None:
        self._pool = pool

    @classmethod
    async def open(cls, address: Secret) -> "PostgresDatabase":
        """SettingsError when the server can't be reached or used; the address, which holds a password, is never shown."""
        pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            address.reveal(),
            min_size=1,
            max_size=CONNECTIONS,
            open=False,
            timeout=PATIENCE_SECONDS,
            kwargs={"autocommit": True, "row_factory": row_maker, "connect_timeout": 5},
            check=AsyncConnectionPool.check_connection,
        )
        try:
            await pool.open(wait=True, timeout=10)
            async with pool.connection() as connection:
                await migrate(connection)
        except (psycopg.Error, PoolTimeout) as error:
            await pool.close()
            raise SettingsError(await trouble(address) or in_words(error)) from error
        except BaseException:
            await pool.close()
            raise
        return cls(pool)

    async def change(self, sql: str, values: Sequence[Value] = (), *, again: bool = False) -> int:
        if found := _OR_IGNORE.fullmatch(sql):
            return await self._move(found[1], values)

        async def do() -> int:
            async with self._pool.connection() as connection:
                return int((await connection.execute(*translated(sql, values))).rowcount)

        return await patiently(do, _BROKEN if again else _NOT_DONE)

    async def rows(self, sql: str, values: Sequence[Value] = ()) -> list[sqlite3.Row]:
        async def ask() -> Any:
            async with self._pool.connection() as connection:
                return await (await connection.execute(*translated(sql, values))).fetchall()

        found: list[sqlite3.Row] = await patiently(ask)
        return found

    async def scrub(self) -> None:
        """Postgres overwrites deleted rows when its autovacuum gets to them; nothing to do here."""

    async def close(self) -> None:
        await self._pool.close()

    async def _move(self, table: str, values: Sequence[Value]) -> int:
        """Give rows another server, but for those that it has already."""
        moved = 0
        for row in await self.rows(f"SELECT ctid::text AS place FROM {table} WHERE server = ?", values[1:]):
            try:
                moved += await self.change(
                    f"UPDATE {table} SET server = ? WHERE ctid = ?::tid", (values[0], row["place"])
                )
            except sqlite3.IntegrityError:
                continue
        return moved


async def patiently(ask: Callable[[], Awaitable[T]], passing: tuple[type[Exception], ...] = _BROKEN) -> T:
    """Ask again after errors that are `passing`, for a while; others, and the last one, are raised as sqlite3 names them."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await ask()
        except psycopg.IntegrityError as error:
            raise sqlite3.IntegrityError(str(error)) from error
        except (psycopg.Error, PoolTimeout) as error:
            if not isinstance(error, passing) or time.monotonic() > until:
                raise sqlite3.OperationalError(str(error)) from error
            await asyncio.sleep(0.2)


def translated(sql: str, values: Sequence[Value]) -> tuple[Any, tuple[Value, ...]]:
    return sql.replace("%", "%%").replace("?", "%s"), tuple(int(v) if isinstance(v, bool) else v for v in values)


async def trouble(address: Secret) -> str:
    """Why a connection can't be had, in a sentence; "" when it can."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            connection = await psycopg.AsyncConnection.connect(address.reveal(), connect_timeout=5)
    except (psycopg.Error, TimeoutError) as error:
        return in_words(error)
    await connection.close()
    return ""


def in_words(error: Exception) -> str:
    """The server's own words are not shown: they may be in any language, and those of a broken address hold the password."""
    said = str(error)
    for sign, sentence in _SENTENCES:
        if sign in said:
            return f"Postgres can't be used: {sentence}"
    return f"Postgres can't be used ({type(error).__name__}): is it up, DATABASE_URL right, and may its user create tables?"


async def migrate(connection: "psycopg.AsyncConnection[Any]") -> None:
    """The newest schema, in one transaction. SettingsError for one from the future."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        await connection.execute("CREATE TABLE IF NOT EXISTS candid_schema (version INTEGER NOT NULL)")
        row = await (await connection.execute("SELECT max(version) FROM candid_schema")).fetchone()
        version = int(row[0]) if row is not None and row[0] is not None else 0
        if version > len(MIGRATIONS):
            raise SettingsError(
                f"The database has schema {version} and this Candid knows {len(MIGRATIONS)}: a newer Candid wrote it."
            )
        for function in FUNCTIONS:
            await connection.execute(function)
        for number, step in enumerate(MIGRATIONS[version:], version + 1):
            for statement in step:
                if number > BEFORE_POSTGRES or not statement.lstrip().startswith("UPDATE"):
                    await connection.execute(schema(statement))
        await connection.execute("DELETE FROM candid_schema")
        await connection.execute("INSERT INTO candid_schema VALUES (%s)", (len(MIGRATIONS),))


def schema(statement: str) -> Any:
    """A statement of a step as Postgres has it."""
    if not statement.lstrip().startswith("CREATE TABLE"):
        return statement
    counted = re.sub(
        r"INTEGER PRIMARY KEY( AUTOINCREMENT)?", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", statement
    )
    return counted.replace(" INTEGER", " BIGINT").replace(" TEXT", ' TEXT COLLATE "C"')
