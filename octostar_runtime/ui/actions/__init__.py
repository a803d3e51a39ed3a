"""The only place where the console changes anything: ask, confirm, do it through operations, say what became of it."""

from octostar_runtime.ui.actions.confirm import Answers, Request, arrived, ask, pending, show, tell
from octostar_runtime.ui.actions.pools import drain_node, pool_action, resize_pool, undrain_node
from octostar_runtime.ui.actions.services import hold, release_hold, start_service, stop_service
from octostar_runtime.ui.actions.sessions import (
    end_sessions,
    message_sessions,
    rerun_sessions,
    stop_scripts,
    withdraw_notice,
)
from octostar_runtime.ui.actions.sign_ins import end_sign_in, revoke_token
from octostar_runtime.ui.actions.tasks import cancel_matching, cancel_runs, hard_stop_run, retry_matching, retry_runs

__all__ = [
    "Answers",
    "Request",
    "arrived",
    "ask",
    "cancel_matching",
    "cancel_runs",
    "drain_node",
    "end_sessions",
    "end_sign_in",
    "hard_stop_run",
    "hold",
    "message_sessions",
    "pending",
    "pool_action",
    "release_hold",
    "rerun_sessions",
    "resize_pool",
    "retry_matching",
    "retry_runs",
    "revoke_token",
    "show",
    "start_service",
    "stop_scripts",
    "stop_service",
    "tell",
    "undrain_node",
    "withdraw_notice",
]
