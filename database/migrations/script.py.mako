"""${message}."""

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Works with the code that is already running."""
    ${upgrades if upgrades else "op.execute(\"UPDATE bukken.schema_level SET level = level + 1\")"}
