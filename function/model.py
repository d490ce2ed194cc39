"""The function's own model, loaded once per execution environment."""

import os
from functools import cache

from artline import version
from artline.drawing.model import Model
from artline.limits import MEMORY_PER_CPU


@cache
def load() -> Model:
    """The model in the image. Raises `ModelError` each time until it can be loaded."""
    # Lambda shows two CPUs for 2048 MB but grants 1.16 of their time: a second thread would spend
    # its turns waiting.
    memory = int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", MEMORY_PER_CPU))
    return Model(version.MODEL, threads=max(1, round(memory / MEMORY_PER_CPU)))
