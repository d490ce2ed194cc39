"""What the service takes and gives, in one place: the handler, `/health` and the local run read it.

Sources: AWS Lambda's and API Gateway's quota pages; docs/deploy.md says what follows from them.
"""

from typing import Final

EVENT_BYTES: Final = 6 * 1024 * 1024
"""Lambda's synchronous payload, each way."""

GATEWAY_BYTES: Final = 10 * 1000 * 1000
"""An HTTP API's request body."""

IMAGE_BYTES: Final = EVENT_BYTES * 3 // 4
"""An image in one event, 4.5 MiB: base64 makes 4 bytes out of 3."""

IMAGE_PIXELS: Final = 50_000_000
"""A decoded photo: 150 MB as RGB, which 2048 MB holds with its copies."""

UPLOAD_BYTES: Final = 50 * 1000 * 1000
"""A photo uploaded for `/jobs`."""

DEFAULT_SIDE: Final = 1024
"""The longer side of the line art, in pixels, unless `?max_side=` says otherwise."""

MIN_SIDE: Final = 64
"""The least that `?max_side=` may ask for."""

MEMORY_PER_CPU: Final = 1769
"""MB of a function's memory at which Lambda gives it one whole vCPU."""
