"""A version that is published: waited for, protected in ECR, and deleted in the end."""

from typing import Any

import pulumi
import pytest

from stack import account, release

from .conftest import Aws, read

FUNCTION = "/2015-03-31/functions/artline-1234567"
CONFIGURATION = f"GET {FUNCTION}/configuration"
URI = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/artline-7654321@sha256:" + "a" * 64


@pytest.fixture
def lambda_(aws: Aws) -> Any:
    return account.client("lambda", read())


@pytest.fixture
def ecr(aws: Aws) -> Any:
    return account.client("ecr", read())


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


def test_a_version_is_waited_for(aws: Aws, lambda_: Any) -> None:
    aws.answers[CONFIGURATION] = [{"State": "Pending"}, {"State": "Pending"}, {"State": "Active"}]
    release.await_active(lambda_, "artline-1234567", "3")
    assert aws.asked == [f"{CONFIGURATION}?Qualifier=3"] * 3


def test_a_snapshot_that_fails_is_told_with_its_reason(aws: Aws, lambda_: Any) -> None:
    reason = "The snapshot could not be made."
    aws.answers[CONFIGURATION] = {"State": "Failed", "StateReason": reason}
    with pytest.raises(pulumi.RunError) as refusal:
        release.await_active(lambda_, "artline-1234567", "3")
    assert str(refusal.value).startswith(
        "Version 3 of artline-1234567 cannot be invoked (The snapshot could not be made), so"
    )
    assert "docs/operate.md" in str(refusal.value)


def test_a_state_that_may_not_be_asked_for_stops_nothing(aws: Aws, lambda_: Any) -> None:
    aws.answers[CONFIGURATION] = (403, {"__type": "AccessDeniedException", "message": "no"})
    release.await_active(lambda_, "artline-1234567", "3")


def test_the_image_behind_the_alias_is_marked(aws: Aws, lambda_: Any, ecr: Any) -> None:
    aws.answers = {
        f"GET {FUNCTION}": {"Code": {"ResolvedImageUri": URI}},
        "BatchGetImage": {
            "images": [{"imageManifest": "{}", "imageManifestMediaType": release.MANIFESTS[1]}]
        },
        "PutImage": {},
    }
    release.mark(lambda_, ecr, "artline-1234567")
    assert aws.asked[0] == f"GET {FUNCTION}?Qualifier=live"
    assert aws.bodies[1:] == [
        {
            "registryId": "123456789012",
            "repositoryName": "artline-7654321",
            "imageIds": [{"imageDigest": "sha256:" + "a" * 64}],
            "acceptedMediaTypes": list(release.MANIFESTS),
        },
        {
            "registryId": "123456789012",
            "repositoryName": "artline-7654321",
            "imageManifest": "{}",
            "imageManifestMediaType": release.MANIFESTS[1],
            "imageDigest": "sha256:" + "a" * 64,
            "imageTag": "live-artline-1234567",
        },
    ]
    aws.answers["PutImage"] = (400, {"__type": "ImageAlreadyExistsException", "message": "there"})
    release.mark(lambda_, ecr, "artline-1234567")


@pytest.mark.parametrize("code", [{"ImageUri": "sha256:" + "0" * 64}, {}])
def test_an_image_of_no_registry_cannot_be_marked(
    aws: Aws, lambda_: Any, ecr: Any, code: dict[str, str]
) -> None:
    aws.answers = {f"GET {FUNCTION}": {"Code": code}}
    release.mark(lambda_, ecr, "artline-1234567")
    assert len(aws.asked) == 1


def test_before_the_first_alias_there_is_nothing_to_mark(aws: Aws, lambda_: Any, ecr: Any) -> None:
    release.mark(lambda_, ecr, "artline-1234567")
    assert len(aws.asked) == 1


ALIAS = f"GET {FUNCTION}/aliases/live"
PROVISIONED = "GET /2019-09-30/functions/artline-1234567/provisioned-concurrency"
LED = {"FunctionVersion": "2", "RoutingConfig": {"AdditionalVersionWeights": {"1": 1.0}}}
"""While version 2's provisioned environments start, all calls go to version 1."""


def test_callers_are_waited_for(aws: Aws, lambda_: Any) -> None:
    aws.answers = {
        ALIAS: [LED, LED, {"FunctionVersion": "2"}],
        PROVISIONED: {"Status": "IN_PROGRESS"},
    }
    release.wait_served(lambda_, "artline-1234567")
    assert len(aws.asked) == 5


