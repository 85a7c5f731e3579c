"""Logs and metrics (Powertools). No line holds a number, a name, a text, a token or the message of an exception."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric

logger = Logger()
metrics = Metrics()


def begin(event: Mapping[str, Any], context: Any) -> None:
    """Put the ids of this invocation into every line that follows, until the next invocation.

    `function_request_id` is Lambda's. `correlation_id` is API Gateway's, the `requestId` of the access log, or Lambda's
    where no HTTP request caused the invocation.
    """
    with suppress(Exception):
        request_id = getattr(context, "aws_request_id", None)
        # First without the event, which may be anything: no line may carry the ids of the previous invocation.
        logger.append_keys(function_request_id=request_id, correlation_id=request_id)
        logger.set_correlation_id(event["requestContext"].get("requestId") or request_id)


def count(name: str, **details: object) -> None:
    """One line in CloudWatch's embedded metric format. The details can be searched for, and are not dimensions."""
    # A recorded decision must be answered: a metric that cannot be written is no reason to withhold it.
    with suppress(Exception):
        metrics.add_metric(name, MetricUnit.Count, 1)
        for key, value in details.items():
            metrics.add_metadata(key, value)
        _flush()


def count_for_party(name: str, dimension: str, party: str, **details: object) -> None:
    """As `count`, for each party: `dimension` names its role, such as `gateway`. Parties are few, so it may be one."""
    with suppress(Exception), single_metric(name, MetricUnit.Count, 1, namespace=metrics.namespace) as metric:
        metric.add_dimension("service", metrics.service)
        metric.add_dimension(dimension, party)
        for key, value in details.items():
            metric.add_metadata(key, value)


def measured(seconds: Mapping[str, float], counts: Mapping[str, int]) -> None:
    """Several metrics in one line."""
    with suppress(Exception):
        for unit, values in ((MetricUnit.Seconds, seconds), (MetricUnit.Count, counts)):
            for name, value in values.items():
                metrics.add_metric(name, unit, value)
        _flush()


def failed(error: BaseException) -> None:
    """Which errors, and where: the classes of the chain and lines of code. Their messages may quote the request."""
    chain: list[str] = []
    places: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(chain) < 8:
        chain.append(type(cause).__name__)
        places += [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(cause.__traceback__)[-3:]]
        cause = cause.__cause__ or cause.__context__
    with suppress(Exception):
        logger.error("failed", errors=chain, places=places, part=getattr(error, "part", None))


def _flush() -> None:
    metrics.add_metadata("correlation_id", logger.get_correlation_id())
    metrics.flush_metrics()
