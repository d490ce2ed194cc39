"""Files that run something: without --trust nothing runs, and with it nothing gets out."""

import importlib.util
import os
import re
import resource
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.conversion import convert, inspection, sandbox
from models.conversion.options import Options
from models.conversion.pickles import RefusedError
from models.conversion.sandbox import Limits

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "samples"
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("hostile", Path(__file__).with_name("hostile.py"))
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules["hostile"] = made  # so that pickle finds its classes
    spec.loader.exec_module(made)
    return made


hostile = _load()
needs_a_sandbox = pytest.mark.skipif(
    sandbox.working() is None, reason="no sandbox here: apt install bubblewrap"
)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """A file that must not appear."""
    return tmp_path / "ran"


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., str]:
    """What converting a file came to: the refusal, or nothing."""

    def tell(path: Path, **more: Any) -> str:
        options = Options(preview=tmp_path / "preview.jpg", max_side=64, **more)
        try:
            convert.convert(path, tmp_path / "to" / "model.onnx", options, SAMPLES)
        except RefusedError as reason:
            return str(reason)
        return ""

    return tell


def hostile_file(tmp_path: Path, route: str, mark: Path) -> Path:
    if route == "script":
        return hostile.script(tmp_path / "learner.pkl", hostile.Writes(str(mark)))  # type: ignore[no-any-return]
    return hostile.PICKLES[route](tmp_path / "learner.pkl", hostile.leave_a_mark(mark))  # type: ignore[no-any-return]


ROUTES = [*hostile.PICKLES, "script"]


@pytest.mark.parametrize("route", ROUTES)
def test_nothing_runs_without_trust(
    tmp_path: Path, route: str, mark: Path, told: Callable[..., str]
) -> None:
    path = hostile_file(tmp_path, route, mark)
    assert "--trust" in told(path)
    assert not mark.exists()
    assert "--trust" in told(path, sandbox=False)
    assert not mark.exists()
    assert inspection.look(path).verdict != inspection.SAFE
    assert not mark.exists()


