"""Structured logs, and metrics embedded in them: CloudWatch reads both from standard output."""

from aws_lambda_powertools import Logger, Metrics

logger = Logger(service="artline")
metrics = Metrics(namespace="ArtLine", service="artline")
