"""A machine with the programs that a test gives it, and an AWS account in an emulator."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from local.cloud import Cloud

ROOT = Path(__file__).parents[3]
Program = Callable[..., None]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty directory to be in, no program on the path, nothing of AWS's or ours set."""
    for name in ("ARTLINE_ENDPOINT", "ARTLINE_TOKEN", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


@pytest.fixture
def program(bare: Path) -> Program:
    """Puts a program in the path. Its answers are by what its arguments begin with.

    What is not among them fails with the answer to "", or in silence.
    """

    def install(name: str, **answers: object) -> None:
        script = bare.parent / "bin" / name
        script.write_text(
            f"#!{sys.executable}\n"
            "import sys\n"
            f"answers = { ({k.replace('_', ' '): v for k, v in answers.items()})!r}\n"
            "assert '--show-secrets' not in sys.argv\n"
            "said = ' '.join(sys.argv[1:]).replace('-', '')\n"
            "for begin, answer in answers.items():\n"
            "    if begin != 'error' and said.startswith(begin):\n"
            "        sys.exit(print(answer))\n"
            "sys.exit(answers.get('error', 'error: unknown'))\n"
        )
        script.chmod(0o755)

    return install


@pytest.fixture
def project(bare: Path) -> Callable[..., None]:
    """Puts the project in the directory, with a stack of these settings."""

    def write(**settings: object) -> None:
        (bare / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
        lines = [f"  artline:{name}: {value}" for name, value in settings.items()]
        (bare / "Pulumi.dev.yaml").write_text(
            "\n".join(["config:", "  aws:region: us-east-1", *lines])
        )

    return write


@pytest.fixture
def aws(account: "Cloud", bare: Path, monkeypatch: pytest.MonkeyPatch) -> "Cloud":
    """That account's keys in the environment."""
    for name, value in account.environment.items():
        monkeypatch.setenv(name, value)
    return account


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine of this machine, reachable from a bare directory."""
    from image.container import MissingError, require_engine

    try:
        require_engine()
    except MissingError as what:
        pytest.skip(str(what))


@pytest.fixture
def make(aws: "Cloud") -> Callable[..., str]:
    """Makes a function with an alias, and says the URI of its image."""

    def function(name: str) -> str:
        iam, lambda_ = aws.client("iam"), aws.client("lambda")
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        uri = f"000000000000.dkr.ecr.us-east-1.amazonaws.com/{name}@sha256:{'1' * 64}"
        version = lambda_.create_function(
            FunctionName=name, Role=role, PackageType="Image", Code={"ImageUri": uri}, Publish=True
        )["Version"]
        lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
        return uri

    return function
