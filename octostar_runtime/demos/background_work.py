"""Tasks in the documented form ``task(task_data, **kwargs)``: each reports as it goes and stops when told to.

``task_data.output(status, data)`` hands over an intermediate result, ``task_data.progress(fraction, message, partial)``
also how far it is. Both raise in a task that was cancelled, which ends it there.
"""

import time
from typing import Any, BinaryIO

from octostar_runtime.demos.profile_csv import CsvProfile, profile_csv
from octostar_runtime.demos.sample_csv import SampleCsv
from octostar_runtime.models.runs import TaskStatus

IN_PROGRESS = TaskStatus.IN_PROGRESS  # the same as AsyncTaskManager.TaskStatus.IN_PROGRESS


def profile_in_background(task: Any, source: BinaryIO | bytes | SampleCsv) -> CsvProfile:
    for profile in profile_csv(source):
        task.progress(profile.progress, f"{profile.rows:,} rows", profile)
    return profile


def count_primes(task: Any, limit: int) -> str:
    found = 0
    for number in range(2, limit):
        found += all(number % divisor for divisor in range(2, int(number**0.5) + 1))
        if number % 2_000 == 0:
            task.progress(number / limit, partial=f"{found:,} primes below {number:,}")
    return f"{found:,} primes below {limit:,}"


def wait_for_replies(task: Any, replies: int) -> str:
    for reply in range(1, replies + 1):
        time.sleep(0.25)  # a slow service, a disk, another machine
        task.output(IN_PROGRESS, f"{reply} of {replies} replies")
    return f"all {replies} replies"
