"""What the service takes and gives, in one place: the handler, `/health` and the local run read it.

Sources: AWS Lambda's and API Gateway's quota pages; docs/deploy.md says what follows from them.
"""

from typing import Final

EVENT_BYTES: Final = 6 * 1024 * 1024
"""Lambda's synchronous payload, each way."""

GATEWAY_BYTES: Final = 10 * 1000 * 1000
"""An HTTP API's request body."""

ENVELOPE_BYTES: Final = 64 * 1024
"""What an event holds beside the body: an HTTP API takes 10 KB of headers and query, and repeats
some of them."""

IMAGE_BYTES: Final = (EVENT_BYTES - ENVELOPE_BYTES) * 3 // 4
"""An image in one event, 4.45 MiB: base64 makes 4 bytes out of 3."""

TEXT_IMAGE_BYTES: Final = IMAGE_BYTES * 3 // 4
"""An image as base64 text of any media type, 3.3 MiB: unless the type is known to be text, an HTTP
API puts base64 around that once more."""

IMAGE_PIXELS: Final = 50_000_000
"""A photo as stored: 200 MB in Pillow's memory as RGB, and as much again where it is converted."""

LOCAL_PIXELS: Final = 250_000_000
"""A photo on the caller's own machine: the largest phone cameras have 200 megapixels."""

DECODE_SECONDS: Final = 3.5
"""CPU time that a decoder may take in the function before it is stopped."""

UPLOAD_BYTES: Final = 50 * 1000 * 1000
"""A photo uploaded for `/jobs`."""

DEFAULT_SIDE: Final = 1024
"""The longer side of the line art, in pixels, unless `?max_side=` says otherwise."""

MIN_SIDE: Final = 64
"""The least that `?max_side=` may ask for."""

MEMORY_PER_CPU: Final = 1769
"""MB of a function's memory at which Lambda gives it one whole vCPU."""
