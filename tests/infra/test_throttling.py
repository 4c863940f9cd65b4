"""CloudFormation asks whoever looks often to slow down; the look is then taken again."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import boto3
import pytest

from infra.deploy.aws import CONFIG, told_plainly
from infra.deploy.errors import DeployError
from infra.deploy.stacks import Stacks

THROTTLED = """<ErrorResponse><Error>
<Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>"""
STACK = """<DescribeStacksResponse><DescribeStacksResult><Stacks><member>
<StackName>x</StackName><CreationTime>2026-11-22T00:00:00Z</CreationTime>
<StackStatus>CREATE_COMPLETE</StackStatus></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"""


@pytest.fixture
def answers() -> list[tuple[int, str]]:
    """What the server says, one after the other; the last one for ever."""
    return []


@pytest.fixture
def stacks(answers: list[tuple[int, str]]) -> Iterator[Stacks]:
    """Asked over HTTP, by the client that the command has."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status, body = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        client = boto3.client(
            "cloudformation",
            region_name="ap-northeast-1",
            endpoint_url=f"http://127.0.0.1:{server.server_port}",
            aws_access_key_id="none",
            aws_secret_access_key="none",
            config=CONFIG,
        )
        yield Stacks(client, print)
        client.close()
        server.shutdown()


def test_a_throttled_look_is_taken_again(stacks: Stacks, answers: list[tuple[int, str]]) -> None:
    """Twice refused, then answered: the run goes on."""
    answers += [(400, THROTTLED), (400, THROTTLED), (200, STACK)]
    found = stacks.get("x")

    assert found is not None
    assert found.status == "CREATE_COMPLETE"


def test_what_aws_refuses_is_said_in_one_sentence(
    stacks: Stacks, answers: list[tuple[int, str]]
) -> None:
    """No traceback of a library's."""
    answers.append(
        (403, THROTTLED.replace("Throttling", "AccessDenied").replace("Rate exceeded", "not you"))
    )

    with pytest.raises(DeployError, match="AWS, DescribeStacks: not you"), told_plainly():
        stacks.get("x")
