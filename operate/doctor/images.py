"""The function's image: as it was built, as it was pushed, and as it runs."""

from __future__ import annotations

import re

from stack.release import MANIFESTS

from .aws import explained
from .check import Finding, failed, ok, warning
from .deployment import Deployment
from .machine import classic_store
from .program import ask, ask_json

REBUILD = (
    'pulumi up --replace "$(pulumi stack --show-urns'
    " | grep -o 'urn:.*docker:index/image:Image::.*')\""
)
"""Builds and pushes the image again. The URN is that of the stack's one image."""

IN_ECR = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(.+)@(sha256:.+)")

ACCEPTED = (
    *MANIFESTS,
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)
"""ECR returns a manifest in one of the accepted forms, and converts where it can."""

OURS = "label=org.opencontainers.image.title=ArtLine"


def last(deployment: Deployment) -> Finding | None:
    """The last image built by this engine: its media type and its platform."""
    built = ask("docker", "image", "ls", "--quiet", "--no-trunc", "--filter", OURS).split()
    if not built:
        return None
    image = ask_json("docker", "image", "inspect", "--format", "{{json .}}", built[0])
    # An engine that names no media type keeps single images only, and pushes Docker's own format.
    media_type = (image.get("Descriptor") or {}).get("mediaType", MANIFESTS[0])
    # Lambda refuses an index, which lists the images of several platforms, or an attestation.
    if media_type not in MANIFESTS:
        return failed(f"Lambda refuses {media_type}", classic_store())
    platform = f"{image.get('Os')}/{image.get('Architecture')}"
    found = f"{platform}, {image.get('Size', 0) / 1e6:.0f} MB, {media_type}"
    if platform != deployment.platform:
        return warning(f"{found}: architecture is {deployment.architecture}", "pulumi up")
    return ok(found)


@explained
def pushed(deployment: Deployment) -> Finding | None:
    """The media type of the deployed image, as the registry has it."""
    place = IN_ECR.fullmatch(deployment.image_uri or "")
    if not place:
        return None
    registry, where, repository, digest = place.groups()
    answer = deployment.client("ecr", where).batch_get_image(
        registryId=registry,
        repositoryName=repository,
        imageIds=[{"imageDigest": digest}],
        acceptedMediaTypes=ACCEPTED,
    )
    if not answer["images"]:
        # The engine knows the image by its state, so an unchanged `pulumi up` would not push it.
        return failed(f"{repository} no longer has {digest[:19]}", REBUILD)
    media_type = answer["images"][0].get("imageManifestMediaType", "an unknown media type")
    if media_type not in MANIFESTS:
        return failed(f"Lambda refuses {media_type}", classic_store())
    return ok(f"{digest[:19]}, {media_type}")


@explained
def running(deployment: Deployment) -> Finding | None:
    """The image that the function runs, against the one that the stack says it deployed."""
    alias, uri = (deployment.stack.outputs.get(key) for key in ("aliasArn", "imageUri"))
    if not alias or not uri:
        return None
    code = deployment.client("lambda").get_function(FunctionName=alias)["Code"]
    digest = (code.get("ResolvedImageUri") or code.get("ImageUri", "")).rpartition("@")[2]
    expected = str(uri).rpartition("@")[2]
    if digest != expected:
        # As after a roll-back, which an unchanged `pulumi up` leaves as it is.
        found = f"{digest[:19]} runs, the stack's is {expected[:19]}"
        return warning(found, "pulumi up --refresh")
    return ok(f"{digest[:19]}, the stack's")
