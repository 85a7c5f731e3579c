"""Interleaves the sides of a comparison, so that other load on the machine affects all of them alike."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

from benchmarks.harness import Progress
from tools.steps import ToolError

# Prepares everything that is not timed, and returns the function to time. If that returns something, it must be an
# allow as the handler returns it.
Side = Callable[[], Callable[[], Any]]


def interleave(sides: dict[str, Side], warm_up: int, rounds: int, progress: Progress) -> dict[str, float]:
    """The median of each side, in seconds. The output of the sides is discarded."""
    spent: dict[str, list[float]] = {}
    names = list(sides)
    with open(os.devnull, "w", encoding="utf-8") as devnull, contextlib.redirect_stdout(devnull):
        for number in range(warm_up + rounds):
            if number == warm_up:
                progress(f"warm after {warm_up} rounds, now measuring {rounds}")
                spent = {}
                gc.collect()
            first = number % len(names)
            for name in names[first:] + names[:first]:  # each side follows every other one
                run = sides[name]()
                started = time.perf_counter()
                answer = run()
                spent.setdefault(name, []).append(time.perf_counter() - started)
                if answer is not None:
                    allowed(answer)
    return {name: statistics.median(times) for name, times in spent.items()}


def allowed(answer: dict[str, Any]) -> None:
    """Raises ToolError for a deny or a failure, which would be faster."""
    if answer["statusCode"] != 200:
        raise ToolError(f"not an allow: {answer}")
    body = json.loads(answer["body"])
    for result in body.get("results", [body]):
        if result.get("decision") != "allow":
            raise ToolError(f"not an allow: {result}")
