"""The calls that a foreign file is read without."""

import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from models.conversion import syscalls

HEADERS = {
    "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    "aarch64": "/usr/include/asm-generic/unistd.h",
}
pytestmark = pytest.mark.skipif(not syscalls.known(), reason="no seccomp filter for this machine")


BEFORE = """
import threading
import numpy  # whose library starts threads of its own
from models.conversion import syscalls
go, gone = threading.Event(), threading.Event()
def wait():
    go.wait()
    try:
        work()
    finally:
        gone.set()
threading.Thread(target=wait, daemon=True).start()
syscalls.forbid()
"""


def forbidden(code: str) -> str:
    """What `code` prints once the filter is set, in a process that has threads already.

    Where it defines `work`, a thread that was there before runs it.
    """
    script = f"{BEFORE}{code}\nif 'work' in dir():\n    go.set()\n    gone.wait(30)\n"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


@pytest.mark.parametrize("thread", ["the main thread", "a thread that was there before"])
@pytest.mark.parametrize(
    "call",
    [
        "os.fork()",
        "os.execv(sys.executable, [sys.executable, '-c', ''])",
        "os.posix_spawn(sys.executable, [sys.executable], {})",
        "subprocess.run([sys.executable, '-c', ''])",
        "socket.socket(socket.AF_UNIX)",
        "socket.socketpair()",
        "multiprocessing.get_context('fork').Process(target=print).start()",
    ],
)
def test_fails(call: str, thread: str) -> None:
    code = f"""
import multiprocessing, os, socket, subprocess, sys
def {"main" if thread == "the main thread" else "work"}():
    try:
        {call}
    except PermissionError:
        print("refused", flush=True)
if "main" in dir():
    main()
"""
    assert forbidden(code) == "refused"


def test_every_thread_has_the_filter() -> None:
    code = """
import pathlib
states = [path.read_text() for path in pathlib.Path("/proc/self/task").glob("*/status")]
lines = [line for text in states for line in text.splitlines()]
print(len(states) > 1, {line for line in lines if "Seccomp:" in line})
"""
    assert forbidden(code) == "True {'Seccomp:\\t2'}"


def test_no_thread_has_namespaces_of_its_own() -> None:
    flags = 0x00010000 | 0x20000000  # CLONE_THREAD | CLONE_NEWPID
    number = syscalls.CLONE[platform.machine() == "aarch64"]
    code = f"""
import ctypes
library = ctypes.CDLL(None, use_errno=True)
number = ctypes.c_long({number})
print(library.syscall(number, ctypes.c_ulong({flags}), None, None, None, None), ctypes.get_errno())
"""
    assert forbidden(code) == "-1 1"


def test_threads_and_files_are_let_through(tmp_path: Path) -> None:
    code = f"""
import threading
def write(): open({str(tmp_path / "file")!r}, "w").write("written")
thread = threading.Thread(target=write)
thread.start()
thread.join()
print(open({str(tmp_path / "file")!r}).read())
"""
    assert forbidden(code) == "written"


@pytest.mark.parametrize("machine", list(syscalls.AUDIT_ARCH))
def test_numbers_are_the_kernels(machine: str) -> None:
    header = Path(HEADERS[machine])
    if not header.exists():
        pytest.skip(f"no {header}: apt install linux-libc-dev")
    defined = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)$", header.read_text(), re.M))
    column = list(syscalls.AUDIT_ARCH).index(machine)
    ours = syscalls.FORBIDDEN | {"clone": syscalls.CLONE, "clone3": syscalls.CLONE3}
    known = {name: numbers[column] for name, numbers in ours.items() if name in defined}
    assert known == {name: int(defined[name]) for name in known}
    assert len(known) > 20
    assert all(name in defined for name, numbers in ours.items() if numbers[column] in range(420))


@pytest.mark.parametrize("machine", list(syscalls.AUDIT_ARCH))
def test_every_jump_stays_in_the_program(machine: str) -> None:
    code = syscalls.program(machine)
    lines = [code[i : i + 8] for i in range(0, len(code), 8)]
    for at, line in enumerate(lines):
        if line[0] in (0x15, 0x35):
            assert at + 1 + max(line[2], line[3]) < len(lines)
    assert lines[-1][0] == 0x06


def test_a_machine_without_the_filter_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(OSError, match="riscv64"):
        syscalls.forbid()
