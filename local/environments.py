"""Execution environments of a function, run as Lambda runs them.

An environment is a process with the function's variables that answers one invocation at a time. A
free one is reused. Where there is none, a new one starts, up to the concurrency; past that, the
invocation is throttled. An environment that runs out of time is killed, and so is one whose code
has changed on disk.
"""

import multiprocessing
import os
import signal
import threading
import traceback
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

Event = Mapping[str, Any]
Answer = dict[str, Any]

ROOT = Path(__file__).parents[1]
CODE = (ROOT / "function", ROOT / "artline")
"""What the handler is made of: a change there replaces the environments."""

INIT_SECONDS = 10.0
"""What Lambda allows an environment to start in, beside the invocation's own time."""


class ThrottledError(Exception):
    """As many environments as the concurrency allows are busy."""


class ExpiredError(Exception):
    """The invocation took longer than the function's timeout. Its environment is gone."""


class CrashedError(Exception):
    """The environment ended, or its handler raised, without an answer."""


@dataclass(frozen=True, slots=True)
class Context:
    """The handler's `context` argument, with Lambda's attribute names."""

    aws_request_id: str
    memory_limit_in_mb: int
    function_name: str = "artline"
    function_version: str = "$LATEST"
    invoked_function_arn: str = "arn:aws:lambda:local:000000000000:function:artline"


class Environments:
    """A function of `memory` MB that answers within `timeout` seconds, `concurrency` at a time.

    >>> with Environments({}, memory=2048, timeout=29, concurrency=2) as function:
    ...     function.invoke({"warmup": True})
    {'warmup': True, 'start': 'cold'}
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        memory: int,
        timeout: float,
        concurrency: int,
    ) -> None:
        self._environment = dict(environment) | {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory)}
        self._memory = memory
        self._timeout = timeout
        self._places = threading.BoundedSemaphore(concurrency)
        self._lock = threading.Lock()
        self._idle: list[_Environment] = []
        self._closed = False

    def invoke(self, event: Event) -> Answer:
        """The handler's answer to `event`.

        Raises `ThrottledError` at once, `ExpiredError` after the timeout, `CrashedError` where the
        handler gave no answer.
        """
        if not self._places.acquire(blocking=False):
            raise ThrottledError
        try:
            environment = self._take()
            try:
                answer = environment.invoke(event, self._timeout, self._memory)
            except BaseException:
                environment.stop()
                raise
            with self._lock:
                if self._closed:
                    environment.stop()
                else:
                    self._idle.append(environment)
            return answer
        finally:
            self._places.release()

    def _take(self) -> "_Environment":
        code = _code_version()
        with self._lock:
            while self._idle:
                # The last used first, as Lambda does, so that the others can expire.
                environment = self._idle.pop()
                if environment.code == code and environment.alive:
                    return environment
                environment.stop()
        return _Environment(self._environment, code)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stops the free environments, and lets a busy one answer before it is stopped too."""
        with self._lock:
            self._closed = True
            while self._idle:
                self._idle.pop().stop()


class _Environment:
    """One process of the function."""

    def __init__(self, environment: Mapping[str, str], code: float) -> None:
        self.code = code
        spawn = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_run, args=(theirs, dict(environment)), daemon=True)
        self._process.start()
        theirs.close()
        self._fresh = True

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def invoke(self, event: Event, timeout: float, memory: int) -> Answer:
        allowed = timeout + (INIT_SECONDS if self._fresh else 0.0)
        self._fresh = False
        try:
            self._pipe.send((event, Context(str(uuid.uuid4()), memory)))
            if not self._pipe.poll(allowed):
                raise ExpiredError
            answer, fault = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise CrashedError("the function's process ended") from error
        if fault:
            raise CrashedError(fault)
        return dict(answer)

    def stop(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _run(pipe: Connection, environment: Mapping[str, str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, to end all in order
    os.environ.update(environment)
    from function.app import handler

    while True:
        try:
            event, context = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send((handler(event, context), None))
        except Exception:
            pipe.send((None, traceback.format_exc()))


def _code_version() -> float:
    files = (path for folder in CODE for path in folder.rglob("*.*"))
    return max(_changed(path) for path in files if "__pycache__" not in path.parts)


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # an editor's own file, gone again
        return 0.0
