"""The policy pack, asked as Pulumi's engine asks it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc  # type: ignore[import-untyped]
import pytest
from google.protobuf.json_format import ParseDict  # type: ignore[import-untyped]
from google.protobuf.struct_pb2 import Struct  # type: ignore[import-untyped]
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from .conftest import Program

PACK = Path(__file__).parents[2] / "policy"

Declare = Callable[..., Program]


@pytest.fixture(scope="module")
def analyzer() -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    with subprocess.Popen([sys.executable, PACK], stdout=subprocess.PIPE, text=True) as pack:
        assert pack.stdout is not None
        try:
            with grpc.insecure_channel(f"127.0.0.1:{int(pack.stdout.readline())}") as channel:
                yield analyzer_pb2_grpc.AnalyzerStub(channel)
        finally:
            pack.kill()


def _violations(
    analyzer: analyzer_pb2_grpc.AnalyzerStub, type_: str, properties: object
) -> dict[str, str]:
    request = analyzer_pb2.AnalyzeRequest(
        type=type_,
        urn=f"urn:pulumi:dev::artline::{type_}::x",
        name="x",
        properties=ParseDict(properties, Struct()),
    )
    return {each.policyName: each.message for each in analyzer.Analyze(request).diagnostics}


def test_what_the_program_declares_passes(
    analyzer: analyzer_pb2_grpc.AnalyzerStub, declare: Declare
) -> None:
    for each in declare().resources:
        assert _violations(analyzer, each.type, each.properties) == {}, each.key


def test_what_breaks_a_rule_is_named(analyzer: analyzer_pb2_grpc.AnalyzerStub) -> None:
    violations = _violations(analyzer, "aws:s3/bucket:Bucket", {"tags": {"Project": "artline"}})
    assert set(violations) == {"tagged", "deletable"}
    assert "x cannot be destroyed while it holds anything" in violations["deletable"]
