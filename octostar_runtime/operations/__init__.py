"""Everything an operator may do, with the role checked, the right node reached and an audit event left.

The console's buttons and the API's routes call the same object; nothing else mutates on an operator's behalf.
"""

from octostar_runtime.operations.dispatch import Surroundings
from octostar_runtime.operations.nodes import NodeOperations
from octostar_runtime.operations.people import PeopleOperations
from octostar_runtime.operations.pools import PoolOperations
from octostar_runtime.operations.runs import RunOperations, RunReads
from octostar_runtime.operations.services import ServiceOperations
from octostar_runtime.operations.sessions import SessionOperations

__all__ = ["Operations", "Surroundings"]


class Operations(
    RunOperations,
    RunReads,
    PoolOperations,
    SessionOperations,
    ServiceOperations,
    NodeOperations,
    PeopleOperations,
):
    """The one door for operators; see each base for its group of actions."""
