"""A small typed client of the API, on httpx: the same records that the service holds come back."""

from octostar_runtime.client.client import Client, FunctionCall, Outcomes, Page, Result
from octostar_runtime.client.refusal import ApiRefused

__all__ = ["ApiRefused", "Client", "FunctionCall", "Outcomes", "Page", "Result"]
