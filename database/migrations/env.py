"""How Alembic runs migrations: on the connection given, under time-outs, one transaction each."""

from alembic import context
from sqlalchemy import Connection, text

from bukken_database.schema import SCHEMA

# A migration that waits for a lock stops everybody behind it: better it fails and is tried again.
LOCK_TIMEOUT = "4s"
# What takes longer is to be done in steps, beside the running code.
STATEMENT_TIMEOUT = "50s"


def run(connection: Connection) -> None:
    """Runs the migrations Alembic asks for."""
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
    connection.commit()
    context.configure(
        connection=connection,
        version_table_schema=SCHEMA,
        transaction_per_migration=True,  # one that fails undoes itself alone
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