@pytest.mark.parametrize("route", ROUTES)
def test_the_command_runs_nothing_without_trust(
    tmp_path: Path, route: str, mark: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from models.__main__ import main

    path = hostile_file(tmp_path, route, mark)
    assert main(["convert", str(path), "-o", str(tmp_path / "model.onnx")]) == 1
    assert "--trust" in capsys.readouterr().err
    assert main(["inspect", str(path)]) == 1
    assert not mark.exists()


@needs_a_sandbox
@pytest.mark.parametrize("route", ROUTES)
def test_what_is_trusted_writes_nothing_outside(
    tmp_path: Path, route: str, mark: Path, told: Callable[..., str]
) -> None:
    path = hostile_file(tmp_path, route, mark)
    told(path, trust=True)
    assert not mark.exists()


def test_the_mark_would_appear_without_a_sandbox(
    tmp_path: Path, mark: Path, told: Callable[..., str]
) -> None:
    """So that its absence above means something."""
    told(hostile_file(tmp_path, "module", mark), trust=True, sandbox=False)
    assert mark.read_text() == "ran"


PROBES = {
    "environment": "import os; leak = os.environ.get('CANARY')",
    "a file of the user's": "leak = open({secret!r}).read()",
    "another process": "leak = open('/proc/%d/cmdline' % {pid}).read()",
    "the working tree": "open('models/canary', 'w'); leak = 'wrote'",
    "another program": "import subprocess; subprocess.run(['/bin/true']); leak = 'ran'",
    "another process of its own": "import os; leak = os.fork() or os._exit(0)",
    "a socket of any kind": "import socket; socket.socket(socket.AF_UNIX); leak = 'made'",
    "a namespace": "import ctypes; library = ctypes.CDLL(None, use_errno=True);"
    " library.unshare(0x10000000); leak = ctypes.get_errno() != 1",
    "the network": "import socket; socket.create_connection({address!r}, 5); leak = 'met'",
}


@needs_a_sandbox
@pytest.mark.parametrize("probe", list(PROBES))
@pytest.mark.parametrize("wrap", ["bubblewrap", "unshare"])
def test_what_is_trusted_sees_nothing(
    tmp_path: Path, probe: str, wrap: str, told: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not sandbox.works(wrap):
        pytest.skip(f"{wrap} does not work here")
    monkeypatch.setattr(sandbox, "working", lambda: wrap)
    secret = tmp_path / "secret"
    secret.write_text("canary-of-a-file")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        words = {"secret": str(secret), "pid": os.getpid(), "address": server.getsockname()}
        code = PROBES[probe].format(**words)
        code = f"try:\n {code}\nexcept Exception as e: leak = None\nassert not leak, 'leak'"
        path = hostile.module(tmp_path / "module.pkl", code)
        with hostile.variable("CANARY", "canary"):
            said = told(path, trust=True)
        assert said == ""
        with pytest.raises(TimeoutError):
            server.accept()


@needs_a_sandbox
def test_a_probe_that_leaks_is_noticed(tmp_path: Path, told: Callable[..., str]) -> None:
    path = hostile.module(tmp_path / "module.pkl", "leak = 'x'\nassert not leak, 'leak'")
    assert "leak" in told(path, trust=True)


@needs_a_sandbox
def test_a_loop_ends(tmp_path: Path, told: Callable[..., str]) -> None:
    path = hostile.script(tmp_path / "loop.pt", hostile.Loops())
    said = told(path, trust=True, limits=Limits(seconds=15))
    assert "15 s" in said or "status" in said


@needs_a_sandbox
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = bytearray(64 << 30)", "MemoryError"),
        ("open('facts.json', 'wb').truncate(8 << 30)", "File too large"),
        ("import sys; sys.stderr.write('\\x1b[2J\\x1b[31mgone'); raise SystemExit(3)", "x1b"),
    ],
)
def test_limits_and_messages(
    tmp_path: Path, told: Callable[..., str], code: str, said: str
) -> None:
    path = hostile.module(
        tmp_path / "module.pkl", "import os; os.chdir(os.environ['HOME'])\n" + code
    )
    refusal = told(path, trust=True)
    assert said in refusal
    assert "\x1b" not in refusal


TAKEN = """
import json, os
os.chdir(os.environ["HOME"])
json.dump({{"notes": []}}, open("facts.json", "w"))
{}
os._exit(0)
"""


@needs_a_sandbox
@pytest.mark.parametrize(
    "leave",
    [
        "os.symlink({secret!r}, 'float.onnx')",
        "os.mkfifo('float.onnx')",
        "os.mkdir('float.onnx')",
        "open('float.onnx', 'wb').write(b'no graph')",
        "os.remove('facts.json'); os.symlink({secret!r}, 'facts.json')",
    ],
)
def test_what_it_leaves_is_not_trusted(
    tmp_path: Path, told: Callable[..., str], leave: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b'{"refused": "canary"}')
    code = TAKEN.format(leave.format(secret=str(secret)))
    said = told(hostile.module(tmp_path / "module.pkl", code), trust=True)
    assert "sandbox" in said
    assert "canary" not in said


def test_where_there_is_no_sandbox_it_is_refused(
    tmp_path: Path, mark: Path, told: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "working", lambda: None)
    said = told(hostile_file(tmp_path, "module", mark), trust=True)
    assert "--no-sandbox" in said
    assert not mark.exists()


RUNS = re.compile(r"\b(pickle|torch|jit|export)\.loads?\(|\bload_learner\(")


def test_only_the_loader_unpickles() -> None:
    """One module runs what a file says, and no other imports it."""
    files = list((ROOT / "models" / "conversion").rglob("*.py"))
    found = {path.name for path in files if RUNS.search(path.read_text())}
    assert found == {"loader.py"}
    assert not [p for p in files if re.search(r"import loader|loader import", p.read_text())]


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux")
def test_the_limit_on_memory_is_lifted_again() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    with sandbox.limited_memory(Limits(memory=2**36)):
        assert resource.getrlimit(resource.RLIMIT_AS)[0] == 2**36
    assert resource.getrlimit(resource.RLIMIT_AS) == before
