"""The same story with Pulumi's own engine and provider, led to the emulator by configuration.

`make test-pulumi` runs it. It takes the `pulumi` command, and its `aws` plugin, which the command
fetches where it is missing.
"""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml  # type: ignore[import-untyped]
from pulumi import automation as auto

from .apply import Emulator
from .checks import NOTHING, calling, draws, left
from .names import names

ROOT = Path(__file__).parents[2]

if shutil.which("pulumi") is None:
    pytest.skip("no pulumi command: see pulumi.com/docs/install", allow_module_level=True)

SERVICES = (
    *("apigatewayv2", "cloudwatch", "ecr", "events", "iam", "lambda", "logs", "s3", "s3control"),
    *("sns", "sqs", "ssm", "sts"),
)
"""What the provider calls, by the provider's names."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The Pulumi project, where a stack of it leaves no file in the repository."""
    copy = tmp_path / "project"
    copy.mkdir()
    for name in ("__main__.py", "pyproject.toml"):
        shutil.copy(ROOT / name, copy)
    for name in ("artline", "function", "image", "stack"):
        shutil.copytree(ROOT / name, copy / name)
    settings = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    settings["runtime"]["options"]["virtualenv"] = sys.prefix  # the packages that run this test
    (copy / "Pulumi.yaml").write_text(yaml.safe_dump(settings))
    return copy


@pytest.fixture
def stack(project: Path, emulator: Emulator, image: str, tmp_path: Path) -> Iterator[auto.Stack]:
    """A stack that knows of no account but the emulator's, with its state beside it."""
    state = tmp_path / "state"
    state.mkdir()
    variables = {
        "PULUMI_BACKEND_URL": state.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "none",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    made = auto.create_stack(
        "emulator", work_dir=str(project), opts=auto.LocalWorkspaceOptions(env_vars=variables)
    )
    port = urlsplit(emulator.endpoint).port
    with names(emulator.endpoint) as proxy:
        settings = {
            "artline:imageUri": image,  # the emulator's registry takes no layers
            "aws:region": emulator.region,
            "aws:accessKey": emulator.keys["AWS_ACCESS_KEY_ID"],
            "aws:secretKey": emulator.keys["AWS_SECRET_ACCESS_KEY"],
            "aws:skipMetadataApiCheck": "true",
            "aws:s3UsePathStyle": "true",
            "aws:httpProxy": proxy,
            **{f"aws:endpoints[0].{service}": emulator.endpoint for service in SERVICES},
            # Calls of this service go to a host named after the account, of which an address
            # has none.
            "aws:endpoints[0].s3control": f"http://s3control.localhost:{port}",
        }
        made.set_all_config(
            {key: auto.ConfigValue(value) for key, value in settings.items()}, path=True
        )
        yield made


def test_up_preview_up_destroy(
    stack: auto.Stack, emulator: Emulator, broken_image: str, face: bytes
) -> None:
    outputs = stack.up(on_output=print).outputs
    with calling(outputs["endpoint"].value) as client:
        draws(client, face)
        stack.preview(on_output=print, expect_no_changes=True)
        stack.set_config("artline:memory", auto.ConfigValue("3008"))
        stack.up(on_output=print)
        draws(client, face)
        stack.set_config("artline:imageUri", auto.ConfigValue(broken_image))
        with pytest.raises(auto.CommandError):
            stack.up(on_output=print)
        draws(client, face)  # by the version before
    function = {"FunctionName": outputs["functionName"].value}
    alias = emulator.client("lambda").get_alias(**function, Name="live")
    assert alias["FunctionVersion"] == "2"
    configuration = emulator.client("lambda").get_function_configuration(**function)
    assert configuration["MemorySize"] == 3008
    stack.destroy(on_output=print)
    assert left(emulator) == NOTHING


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"memory": "64"}, "artline:memory is 64: it may be a whole number from 128 to 10240."),
        ({"auth": "token"}, "artline:auth is token, and artline:apiToken is unset"),
        ({"warm": "snapstart", "warmCopies": "2"}, "artline:warmCopies is 2: it may be 1"),
        ({"aws:region": "eu-middle-9"}, "aws:region is eu-middle-9: it may be any AWS region"),
        ({"memroy": "512"}, "artline:memroy is not a setting: the nearest is artline:memory"),
        ({"apiToken": "hunter2"}, "artline:apiToken is in plain text in Pulumi.emulator.yaml"),
        ({"reservedConcurrency": "100000"}, "artline:reservedConcurrency is 100000: it may be"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_preview_refuses_in_one_sentence(
    stack: auto.Stack,
    emulator: Emulator,
    settings: dict[str, str],
    sentence: str,
) -> None:
    for key, value in settings.items():
        stack.set_config(key, auto.ConfigValue(value))
    with pytest.raises(auto.CommandError) as refusal:
        stack.preview()
    assert sentence in str(refusal.value)
    assert "Traceback" not in str(refusal.value)
    assert left(emulator) == NOTHING


def test_without_a_daemon_a_preview_refuses_in_one_sentence(
    stack: auto.Stack, emulator: Emulator
) -> None:
    stack.remove_config("artline:imageUri")
    stack.workspace.env_vars = {
        **stack.workspace.env_vars,
        "DOCKER_HOST": "tcp://127.0.0.1:9",
    }
    with pytest.raises(auto.CommandError) as refusal:
        stack.preview()
    assert "No Docker daemon answers at tcp://127.0.0.1:9" in str(refusal.value)
    assert "Traceback" not in str(refusal.value)
    assert left(emulator) == NOTHING
