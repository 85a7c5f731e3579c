"""Sides that take turns, so that whatever else the machine does weighs on all of them alike."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

from tools.steps import Problem

Progress = Callable[[str], None]
# Makes everything ready that is not to be timed and answers what is. Where that answers something, it answers as the
# function does, and it must be an allow.
Side = Callable[[], Callable[[], Any]]


def in_turns(sides: dict[str, Side], warm_up: int, rounds: int, progress: Progress) -> dict[str, float]:
    """The median of each side, in seconds. What a side prints is not shown."""
    spent: dict[str, list[float]] = {}
    names = list(sides)
    with open(os.devnull, "w", encoding="utf-8") as devnull, contextlib.redirect_stdout(devnull):
        for number in range(warm_up + rounds):
            if number == warm_up:
                progress(f"warm after {warm_up} rounds, now measuring {rounds}")
                spent = {}
                gc.collect()
            first = number % len(names)
            for name in names[first:] + names[:first]:  # none always comes after the same one
                run = sides[name]()
                started = time.perf_counter()
                answer = run()
                spent.setdefault(name, []).append(time.perf_counter() - started)
                if answer is not None:
                    allowed(answer)
    return {name: statistics.median(times) for name, times in spent.items()}


def allowed(answer: dict[str, Any]) -> None:
    """A denied message or a failure would be quicker, and no result."""
    if answer["statusCode"] != 200:
        raise Problem(f"not an allow: {answer}")
    body = json.loads(answer["body"])
    for result in body.get("results", [body]):
        if result.get("decision") != "allow":
            raise Problem(f"not an allow: {result}")
