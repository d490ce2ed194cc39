"""The HTTP client of an ArtLine service."""

from ._answers import Health, Job, Limits
from ._client import AsyncClient, Client
from ._service import Via
from ._wire import Progress

__all__ = ["AsyncClient", "Client", "Health", "Job", "Limits", "Progress", "Via"]
