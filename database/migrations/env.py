"""How Alembic runs a migration: on the connection given, under time-outs, in one transaction."""

from alembic import context
from sqlalchemy import Connection, text

from bukken_database.schema import SCHEMA, metadata

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
        target_metadata=metadata,
        include_schemas=True,
        version_table_schema=SCHEMA,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
