"""What may be asked for about pools and nodes."""

from octostar_runtime.models.access import Principal
from octostar_runtime.operations import Operations
from octostar_runtime.ui.actions.confirm import Answers, Request


def resize_pool(node_id: str, pool: str, size: int) -> Request:
    """Ask for another number of workers."""

    def deed(operations: Operations, by: Principal, answers: Answers) -> str:
        operations.resize_pool(node_id, pool, answers.number, by=by, reason=answers.reason)
        return f"Pool {pool} has {answers.number} workers now"

    return Request(
        title=f"Resize pool {pool}",
        sentence=f"It has {size} workers. New ones start at once; those that are busy end their task before they go.",
        button="Resize",
        deed=deed,
        number=("Workers", 1, 1000, size),
    )


_POOL_WORDS = {
    "pause": ("Pause", "Nothing new starts until it is resumed. What runs goes on.", "paused"),
    "resume": ("Resume", "Queued tasks start again.", "open again"),
    "drain": ("Drain", "It takes no new work. What runs may end.", "draining"),
}


def pool_action(verb: str, node_id: str, pool: str) -> Request:
    """Ask to pause, resume or drain a pool."""
    title, sentence, done = _POOL_WORDS[verb]

    def deed(operations: Operations, by: Principal, answers: Answers) -> str:
        act = {"pause": operations.pause_pool, "resume": operations.resume_pool, "drain": operations.drain_pool}[verb]
        act(node_id, pool, by=by, reason=answers.reason)
        return f"Pool {pool} is {done}"

    return Request(title=f"{title} pool {pool}?", sentence=sentence, button=title, deed=deed)


def drain_node(node_id: str, name: str) -> Request:
    """Ask to drain a node."""

    def deed(operations: Operations, by: Principal, answers: Answers) -> str:
        operations.drain_node(node_id, by=by, reason=answers.reason)
        return f"{name} is draining"

    return Request(
        title=f"Drain {name}?",
        sentence="Its pools take no new work; what runs may end. Do this before a restart.",
        button="Drain",
        deed=deed,
    )


def undrain_node(node_id: str, name: str) -> Request:
    """Ask to take a node back into service."""

    def deed(operations: Operations, by: Principal, answers: Answers) -> str:
        operations.undrain_node(node_id, by=by, reason=answers.reason)
        return f"{name} works again"

    return Request(
        title=f"Take {name} back into service?", sentence="Its pools take work again.", button="Take back", deed=deed
    )
