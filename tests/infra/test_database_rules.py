"""The database cannot be lost, and its log has nothing of the people who write to us."""

import pytest
from stack_documents import of_type, properties, statements

from bukken_local.database import home
from infra.deploy.templates import Template

# Those figures of Aurora PostgreSQL's that an alarm looks at (AWS: "Amazon CloudWatch metrics for
# Amazon Aurora"), of one role or of the whole cluster; MySQL's and RDS' would be silent.
FIGURES = {
    "DatabaseConnections": {"DBClusterIdentifier", "Role"},
    "CPUUtilization": {"DBClusterIdentifier", "Role"},
    "Deadlocks": {"DBClusterIdentifier"},
    "AuroraReplicaLagMaximum": {"DBClusterIdentifier"},
    "MaximumUsedTransactionIDs": {"DBClusterIdentifier"},
    "FreeableMemory": {"DBClusterIdentifier"},
    "FreeLocalStorage": {"DBClusterIdentifier"},
}
GIB = 2**30
MEMORY = {"db.t4g.medium": 4, "db.r7g.large": 16, "db.r7g.xlarge": 32, "db.r7g.2xlarge": 64}
# What every place sets, each with its reason in home.py.
PRIVATE = ("log_parameter_max_length", "log_parameter_max_length_on_error", "log_error_verbosity")


@pytest.mark.parametrize("name", PRIVATE)
def test_personal_data_stays_out_of_the_log(name: str, templates: dict[str, Template]) -> None:
    """As in the first place, whose log a test reads."""
    assert properties(templates, "database/Settings")["Parameters"][name] == home.SETTINGS[name]


def test_nobody_speaks_to_it_in_clear(templates: dict[str, Template]) -> None:
    """The server refuses, whatever a client asks for."""
    settings = properties(templates, "database/Settings")["Parameters"]

    assert settings["rds.force_ssl"] == "1"
    assert settings["password_encryption"] == "scram-sha-256"


def test_no_statement_is_logged_for_its_kind(templates: dict[str, Template]) -> None:
    """ALTER ROLE has a password's verifier in its text; so has a table of statements."""
    settings = properties(templates, "database/Settings")["Parameters"]

    assert settings["log_statement"] == "none"
    assert settings["pg_stat_statements.track_utility"] == "0"
    assert settings["rds.logical_replication"] == "0"


def test_writer_and_reader_are_in_two_zones(templates: dict[str, Template]) -> None:
    """A lost zone takes one of them."""
    instances = of_type(templates, "AWS::RDS::DBInstance").values()
    zones = [str(each["Properties"]["AvailabilityZone"]) for each in instances]

    assert len(set(zones)) == len(zones) == 2


def test_both_are_of_one_class(templates: dict[str, Template]) -> None:
    """A smaller reader is a smaller writer on the day it is needed."""
    instances = of_type(templates, "AWS::RDS::DBInstance").values()

    assert {str(each["Properties"]["DBInstanceClass"]) for each in instances} == {
        "{'Ref': 'InstanceClass'}"
    }


def test_only_its_clients_reach_it(templates: dict[str, Template]) -> None:
    """By their group, at its port; it goes nowhere itself."""
    (rule,) = properties(templates, "database/Door")["SecurityGroupIngress"]

    assert rule["SourceSecurityGroupId"] == {"Ref": "Clients"}
    assert (rule["FromPort"], rule["ToPort"]) == (5432, 5432)
    assert "CidrIp" not in rule


def test_the_nodes_are_its_clients(templates: dict[str, Template]) -> None:
    """Else no Pod reaches it, and nothing says why."""
    groups = properties(templates, "nodes/Template")["LaunchTemplateData"]["SecurityGroupIds"]

    assert {"Fn::ImportValue": {"Fn::Sub": "${Platform}-database-ClientsGroup"}} in groups


def test_the_cluster_is_encrypted_kept_and_guarded(templates: dict[str, Template]) -> None:
    """Encryption, backups, deletion protection, and a snapshot whatever ends it."""
    cluster = templates["database"].resources["Cluster"]
    said = cluster["Properties"]

    assert said["StorageEncrypted"] is True
    assert said["DeletionProtection"] == {"Ref": "Protected"}
    assert said["CopyTagsToSnapshot"] is True
    assert {cluster["DeletionPolicy"], cluster["UpdateReplacePolicy"]} == {"Snapshot"}


def test_the_masters_password_is_the_bootstraps_alone(templates: dict[str, Template]) -> None:
    """AWS makes and changes it; one role of all may read it."""
    readers = [
        path
        for path, role in of_type(templates, "AWS::IAM::Role").items()
        if "database-MasterSecretArn" in str(role["Properties"].get("Policies"))
    ]

    assert properties(templates, "database/Cluster")["ManageMasterUserPassword"] is True
    assert readers == ["workloads/Bootstrap"]


def test_rules_speak_on_the_topic_without_a_condition(templates: dict[str, Template]) -> None:
    """EventBridge gives SNS no context: with a condition AWS's notices are lost, in silence."""
    speaking = [
        (path, statement.get("Condition"))
        for path, statement in statements(templates)
        if "'events.amazonaws.com'" in str(statement.get("Principal"))
    ]

    assert sorted(speaking) == [("keys/Logs", None), ("notices/Speakers", None)]


def test_every_alarm_is_told_and_taken_back(templates: dict[str, Template]) -> None:
    """To the one topic, with words that say what to do; an alarm without a reader is none."""
    topic = [{"Fn::ImportValue": {"Fn::Sub": "${Platform}-notices-TopicArn"}}]
    for path, alarm in of_type(templates, "AWS::CloudWatch::Alarm").items():
        said = alarm["Properties"]
        assert said["AlarmActions"] == said["OKActions"] == topic, path
        assert said["AlarmDescription"], path


def test_alarms_look_at_figures_that_aurora_has(templates: dict[str, Template]) -> None:
    """Of another one nothing is ever heard, which alarms nobody."""
    alarms = of_type({"": templates["database-alarms"]}, "AWS::CloudWatch::Alarm").values()
    looked_at: dict[str, set[str]] = {}
    for alarm in alarms:
        names = {each["Name"] for each in alarm["Properties"]["Dimensions"]}
        looked_at.setdefault(alarm["Properties"]["MetricName"], names)

    assert looked_at == FIGURES


def test_what_runs_out_is_the_least_of_both_instances(templates: dict[str, Template]) -> None:
    """The average of a full one and an empty one is well."""
    for name in ("Memory", "LocalStorage"):
        said = properties(templates, f"database-alarms/{name}")
        assert (said["Statistic"], said["ComparisonOperator"]) == ("Minimum", "LessThanThreshold")


def test_little_memory_is_a_twentieth_of_the_class(templates: dict[str, Template]) -> None:
    """For each class that may be chosen."""
    least = templates["database-alarms"].parsed["Mappings"]["LeastMemory"]
    allowed = templates["database"].parameters["InstanceClass"]["AllowedValues"]

    assert {name: each["Bytes"] for name, each in least.items()} == {
        name: GIB * MEMORY[name] // 20 for name in allowed
    }
