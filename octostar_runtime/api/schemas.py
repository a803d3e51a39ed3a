"""Bodies and answers of the API that are not records of the runtime themselves."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from octostar_runtime.models.outcomes import Outcome


def _whole(value: object) -> object:
    """JSON has one kind of number: 3.0 is the whole number 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


#: A whole number, also when written as 3.0; never true or false.
Whole = Annotated[int, BeforeValidator(_whole)]
#: Text with something to read in it.
Words = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]
Reason = Annotated[str, Field(max_length=500, description="why; kept in the audit log")]
Identifier = Annotated[str, Field(min_length=1, max_length=200)]
#: Targets of one action.
Identifiers = Annotated[list[Identifier], Field(min_length=1, max_length=2_000)]


class Body(BaseModel):
    """A request's body: a field that does not exist is an error, not a silent nothing."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ReasonBody(Body):
    """An action that needs nothing but, if you like, a reason."""

    reason: Reason = ""


class StopBody(ReasonBody):
    """A stop by order."""

    force: bool = Field(default=False, description="also when somebody uses it; what depends on it is stopped first")


class Outcomes(BaseModel):
    """What became of an action, target by target."""

    outcomes: list[Outcome]
    done: int
    refused: int

    @classmethod
    def of(cls, outcomes: tuple[Outcome, ...]) -> "Outcomes":
        """Count the outcomes."""
        done = sum(1 for outcome in outcomes if outcome.ok)
        return cls.model_construct(outcomes=list(outcomes), done=done, refused=len(outcomes) - done)


class RunsByIds(Body):
    """The runs that are named."""

    run_ids: Identifiers
    reason: Reason = ""


class RunsByQuery(Body):
    """Every run that a search finds, if it still finds as many as you saw."""

    # shorter than a list's search: what can be acted upon is added to it before it is read
    q: str = Field(max_length=900, description="search in the console's query language; empty finds everything")
    expected: Whole = Field(ge=0, le=10_000, description="how many runs you expect to touch; refused when it differs")
    reason: Reason = ""


def _form(value: object) -> str:
    named = value.keys() if isinstance(value, Mapping) else vars(value).keys() if hasattr(value, "__dict__") else ()
    return "by-search" if {"q", "expected"} & set(named) and "run_ids" not in named else "by-ids"


#: Named runs, or all that match: told apart by what is there, so that an error speaks of one form only.
RunsBody = Annotated[
    Annotated[RunsByIds, Tag("by-ids")] | Annotated[RunsByQuery, Tag("by-search")], Discriminator(_form)
]


class SessionsBody(Body):
    """The sessions that are named."""

    session_ids: Identifiers
    reason: Reason = ""


class MessageBody(Body):
    """A message to sessions."""

    text: Words
    level: Literal["info", "warning", "error"] = "info"
    reason: Reason = ""


class MessageToNamed(MessageBody):
    """A message to the sessions that are named."""

    session_ids: Identifiers


class MessageToAll(MessageBody):
    """A message to everybody, also to newcomers if you like."""

    session_ids: None = None
    lasting_s: float = Field(default=0.0, ge=0, le=86_400, description="seconds for which newcomers see it, too")


def _whom(value: object) -> str:
    named = value.get("session_ids") if isinstance(value, Mapping) else getattr(value, "session_ids", None)
    return "to-all" if named is None else "to-named"


#: To named sessions, or to all live ones: only what everybody is told may last.
MessagesBody = Annotated[
    Annotated[MessageToNamed, Tag("to-named")] | Annotated[MessageToAll, Tag("to-all")], Discriminator(_whom)
]


class PoolSize(Body):
    """A pool's new size."""

    size: Whole = Field(ge=1, le=1000, description="workers")
    reason: Reason = ""


class HoldBody(Body):
    """Keep everything awake for a while."""

    reason: Words
    ttl_s: float = Field(ge=1, le=86_400, description="seconds")
