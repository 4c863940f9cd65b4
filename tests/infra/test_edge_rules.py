"""What stands before the load balancer refuses attacks, and no batch."""

import pytest
from stack_documents import of_type, properties

from infra.deploy.places import Place
from infra.deploy.templates import Template

COUNTED = (
    "SizeRestrictions_QUERYSTRING",
    "SizeRestrictions_BODY",
    "CrossSiteScripting_BODY",
    "GenericLFI_BODY",
    "GenericRFI_BODY",
    "EC2MetaDataSSRF_BODY",
    "NoUserAgent_HEADER",
)


@pytest.mark.parametrize("name", COUNTED)
def test_rules_about_what_we_allow_only_count(name: str, templates: dict[str, Template]) -> None:
    """AWS would refuse a batch or a search for its size, and a listing for what its remarks say."""
    rules = properties(templates, "edge/Firewall")["Rules"]
    (common,) = (each for each in rules if each["Name"] == "common")
    overrides = common["Statement"]["ManagedRuleGroupStatement"]["RuleActionOverrides"]

    assert {"Name": name, "ActionToUse": {"Count": {}}} in overrides


def test_the_flood_stop_is_above_what_one_client_may(place: Place) -> None:
    """A stop below would come first, and be unexplained."""
    of_each_pod, pods = 1000, 10  # envoy/command-api.yaml's limit for a client; the HPA's maximum

    assert int(place.values["RequestsFromOneAddress"]) >= 300 * of_each_pod * pods


def test_no_token_and_no_query_is_written_down(templates: dict[str, Template]) -> None:
    """Neither by the firewall, nor are samples of requests kept."""
    logging = properties(templates, "edge/FirewallLogging")
    rules = properties(templates, "edge/Firewall")["Rules"]

    assert {"SingleHeader": {"Name": "authorization"}} in logging["RedactedFields"]
    assert {"QueryString": {}} in logging["RedactedFields"]
    assert not any(each["VisibilityConfig"]["SampledRequestsEnabled"] for each in rules)


def test_only_refusals_and_counts_are_written_down(templates: dict[str, Template]) -> None:
    """What was let through stands in the load balancer's own log."""
    filters = properties(templates, "edge/FirewallLogging")["LoggingFilter"]

    assert filters["DefaultBehavior"] == "DROP"


def test_every_bucket_is_closed_and_speaks_tls_alone(templates: dict[str, Template]) -> None:
    """No public way in, and none in clear."""
    closed = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    policies = [str(each) for each in of_type(templates, "AWS::S3::BucketPolicy").values()]
    for path, bucket in of_type(templates, "AWS::S3::Bucket").items():
        blocks = bucket["Properties"]["PublicAccessBlockConfiguration"]
        assert all(blocks[each] is True for each in closed)
        name = path.partition("/")[2]
        (policy,) = (each for each in policies if f"'Bucket': {{'Ref': '{name}'}}" in each)
        assert "aws:SecureTransport" in policy
