"""The jobs path beside the server: a bucket, a queue, and the worker between them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .cloud import LOOPBACK, Cloud
from .environments import Environments
from .event_source import EventSource, Poller
from .program import Resource

if TYPE_CHECKING:
    from .server import Function


@dataclass(frozen=True)
class AfterSetup:
    """A function whose jobs path is there once `wait` returns: requests to it are held until then.

    A photo that is uploaded before the bucket tells the queue of uploads would lie there for ever.
    """

    function: Function
    wait: Callable[[], object]

    def invoke(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The handler's answer. Raises the errors of `local.environments`."""
        if str(event.get("rawPath", "")).startswith("/jobs"):
            self.wait()
        return self.function.invoke(event)


def nothing() -> None:
    """What is to be waited for without jobs."""


@contextmanager
def jobs(
    resources: Sequence[Resource], settings: Mapping[str, str], host: str = LOOPBACK
) -> Iterator[tuple[dict[str, str], Callable[[], object]]]:
    """Runs what `resources` declare of it.

    Gives the variables that lead the function there, and what waits until all is set up. `settings`
    are variables for the worker beside its own; `host` is the address at which photos are uploaded.
    Raises `MissingError`.
    """
    source = EventSource.read(resources)
    if source is None:
        yield {}, nothing
        return
    with (
        Cloud(host) as cloud,
        Environments(
            source.environment | cloud.environment | dict(settings),
            memory=source.memory,
            timeout=source.timeout,
            concurrency=source.concurrency,
        ) as worker,
        Poller(cloud, source, worker),
    ):
        # An AWS client takes a second to import, which the server need not wait for.
        making = threading.Thread(target=cloud.make, args=(resources,), daemon=True)
        making.start()
        if any(each.type == "aws:ssm/parameter:Parameter" for each in resources):
            making.join()  # the token is asked for by the first request
        yield cloud.environment, making.join
