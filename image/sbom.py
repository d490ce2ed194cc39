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
from collections.abc import Iterator, Mapping
from typing import Any

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


def document(image: str) -> dict[str, Any]:
    """The CycloneDX 1.6 document of `image`. Raises `CalledProcessError` where there is none."""
    found = json.loads(docker("image", "inspect", "--format={{json .}}", image))
    labels, digest = found["Config"]["Labels"], found["Id"].removeprefix("sha256:")
    version = labels["org.opencontainers.image.version"]
    subject = {"type": "container", "name": "artline", "version": version}
    name, version = json.loads(_inside(image, MODEL))
    model = {"type": "machine-learning-model", "name": name, "version": version}
    packages = [*_python(_inside(image, PYTHON)), *_system(_inside(image, SYSTEM))]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_OID, digest).urn,
        "version": 1,
        "metadata": {"component": subject | _hashed([digest])},
        "components": [
            model | _hashed([labels["artline.model.sha256"]]),
            *sorted(packages, key=lambda package: str(package["purl"])),
        ],
    }


def _inside(image: str, command: str) -> str:
    options = ["--rm", "--network=none", "--read-only", "--entrypoint=sh"]
    return docker("run", *options, image, "-euc", command)


def _python(report: str) -> Iterator[dict[str, Any]]:
    """The packages in pip's `report`, with the hashes of the files that each was pinned to."""
    requirements = (ROOT / "function" / "requirements.txt").read_text()
    pins = {(name, version): hashes for name, version, hashes in PIN.findall(requirements)}
    for package in json.loads(report)["installed"]:
        about = package["metadata"]
        name = re.sub(r"[-_.]+", "-", about["name"]).lower()
        component = _package(f"pypi/{name}", about["version"], _license(about))
        if hashes := re.findall(r"sha256:(\w+)", pins.get((name, about["version"]), "")):
            file = {"type": "distribution", "url": component["purl"]}
            component["externalReferences"] = [file | _hashed(hashes)]
        yield component


def _license(about: Mapping[str, Any]) -> str:
    """The licence's expression or name; older packages have its text, or a classifier alone."""
    given = str(about.get("license_expression") or about.get("license") or "\n")
    classifiers = [each for each in about.get("classifier", []) if each.startswith("License ::")]
    return ", ".join(each.split(" :: ")[-1] for each in classifiers) if "\n" in given else given


def _system(listing: str) -> Iterator[dict[str, Any]]:
    for line in listing.splitlines():
        package, license_, version = line.split("\t")
        yield _package(package, version, license_)


def _package(package: str, version: str, license_: str) -> dict[str, Any]:
    purl = f"pkg:{package}@{version.replace('+', '%2B')}"
    name = package.rpartition("/")[2]
    component = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    return component | ({"licenses": [{"license": {"name": license_}}]} if license_ else {})


def _hashed(digests: list[str]) -> dict[str, Any]:
    return {"hashes": [{"alg": "SHA-256", "content": each} for each in digests]}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m image.sbom", description=__doc__)
    parser.add_argument("--tag", default=TAG, help="of the image (%(default)s)")
    try:
        tag = parser.parse_args().tag
        require_engine()
        print(json.dumps(document(tag), indent=1))
    except MissingError as missing:
        sys.exit(str(missing))
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.stderr or ''}{error}")


if __name__ == "__main__":
    main()