@pytest.mark.parametrize(
    ("status", "said", "cleared"),
    [
        (
            {"Status": "FAILED", "StatusReason": "No capacity."},
            "callers meet it without provisioned environments: No capacity. Lower artline:warm",
            True,
        ),
        ({"Status": "IN_PROGRESS"}, "callers meet the version before until they are", False),
    ],
)
def test_environments_that_do_not_start_end_the_update(
    aws: Aws,
    lambda_: Any,
    status: dict[str, str],
    said: str,
    cleared: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And let the next one ask for fewer, which Lambda takes of no alias with weights."""
    monkeypatch.setattr(release, "PAUSE", 100)
    update = ALIAS.replace("GET", "PUT")
    aws.answers = {ALIAS: LED, PROVISIONED: status, update: {}}
    with pytest.raises(pulumi.RunError, match=said):
        release._await_served(lambda_, "artline-1234567", "2")
    sent = [body for key, body in zip(aws.asked, aws.bodies, strict=True) if key == update]
    assert sent == ([{"RoutingConfig": {"AdditionalVersionWeights": {}}}] if cleared else [])


def test_weights_that_somebody_chose_are_not_waited_for(aws: Aws, lambda_: Any) -> None:
    missing = (404, {"__type": "ProvisionedConcurrencyConfigNotFoundException", "message": "no"})
    aws.answers = {ALIAS: LED, PROVISIONED: missing}
    release.wait_served(lambda_, "artline-1234567")
    some = {"FunctionVersion": "2", "RoutingConfig": {"AdditionalVersionWeights": {"1": 0.1}}}
    aws.answers = {ALIAS: some, PROVISIONED: {"Status": "READY"}}
    release.wait_served(lambda_, "artline-1234567")
    assert len(aws.asked) == 3


def test_an_alias_that_may_not_be_asked_for_stops_nothing(aws: Aws, lambda_: Any) -> None:
    aws.answers[ALIAS] = (403, {"__type": "AccessDeniedException", "message": "no"})
    release._await_served(lambda_, "artline-1234567", "3")


@pytest.mark.parametrize(
    ("snapshots", "deleted"), [(range(1, 6), ["1", "3", "4", "5"]), (range(1, 8), [])]
)
def test_leaving_snapstart_deletes_the_snapshots(
    aws: Aws, lambda_: Any, snapshots: Any, deleted: list[str]
) -> None:
    """But never a version that is live, or that calls are still led to."""
    versions = _versions(*range(1, 8))
    for each in versions["Versions"]:
        on = each["Version"] in map(str, snapshots)
        each["SnapStart"] = {"ApplyOn": "PublishedVersions" if on else "None"}
    weights = {"AdditionalVersionWeights": {"2": 1.0}}
    aws.answers = {
        f"GET {FUNCTION}/versions": versions,
        f"GET {FUNCTION}/aliases": {
            "Aliases": [{"Name": "live", "FunctionVersion": "7", "RoutingConfig": weights}]
        },
        f"DELETE {FUNCTION}": (204, {}),
    }
    release.prune(lambda_, "artline-1234567")
    asked = [each for each in aws.asked if each.startswith("DELETE")]
    assert asked == [f"DELETE {FUNCTION}?Qualifier={each}" for each in deleted]


def _versions(*numbers: int) -> dict[str, Any]:
    return {"Versions": [{"Version": "$LATEST"}, *({"Version": str(each)} for each in numbers)]}


@pytest.mark.parametrize(
    ("versions", "live", "deleted"),
    [
        (range(1, 11), "10", []),
        (range(1, 14), "13", ["1", "2", "3"]),
        (range(1, 14), "2", ["1", "3"]),
        ([*range(1, 5), *range(95, 105)], "104", ["1", "2", "3", "4"]),
    ],
)
def test_old_versions_are_deleted_but_never_the_aliass(
    aws: Aws, lambda_: Any, versions: Any, live: str, deleted: list[str]
) -> None:
    aws.answers = {
        f"GET {FUNCTION}/versions": _versions(*versions),
        f"GET {FUNCTION}/aliases": {"Aliases": [{"Name": "live", "FunctionVersion": live}]},
        f"DELETE {FUNCTION}": (204, {}),
    }
    release.prune(lambda_, "artline-1234567")
    asked = [each for each in aws.asked if each.startswith("DELETE")]
    assert asked == [f"DELETE {FUNCTION}?Qualifier={each}" for each in deleted]
