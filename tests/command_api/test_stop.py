import asyncio
from typing import TYPE_CHECKING

from running_command_api import Service
from waiting import wait_until

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase


def test_a_process_that_stops_says_goodbye_to_the_database(
    empty_database: "MigratedDatabase",
) -> None:
    """Each of its connections is closed in order; their number is the platform's to count."""
    empty_database.migrate()
    sessions = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE application_name = 'command-api' AND datname = 'empty'"
    )
    with asyncio.Runner() as runner, empty_database.connect("bukken_master") as master:
        master.autocommit = True
        service = Service(empty_database, runner=runner)
        service.start()
        service.delete("unknown")
        open_before = master.execute(sessions).fetchone()

        service.stop()

        assert open_before != (0,)
        wait_until(
            lambda: master.execute(sessions).fetchone() == (0,), what="none is left", seconds=5
        )
