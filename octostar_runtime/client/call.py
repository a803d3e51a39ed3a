"""A call of a function that was taken."""

import time

import httpx
from pydantic import TypeAdapter

from octostar_runtime.client.answers import Result
from octostar_runtime.client.reading import Reading


class FunctionCall:
    """A call that was taken: its run, and its result once there is one."""

    def __init__(self, client: Reading, response: httpx.Response) -> None:
        body = response.json()
        self.run_id: str = body["run_id"]
        self._client = client
        self._result = TypeAdapter(Result).validate_python(body) if response.status_code == 200 else None

    def result(self, *, timeout_s: float = 600.0, every_s: float = 0.2) -> Result:
        """Wait for the result; ApiRefused when the run failed, TimeoutError when it takes too long."""
        deadline = time.monotonic() + timeout_s
        while self._result is None or not self._result.final:
            self._result = self._client.result(self.run_id)
            if self._result.final:
                break
            if time.monotonic() > deadline:
                raise TimeoutError(f"run {self.run_id} has not ended within {timeout_s} s")
            time.sleep(every_s)
        return self._result
