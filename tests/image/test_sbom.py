"""The image's bill of materials names what is in it."""

import hashlib
import json
import re
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from artline.version import MODEL
from image import sbom
from image.container import docker
from image.context import ROOT

Components = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def components(image: str) -> Components:
    text = sbom.document(image)
    assert text == sbom.document(image)
    document = json.loads(text)
    digest = docker("image", "inspect", "--format={{.Id}}", image).removeprefix("sha256:")
    assert document["metadata"]["component"]["hashes"][0]["content"] == digest
    return {each.get("purl", each["type"]): each for each in document["components"]}


def test_every_pinned_package_with_its_licence_and_hashes(
    components: Components,
) -> None:
    requirements = (ROOT / "function" / "requirements.txt").read_text()
    pins = re.findall(r"^(\S+)==(\S+)", requirements, re.MULTILINE)
    assert len(pins) > 10
    hashes = set()
    for name, version in pins:
        package = components[f"pkg:pypi/{name}@{version}"]
        assert package["licenses"][0]["license"]["name"]
        hashes |= {each["content"] for each in package["externalReferences"][0]["hashes"]}
    assert hashes == set(re.findall(r"--hash=sha256:(\w+)", requirements))


def test_the_model_file(components: Components) -> None:
    model = MODEL.read_bytes()
    (found,) = components["machine-learning-model"]["hashes"]
    assert found == {"alg": "SHA-256", "content": hashlib.sha256(model).hexdigest()}


def test_what_the_base_brings(components: Components) -> None:
    names = {purl.partition("@")[0].rpartition("/")[2] for purl in components}
    assert {"awslambdaric", "bash"} <= names  # the runtime's client, and the system's own
    assert all(component["version"] for component in components.values())


def test_it_is_cyclonedx(image: str) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(sbom.document(image)) is None
