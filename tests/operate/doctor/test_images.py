"""The image: on the real engine and on such as a test makes up, and in an emulated account."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from operate.doctor import images, machine
from operate.doctor.deployment import Deployment
from stack.release import MANIFESTS

DOCKER, OCI = MANIFESTS
INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


def test_an_image_on_the_real_engine(real: None, deployment: Deployment, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        f"FROM scratch\n{images.OURS.replace('=', ' ', 1).replace('label', 'LABEL')}\n"
        "COPY Dockerfile /\n"
    )
    build = ["docker", "build", "--quiet", str(tmp_path)]
    image = subprocess.run(build, check=True, capture_output=True, text=True).stdout.strip()
    try:
        finding = images.last(deployment)
    finally:
        subprocess.run(["docker", "image", "rm", image], check=True, capture_output=True)
    assert finding is not None
    assert "+json" in finding.found


@pytest.mark.parametrize(
    ("image", "status", "said"),
    [
        ({"Os": "linux", "Architecture": "amd64", "Size": 265e6}, "ok", DOCKER),
        ({"Os": "linux", "Architecture": "amd64", "Descriptor": {"mediaType": OCI}}, "ok", OCI),
        ({"Os": "linux", "Architecture": "amd64", "Descriptor": None}, "ok", DOCKER),
        (
            {"Os": "linux", "Architecture": "amd64", "Descriptor": {"mediaType": INDEX}},
            "failed",
            f"Lambda refuses {INDEX}",
        ),
        ({"Os": "linux", "Architecture": "arm64"}, "warning", "architecture is x86_64"),
    ],
)
def test_images_by_their_form(
    program: Any, deployment: Deployment, image: dict[str, Any], status: str, said: str
) -> None:
    program("docker", image_ls="sha256:1\nsha256:2", image_inspect=json.dumps(image))
    finding = images.last(deployment)
    assert finding is not None
    assert finding.status == status
    assert said in finding.found
    assert (finding.fix is None) == (status == "ok")


def test_no_image_yet(program: Any, deployment: Deployment) -> None:
    program("docker", image_ls="")
    assert images.last(deployment) is None


@pytest.mark.parametrize(
    ("media_type", "status"),
    [(each, "ok" if each in MANIFESTS else "failed") for each in images.ACCEPTED],
)
def test_the_form_of_a_pushed_image(
    aws: Any, program: Any, deployment: Deployment, media_type: str, status: str
) -> None:
    ecr = aws.client("ecr")
    name = f"artline-{images.ACCEPTED.index(media_type)}"
    ecr.create_repository(repositoryName=name)
    manifest = json.dumps({"schemaVersion": 2, "mediaType": media_type})
    pushed = ecr.put_image(
        repositoryName=name, imageManifest=manifest, imageManifestMediaType=media_type
    )
    digest = pushed["image"]["imageId"]["imageDigest"]
    uri = f"000000000000.dkr.ecr.us-east-1.amazonaws.com/{name}@{digest}"
    program("pulumi", stack_output=json.dumps({"imageUri": uri}))
    finding = images.pushed(deployment)
    assert finding is not None
    assert finding.status == status
    assert media_type in finding.found
    assert finding.fix == (None if status == "ok" else machine.classic_store())


def test_an_image_that_is_gone(aws: Any, program: Any, deployment: Deployment) -> None:
    aws.client("ecr").create_repository(repositoryName="emptied")
    uri = f"000000000000.dkr.ecr.us-east-1.amazonaws.com/emptied@sha256:{'2' * 64}"
    program("pulumi", stack_output=json.dumps({"imageUri": uri}))
    finding = images.pushed(deployment)
    assert finding is not None
    assert (finding.status, finding.fix) == ("failed", images.REBUILD)


@pytest.mark.parametrize("uri", [None, "", "sha256:" + "0" * 64])
def test_an_image_of_no_registry(program: Any, deployment: Deployment, uri: str | None) -> None:
    program("pulumi", stack_output=json.dumps({"imageUri": uri}))
    assert images.pushed(deployment) is None


def test_the_image_that_runs(aws: Any, make: Any, program: Any) -> None:
    uri = make("runs")
    # What callers see is the alias, wherever the newest code is.
    other = uri.replace("1" * 64, "4" * 64)
    aws.client("lambda").update_function_code(FunctionName="runs", ImageUri=other)
    alias = "arn:aws:lambda:us-east-1:000000000000:function:runs:live"
    stack = {"aliasArn": alias, "imageUri": uri}
    program("pulumi", stack_output=json.dumps(stack))
    finding = images.running(Deployment())
    assert finding is not None
    assert finding.status == "ok"
    program("pulumi", stack_output=json.dumps(stack | {"imageUri": f"x@sha256:{'3' * 64}"}))
    finding = images.running(Deployment())
    assert finding is not None
    assert (finding.status, finding.fix) == ("warning", "pulumi up --refresh")


def test_nothing_runs_yet(bare: Path, deployment: Deployment) -> None:
    assert images.running(deployment) is None
