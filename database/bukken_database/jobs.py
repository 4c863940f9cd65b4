"""Bootstrap and migrations as programs: start commands of the command side's image."""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from pydantic import Field, SecretStr
from sqlalchemy import Engine, update
from sqlalchemy.exc import DBAPIError

from bukken_contract import logs
from bukken_contract.settings import CONFIG, PREFIX, load, secret
from bukken_database import bootstrap, migrations, roles
from bukken_database.connections import CONNECT_SECONDS, job_engine
from bukken_database.schema import feed
from bukken_database.settings import DatabaseSettings


class MigrateSettings(DatabaseSettings):
    """`migrate` brings the schema to this release's level; `check` says whether it is there.

    `new-feed` makes all partners load everything anew, after a restore that nobody else can see.
    """

    model_config = CONFIG

    database_user: str = Field(roles.MIGRATOR, description="The role to connect as.")


class BootstrapSettings(DatabaseSettings):
    """`bootstrap` makes roles, database and grants, once, with the master secret."""

    model_config = CONFIG

    database_user: str = Field(roles.MASTER, description="The master user.")
    migrator_password: SecretStr | None = Field(None, description="Password to give the migrator.")
    migrator_password_file: Path | None = Field(None, description="A file with it.")
    writer_password: SecretStr | None = Field(None, description="Password to give the writer.")
    writer_password_file: Path | None = Field(None, description="A file with it.")
    reader_password: SecretStr | None = Field(None, description="Password to give the reader.")
    reader_password_file: Path | None = Field(None, description="A file with it.")

    def role_passwords(self) -> Mapping[str, str]:
        """Each role's password.

        Raises:
            SystemExit: one is missing; its setting is named.
        """
        return {role: self._password_of(role.removeprefix("bukken_")) for role in roles.ROLES}

    def _password_of(self, short: str) -> str:
        value, file = getattr(self, f"{short}_password"), getattr(self, f"{short}_password_file")
        if not (password := secret(value, file=file)):
            variable = f"{PREFIX}{short.upper()}_PASSWORD_FILE"
            raise SystemExit(f"bootstrap: --{short}-password-file ({variable}) is missing")
        return password


def _bootstrap(argv: Sequence[str]) -> int:
    settings = load(BootstrapSettings, argv=argv, program="bootstrap")

    def connect(database: str) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=settings.database_host,
            port=settings.database_port,
            user=settings.database_user,
            password=settings.database_secret(),
            dbname=database,
            sslmode=settings.database_tls,
            sslrootcert=str(settings.database_ca_file) if settings.database_ca_file else None,
            connect_timeout=CONNECT_SECONDS,
            autocommit=True,
        )

    passwords = settings.role_passwords()
    bootstrap.bootstrap(connect, database=settings.database_name, passwords=passwords)
    return 0


@contextmanager
def _engine(settings: DatabaseSettings, *, application: str) -> Iterator[Engine]:
    engine = job_engine(settings, application=application)
    try:
        yield engine
    finally:
        engine.dispose()


def _migrate(argv: Sequence[str]) -> int:
    settings = load(MigrateSettings, argv=argv, program="migrate")
    with _engine(settings, application="bukken-migrate") as engine:
        migrations.migrate(engine)
    return 0


def _check(argv: Sequence[str]) -> int:
    settings = load(MigrateSettings, argv=argv, program="check")
    with _engine(settings, application="bukken-check") as engine:
        behind = migrations.behind(engine)
    sys.stdout.write(f"{behind}\n" if behind else "the schema is at head\n")
    return 1 if behind else 0


def _new_feed(argv: Sequence[str]) -> int:
    """Says that data went back which the sequencer cannot see: it then begins another feed."""
    settings = load(MigrateSettings, argv=argv, program="new-feed")
    with _engine(settings, application="bukken-new-feed") as engine, engine.begin() as connection:
        connection.execute(update(feed).values(written_by="new-feed"))
    sys.stdout.write("the feed is another as soon as a command-api leads\n")
    return 0


_JOBS: Final[Mapping[str, Callable[[Sequence[str]], int]]] = {
    "bootstrap": _bootstrap,
    "migrate": _migrate,
    "check": _check,
    "new-feed": _new_feed,
}


def main(argv: Sequence[str]) -> int:
    """Runs the job named first; the rest are its settings. Returns the exit status."""
    job = _JOBS.get(argv[0]) if argv else None
    if job is None:
        sys.stderr.write(f"usage: python -m bukken_database {'|'.join(_JOBS)} [--help]\n")
        return 0 if argv and argv[0] in {"-h", "--help"} else 2
    logs.configure("info", service=f"bukken-{argv[0]}")
    logging.getLogger("alembic").setLevel("WARNING")  # two lines about itself at every start
    try:
        return job(argv[1:])
    except (psycopg.Error, DBAPIError) as error:
        return _refused(argv[0], error)


def _refused(job: str, error: Exception) -> int:
    sys.stderr.write(f"{job}: {str(error).splitlines()[0]}\n")
    return 1
