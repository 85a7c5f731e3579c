"""Logs and metrics (Powertools). No line holds a number, a name, a text, a token or an exception's own words."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from contextlib import suppress

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger()
metrics = Metrics()


def count(name: str, **details: object) -> None:
    """One line in CloudWatch's embedded metric format; the details can be searched, and are not dimensions."""
    # What is recorded must be answered: a metric that cannot be written is no reason to withhold it.
    with suppress(Exception):
        metrics.add_metric(name, MetricUnit.Count, 1)
        for key, value in details.items():
            metrics.add_metadata(key, value)
        metrics.flush_metrics()


def measured(seconds: Mapping[str, float], counts: Mapping[str, int]) -> None:
    """Several at once, each under its name."""
    with suppress(Exception):
        for unit, values in ((MetricUnit.Seconds, seconds), (MetricUnit.Count, counts)):
            for name, value in values.items():
                metrics.add_metric(name, unit, value)
        metrics.flush_metrics()


def failed(error: BaseException) -> None:
    """What failed and where: the classes of the chain and the lines of code. Their messages may quote what was sent."""
    chain: list[str] = []
    places: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(chain) < 8:
        chain.append(type(cause).__name__)
        places += [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(cause.__traceback__)[-3:]]
        cause = cause.__cause__ or cause.__context__
    with suppress(Exception):
        logger.error("failed", errors=chain, places=places, part=getattr(error, "part", None))
