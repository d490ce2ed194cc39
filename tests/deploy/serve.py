"""MiniStack, with two things as Lambda has them.

An update ends no environment that is at work: MiniStack would remove every container of a function
whose code is updated, even one that answers a request to a published version. And each version has
environments of its own: MiniStack would serve a version of another configuration with containers
that were started with the old one, as long as the image is the same.
"""

import sys
from typing import Any

from hypercorn.__main__ import main
from ministack.services import lambda_svc  # type: ignore[import-untyped]

shared_key = lambda_svc._warm_pool_key


def _key(name: str, config: dict[str, Any]) -> str:
    return f"{shared_key(name, config)}:{config.get('Version', '$LATEST')}"


if __name__ == "__main__":
    lambda_svc._pool_kill_function = lambda account, name: None
    lambda_svc._warm_pool_key = _key
    sys.exit(main(["ministack.app:app", "--workers", "0", *sys.argv[1:]]))
