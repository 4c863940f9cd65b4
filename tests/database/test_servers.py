"""The servers the tests ask are what the first line of their output says, in either home."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase

VERSIONS = {"containers": 17, "embedded": 18}


def test_the_version_is_the_one_that_was_chosen(
    database: "MigratedDatabase", pytestconfig: pytest.Config
) -> None:
    """Containers have the version that SQL is written for, the wheel the next one."""
    with database.connect("bukken_reader") as reader:
        version = reader.info.server_version // 10_000

    assert version == VERSIONS[pytestconfig.getoption("database")]


def test_the_storage_is_the_one_synchronous_follower(database: "MigratedDatabase") -> None:
    """Both homes have what every place has: commits wait for the storage, never for the reader."""
    question = "SELECT application_name, sync_state FROM pg_stat_replication ORDER BY 1"
    with database.connect("bukken_master") as master:
        followers = master.execute(question).fetchall()

    assert followers == [("reader", "async"), ("storage", "sync")]
