"""The declared API on this machine, with containers of the image behind it.

Routes, throttle, payload limits and refusals are those of the stack that the Pulumi program
declares. Each environment is a container of the image under AWS's emulator, with a
Lambda's memory, CPU time and read-only file system, and answers one request at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from queue import Empty, LifoQueue
from typing import Any

from image.container import Container, run
from local.environments import CrashedError, ThrottledError
from local.program import declared, deployment
from local.server import application, listening


@dataclass(frozen=True)
class Service:
    """A running API, and the containers behind it."""

    endpoint: str
    containers: Sequence[Container]


class Containers:
    """What `local.environments.Environments` is to the server, of containers that run already."""

    def __init__(self, containers: Sequence[Container], timeout: float) -> None:
        self._timeout = timeout
        self._idle: LifoQueue[Container] = LifoQueue()  # the last used is the next, as in Lambda
        for container in containers:
            container.invoke({"warmup": True})
            self._idle.put(container)

    def invoke(self, event: Mapping[str, Any]) -> dict[str, Any]:
        try:
            container = self._idle.get_nowait()
        except Empty:
            raise ThrottledError from None
        try:
            answer = container.invoke(event, self._timeout)
        except OSError as error:
            raise CrashedError(str(error)) from error
        finally:
            self._idle.put(container)
        if not isinstance(answer, dict) or "statusCode" not in answer:
            raise CrashedError(str(answer))
        return answer


@contextmanager
def serving(image: str, environments: int, **settings: object) -> Iterator[Service]:
    """The stack with `settings` over its defaults, by their names in Pulumi.yaml, on a free port.

    `environments` containers of `image` are warm from the start; more callers are throttled.
    """
    config = {"jobs": False, "reservedConcurrency": environments, **settings}
    stack = deployment(declared({key: str(value).lower() for key, value in config.items()}))
    with ExitStack() as running:
        containers = [
            running.enter_context(
                run(
                    image,
                    environment=stack.environment,
                    memory=stack.memory,
                    timeout=int(stack.timeout),
                )
            )
            for _ in range(environments)
        ]
        api = application(stack, Containers(containers, stack.timeout))
        yield Service(running.enter_context(listening(api)), containers)
