"""The jobs path beside the server: a bucket, a queue, and the worker between them."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from .cloud import Cloud
from .environments import Environments
from .event_source import EventSource, Poller
from .program import Resource


@contextmanager
def jobs(resources: Sequence[Resource], settings: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Runs what `resources` declare of it, and gives the variables that lead the function there.

    `settings` are variables for the worker beside its own. Raises `MissingError`.
    """
    source = EventSource.read(resources)
    if source is None:
        yield {}
        return
    with (
        Cloud() as cloud,
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
        yield cloud.environment
