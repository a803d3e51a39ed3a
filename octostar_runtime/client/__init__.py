"""A small typed client of the API, on httpx: the same records that the service holds come back."""

from octostar_runtime.client.answers import (
    Function,
    Hold,
    Me,
    Outcomes,
    Page,
    Result,
    SessionDetail,
    Token,
    Version,
)
from octostar_runtime.client.call import FunctionCall
from octostar_runtime.client.client import Client
from octostar_runtime.client.refusal import ApiRefused

__all__ = [
    "ApiRefused",
    "Client",
    "Function",
    "FunctionCall",
    "Hold",
    "Me",
    "Outcomes",
    "Page",
    "Result",
    "SessionDetail",
    "Token",
    "Version",
]
