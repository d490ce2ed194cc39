"""What is in the image, in which layer, and how it is ready to start."""

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from artline.version import MODEL, __version__
from image import context
from image.container import Container, build, docker
from image.context import ROOT
from tests.function.test_fuzz import posted


def inside(image: str, code: str) -> Any:
    """What `code` prints as JSON in a container without network or a writable file system."""
    options = ["--rm", "--read-only", "--network=none", "--user=12345:6789"]
    output = docker("run", *options, "--entrypoint=python", image, "-c", code)
    return json.loads(output.splitlines()[-1])


def layers(image: str) -> list[str]:
    found: list[str] = json.loads(
        docker("image", "inspect", "--format={{json .RootFS.Layers}}", image)
    )
    return found


def size(image: str) -> int:
    return int(docker("image", "inspect", "--format={{.Size}}", image))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the image is built from, to change."""
    for name in ("artline", "function"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def test_a_code_change_is_kilobytes(image: str, checkout: Path) -> None:
    source = checkout / "artline" / "limits.py"
    source.write_text(source.read_text() + "\n# changed\n")
    changed = build(f"{image}-code", root=checkout)
    try:
        assert layers(changed)[:-1] == layers(image)[:-1]
        assert layers(changed)[-1] != layers(image)[-1]
        history = docker("history", "--format={{.Size}}", "--human=false", changed).split()
        assert next(int(layer) for layer in history if layer != "0") < 600_000
    finally:
        docker("image", "rm", changed)


def test_a_model_change_leaves_the_dependencies(image: str, checkout: Path) -> None:
    (checkout / "artline" / "model.onnx").write_bytes(b"another model")
    changed = build(f"{image}-model", root=checkout)
    try:
        assert layers(changed)[:-2] == layers(image)[:-2]
        assert layers(changed)[-1] == layers(image)[-1]
        assert layers(changed)[-2] != layers(image)[-2]
    finally:
        docker("image", "rm", changed)


def test_permissions_and_times_of_the_checkout_do_not_matter(image: str, checkout: Path) -> None:
    for path in [checkout, *checkout.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    same = build(f"{image}-same", root=checkout)
    try:
        assert layers(same) == layers(image)
    finally:
        docker("image", "rm", same)


def test_nothing_of_the_build_context_but_what_runs(image: str) -> None:
    files = inside(
        image,
        "import json, os; os.chdir('/var/task')\n"
        "print(json.dumps([os.path.join(d, f) for d, _, names in os.walk('.') for f in names]))",
    )
    ours = {file.removeprefix("./") for file in files if re.match(r"\./(artline|function)/", file)}
    ours = {file for file in ours if not file.endswith(".pyc")}
    assert ours == set(context.files()) - {"function/requirements.txt"}


def test_labels(image: str) -> None:
    labels = json.loads(docker("image", "inspect", "--format={{json .Config.Labels}}", image))
    assert labels["org.opencontainers.image.version"] == __version__
    assert labels["org.opencontainers.image.licenses"] == "MIT"
    model = MODEL.read_bytes()
    assert labels["artline.model.sha256"] == hashlib.sha256(model).hexdigest()


def test_all_modules_and_clients_are_there(image: str) -> None:
    """Some are imported only when they are needed, which is too late to find that they are not."""
    services = {
        service
        for path in (ROOT / "function").glob("*.py")
        for service in re.findall(r"""(?:client|resource)\(\s*["'](\w+)["']""", path.read_text())
    }
    imported = inside(
        image,
        "import json, importlib, pkgutil, boto3, artline, function\n"
        "from aws_lambda_powertools.utilities import batch, parameters\n"
        "for package in artline, function:\n"
        "    for module in pkgutil.walk_packages(package.__path__, f'{package.__name__}.'):\n"
        "        importlib.import_module(module.name)\n"
        f"for service in {sorted(services | {'ssm'})!r}:\n"
        "    boto3.client(service, region_name='eu-central-1')\n"
        "print(json.dumps(True))",
    )
    assert imported is True


def test_every_module_is_compiled(image: str) -> None:
    """Where byte code is missing, each cold start compiles the source anew."""
    missing = inside(
        image,
        "import json, importlib.util, pathlib\n"
        "sources = pathlib.Path('/var/task').rglob('*.py')\n"
        "cached = (importlib.util.cache_from_source(str(source)) for source in sources)\n"
        "print(json.dumps([file for file in cached if not pathlib.Path(file).exists()]))",
    )
    assert missing == []


def test_a_snapshot_of_it_holds_no_connection_and_no_key(image: str) -> None:
    """SnapStart starts many environments from one snapshot: clients and randomness come later."""
    loaded = inside(
        image,
        "import json, sys, function.app\n"
        "late = 'boto3', 'botocore.session', 'urllib3', 'ssl'\n"
        "print(json.dumps([name for name in late if name in sys.modules]))",
    )
    assert loaded == []


def test_the_engine_sends_no_telemetry(container: Container, face: bytes) -> None:
    """It would, and warns of the home it cannot keep its identifier in."""
    container.invoke(posted(face))
    assert "telemetry" not in container.logs()
