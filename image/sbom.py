"""The image's software bill of materials: `python -m image.sbom` prints it as CycloneDX JSON.

The model file, the Python packages of the function and of its base, and the base's own packages,
as the image itself lists them. One image gives the same document each time.
"""

import argparse
import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from cyclonedx.model import (
    ExternalReference,
    ExternalReferenceType,
    HashAlgorithm,
    HashType,
    XsUri,
)
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from .container import TAG, MissingError, docker, require_engine
from .context import ROOT

MODEL = """python -c '
import json
from function.model import load
print(json.dumps([load().name, load().version]))
'"""
PYTHON = (
    "python -m pip --disable-pip-version-check inspect --path /var/task --path /var/runtime"
    """ --path "$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" """
)
SYSTEM = r"""
. /etc/os-release
if command -v rpm >/dev/null
then rpm -qa --queryformat "rpm/$ID/%{NAME}\t%{LICENSE}\t%{VERSION}-%{RELEASE}\n"
else dpkg-query --show --showformat "deb/$ID/\${Package}\t\t\${Version}\n"
fi
"""
PIN = re.compile(r"^(\S+)==(\S+)((?:\s+(?:\\\s+)?--hash=\S+)+)", re.MULTILINE)


def document(image: str) -> str:
    """The CycloneDX 1.6 document of `image`. Raises `CalledProcessError` where there is none."""
    found = json.loads(docker("image", "inspect", "--format={{json .}}", image))
    labels, digest = found["Config"]["Labels"], found["Id"].removeprefix("sha256:")
    name, version = json.loads(_inside(image, MODEL))
    model = Component(
        name=name,
        version=version,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref="model",
        hashes=_hashed([labels["artline.model.sha256"]]),
    )
    subject = Component(
        name="artline",
        version=labels["org.opencontainers.image.version"],
        type=ComponentType.CONTAINER,
        bom_ref="artline",
        hashes=_hashed([digest]),
    )
    packages = [*_python(_inside(image, PYTHON)), *_system(_inside(image, SYSTEM))]
    bom = Bom(
        components=[model, *packages],
        serial_number=uuid.uuid5(uuid.NAMESPACE_OID, digest),
        metadata=BomMetaData(component=subject, timestamp=datetime.fromisoformat(found["Created"])),
    )
    bom.register_dependency(subject, bom.components)
    return JsonV1Dot6(bom).output_as_string(indent=1)


def _inside(image: str, command: str) -> str:
    options = ["--rm", "--network=none", "--read-only", "--entrypoint=sh"]
    return docker("run", *options, image, "-euc", command)


def _python(report: str) -> Iterator[Component]:
    """The packages in pip's `report`, with the hashes of the files that each was pinned to."""
    requirements = (ROOT / "function" / "requirements.txt").read_text()
    pins = {(name, version): hashes for name, version, hashes in PIN.findall(requirements)}
    for package in json.loads(report)["installed"]:
        about = package["metadata"]
        purl = PackageURL("pypi", None, about["name"], about["version"])
        hashes = re.findall(r"sha256:(\w+)", pins.get((purl.name, about["version"]), ""))
        file = ExternalReference(
            type=ExternalReferenceType.DISTRIBUTION,
            url=XsUri(purl.to_string()),
            hashes=_hashed(hashes),
        )
        yield _package(purl, _license(about), [file] if hashes else [])


def _license(about: Mapping[str, Any]) -> str:
    """The licence's expression or name; older packages have its text, or a classifier alone."""
    given = str(about.get("license_expression") or about.get("license") or "\n")
    classifiers = [each for each in about.get("classifier", []) if each.startswith("License ::")]
    return ", ".join(each.split(" :: ")[-1] for each in classifiers) if "\n" in given else given


def _system(listing: str) -> Iterator[Component]:
    for line in listing.splitlines():
        package, license_, version = line.split("\t")
        kind, distribution, name = package.split("/")
        yield _package(PackageURL(kind, distribution, name, version), license_)


def _package(
    purl: PackageURL, license_: str, references: Iterable[ExternalReference] = ()
) -> Component:
    return Component(
        name=purl.name,
        version=purl.version,
        purl=purl,
        bom_ref=purl.to_string(),
        licenses=[DisjunctiveLicense(name=license_)] if license_ else [],
        external_references=references,
    )


def _hashed(digests: list[str]) -> list[HashType]:
    return [HashType(alg=HashAlgorithm.SHA_256, content=each) for each in digests]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m image.sbom", description=__doc__)
    parser.add_argument("--tag", default=TAG, help="of the image (%(default)s)")
    try:
        tag = parser.parse_args().tag
        require_engine()
        print(document(tag))
    except MissingError as missing:
        sys.exit(str(missing))
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.stderr or ''}{error}")


if __name__ == "__main__":
    main()
