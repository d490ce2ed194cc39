"""Structured logs, and metrics embedded in them: CloudWatch reads both from standard output."""

import os

from aws_lambda_powertools import Logger, Metrics

SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "artline")

logger = Logger(service=SERVICE)
metrics = Metrics(namespace="ArtLine", service=SERVICE)


def flush() -> None:
    """Writes the metrics that were added since the last time."""
    metrics.flush_metrics()
    metrics.clear_metrics()  # where metrics are disabled, flushing keeps them until there are 100
