"""The HTTP client of an ArtLine service."""

from ._answers import Health, Job, Limits
from ._client import Client

__all__ = ["Client", "Health", "Job", "Limits"]
