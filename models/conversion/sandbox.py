"""Runs the only code of this package that executes or unpickles somebody else's file.

`run` is the one place that decides. Without `trust` nothing starts. With it, the program runs in a
process that has no network, no environment variables and no other processes to see. Its file system
holds Python, its libraries, this package and the file, all read-only, and one folder for results.
Processor time, memory, wall time and file sizes are limited. Linux namespaces do this, by
bubblewrap where it is installed, else by util-linux's `unshare`. The program itself gives up the
calls that it does not need (`syscalls.py`), new processes among them, before it opens the file.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from models.conversion import syscalls
from models.conversion.pickles import RefusedError
from models.conversion.text import plain

if TYPE_CHECKING:
    from models.conversion.options import Options

ROOT = Path(__file__).parents[2]
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache")
_READABLE = (Path(sys.base_prefix), Path(sys.prefix), ROOT / "models", ROOT / "artline")
_LARGEST_FACTS = 2**20  # bytes of the JSON that a program may answer with
_LAST_WORDS = 4096  # bytes of its standard error that are looked at


@dataclass(frozen=True)
class Limits:
    """What one sandboxed process may use."""

    seconds: int = 900  # wall time, and processor time of each process
    memory: int = 16 * 2**30  # bytes of address space; torch alone maps several gigabytes
    file: int = 2 * 2**30  # bytes of one file, standard output and error included


def run(module: str, path: Path, folder: Path, request: dict[str, Any], options: Options) -> Any:
    """Run `python -m module PATH FOLDER REQUEST` isolated; returns what it wrote to `facts.json`.

    `folder` is the only place it can write to. Read its files with `take`, never by name.

    Raises `RefusedError` where `options` does not allow it, where this machine has no sandbox, and
    where the program fails, exceeds a limit or refuses.
    """
    if not options.trust:
        raise RefusedError(
            f"{request['kind']} can only be read by running it, and it may do whatever its author"
            " liked. `python -m models inspect` shows what is in it. Where you trust its author,"
            " add --trust: it then runs in a sandbox without network"
        )
    asked = json.dumps(request | {"sandbox": options.sandbox})
    words = [sys.executable, "-m", module, str(path.absolute()), str(folder), asked]
    if options.sandbox:
        words = _isolated(words, [path.absolute(), Path(request["samples"])], folder)
    with tempfile.TemporaryFile() as output:
        code = _wait(words, _environment(folder), output, options.limits)
        facts = folder / "facts.json"
        if code is None:
            raise RefusedError(f"{request['kind']} that took over {options.limits.seconds} s")
        if code or not facts.exists():
            raise RefusedError(f"{request['kind']} that cannot be read: {_last_line(output, code)}")
    with take(folder, facts.name, _LARGEST_FACTS) as file:
        try:
            found = json.load(file)
        except (ValueError, RecursionError) as error:
            raise RefusedError(f"{request['kind']} that answers with no JSON") from error
    if not isinstance(found, dict):
        raise RefusedError(f"{request['kind']} that answers with no JSON object")
    if "refused" in found:
        raise RefusedError(plain(found["refused"], 600))
    return found


def take(folder: Path, name: str, limit: int) -> BinaryIO:
    """Open a file that a sandboxed process left in `folder`.

    Raises `RefusedError` for a link, which would lead to a file of this machine, for a pipe, which
    would never end, and for a file of more than `limit` bytes.
    """
    try:
        number = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise RefusedError(f"the sandbox left no file {name}: {error.strerror}") from error
    found = os.fstat(number)
    if not stat.S_ISREG(found.st_mode) or found.st_size > limit:
        os.close(number)
        raise RefusedError(f"the sandbox left no file {name} of at most {limit} bytes")
    return os.fdopen(number, "rb")


def limit(limits: Limits) -> None:
    """Apply `limits` to this process and those that it starts."""
    for kind, value in (
        (resource.RLIMIT_CPU, limits.seconds),
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_FSIZE, limits.file),
        (resource.RLIMIT_CORE, 0),
    ):
        value = _lowest(value, resource.getrlimit(kind)[1])
        resource.setrlimit(kind, (value, value))


@contextmanager
def limited_memory(limits: Limits) -> Iterator[None]:
    """Apply the limit on memory to this process for a while: on Linux, which counts it."""
    if sys.platform != "linux":
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_lowest(limits.memory, *before), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _lowest(*limits: int) -> int:
    return min(limit for limit in limits if limit != resource.RLIM_INFINITY)


def _environment(folder: Path) -> dict[str, str]:
    """All the variables that the process sees, in place of this one's."""
    given = dict.fromkeys(("HOME", "TMPDIR", "MPLCONFIGDIR", "XDG_CACHE_HOME"), str(folder))
    given |= {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8", "USER": "nobody"}
    return given | {"PYTHONDONTWRITEBYTECODE": "1"}


def _wait(
    words: Sequence[str], environment: dict[str, str], output: BinaryIO, limits: Limits
) -> int | None:
    """The exit status, or None where the time ran out. The whole process group ends with it."""
    with subprocess.Popen(
        words,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        preexec_fn=lambda: limit(limits),
    ) as process:
        try:
            return process.wait(limits.seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end_group(process.pid)


def _end_group(group: int) -> None:
    try:
        os.killpg(group, 9)
    except ProcessLookupError:
        return


def _last_line(output: BinaryIO, code: int) -> str:
    output.seek(0, 2)
    output.seek(max(0, output.tell() - _LAST_WORDS))
    lines = output.read().decode(errors="replace").strip().splitlines()
    return plain(lines[-1]) if lines else f"it ended with status {code}"


def _isolated(words: list[str], files: list[Path], folder: Path) -> list[str]:
    name = working()
    if not syscalls.known():
        raise RefusedError(
            "the sandbox is for Linux on x86-64 and arm64. --no-sandbox runs the file without one:"
            " with your rights, files and network"
        )
    if name is None:
        raise RefusedError(
            "this machine offers no sandbox to run the file in. On Linux install bubblewrap (apt"
            " install bubblewrap), and allow user namespaces in a container. --no-sandbox runs the"
            " file without one: with your rights, files and network"
        )
    return _SANDBOXES[name](words, [*_READABLE, *files], folder)


@cache
def working() -> str | None:
    """The first sandbox that works on this machine."""
    return next((name for name in _SANDBOXES if works(name)), None)


def works(name: str) -> bool:
    """Whether the sandbox `name` can start a command here."""
    with tempfile.TemporaryDirectory() as folder:
        words = _SANDBOXES[name](["true"], [], Path(folder))
        if shutil.which(words[0]) is None:
            return False
        return not subprocess.run(words, capture_output=True).returncode


def _bubblewrap(words: list[str], readable: list[Path], folder: Path) -> list[str]:
    made = ["bwrap", "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session"]
    made += ["--cap-drop", "ALL", "--proc", "/proc", "--dev", "/dev"]
    for path in [*map(Path, _SYSTEM), *readable]:
        made += ["--ro-bind-try", str(path.resolve()), str(path)]
    made += ["--bind", str(folder), str(folder), "--chdir", str(ROOT if readable else "/")]
    made += ["--remount-ro", "/dev", "--remount-ro", "/"]
    return [*made, "--", *words]


# $1 is the new root, $2 the folder that can be written to, $3 where to start. Then come pairs of
# source and place, then "--" and the command.
_MOUNT = """set -eu
root=$1 folder=$2 where=$3; shift 3
bind() {
  if [ -d "$1" ]; then mkdir -p "$root$2"; else mkdir -p "$root${2%/*}"; : >"$root$2"; fi
  mount --bind "$1" "$root$2"
}
mount -t tmpfs none "$root"
while [ "$1" != -- ]; do
  if [ -e "$1" ]; then bind "$1" "$2"; mount -o remount,bind,ro "$root$2"; fi
  shift 2
done; shift
for device in null zero urandom; do bind /dev/$device /dev/$device; done
bind "$folder" "$folder"
mkdir -p "$root/proc" "$root/old"; mount -t proc -o ro proc "$root/proc"
cd "$root"; pivot_root . old; umount -l /old; rmdir /old; mount -o remount,ro /
cd "$where"
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all -- "$@"
"""


def _unshare(words: list[str], readable: list[Path], folder: Path) -> list[str]:
    made = ["unshare", "--map-root-user", "--net", "--mount", "--ipc", "--uts", "--pid", "--fork"]
    made += ["--kill-child", "sh", "-c", _MOUNT, "sh", "/sys", str(folder)]
    made.append(str(ROOT if readable else "/"))
    for path in [*map(Path, _SYSTEM), *readable]:
        made += [str(path.resolve()), str(path)]
    return [*made, "--", *words]


_SANDBOXES: dict[str, Callable[[list[str], list[Path], Path], list[str]]] = {
    "bubblewrap": _bubblewrap,
    "unshare": _unshare,
}
