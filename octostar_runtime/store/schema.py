"""The tables, for SQLite and PostgreSQL alike. Times are UTC seconds; texts that are searched are case-folded.

``migrations/`` brings a store to this schema; a test compares the two.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()
RowId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only by a column of type INTEGER
LIVE = text("ended_at IS NULL")
OF_FAILED = text("error_key IS NOT NULL")  # every failed run has one; some that were cancelled as well

node = Table(
    "node",
    metadata,
    Column("node_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("started_at", Float(53), nullable=False),
    Column("heartbeat_at", Float(53), nullable=False),
    Column("beat", BigInteger, nullable=False),  # grows with each heartbeat; what readers watch
    Column("incarnation", Integer, nullable=False),  # grows each time a node comes back after it was declared lost
    Column("state", Text, nullable=False),
    Column("meta", Text, nullable=False),
    Column("status", Text, nullable=False),  # what the node last said of its pools, services, callbacks and machine
)

session = Table(
    "session",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("node_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("user", Text),
    Column("observer", Boolean, nullable=False),
    Column("connected_at", Float(53), nullable=False),
    Column("ended_at", Float(53)),
    Column("detail", Text, nullable=False),
    Index("session_live", "node_id", sqlite_where=LIVE, postgresql_where=LIVE),
    Index("session_ended", "ended_at"),
    Index("session_user", "user"),
    Index("session_connected", "connected_at"),
)

run = Table(
    "run",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("run_id", Text, nullable=False, unique=True),
    Column("task_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("node_id", Text, nullable=False),
    Column("session_id", Text),
    Column("user", Text),
    Column("user_key", Text, nullable=False),
    Column("tags_key", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("queued_at", Float(53), nullable=False),
    Column("started_at", Float(53)),
    Column("ended_at", Float(53)),
    Column("wait_s", Float(53)),
    Column("run_s", Float(53)),
    Column("error_key", Text),  # what failures are grouped by
    Column("head", Text, nullable=False),  # names, ids, user and tags: with the next two, what a bare word is sought in
    Column("error_text", Text, nullable=False),
    Column("args_text", Text, nullable=False),
    Column("detail", Text, nullable=False),  # the rest of the record
    Column("portable", Text),  # arguments as JSON, to run it again elsewhere; never part of a record
    Index("run_queued", "queued_at", "id"),
    Index("run_live", "node_id", sqlite_where=LIVE, postgresql_where=LIVE),
    # PostgreSQL has these three with NULLS FIRST, as lists are sorted, and with the id, which SQLite adds by itself.
    Index("run_ended", "ended_at"),
    Index("run_took", "run_s"),
    Index("run_wait", "wait_s"),
    # Every transition writes this one anyway: with all that a list is narrowed down and sorted by, it is read instead
    # of the rows themselves.
    Index(
        "run_state",
        "state",
        "queued_at",
        "name_key",
        "user_key",
        "pool",
        "started_at",
        "ended_at",
        "wait_s",
        "run_s",
        postgresql_include=["id"],
    ),
    Index("run_name", "name_key", "queued_at", postgresql_include=["id"]),
    Index("run_user", "user_key", "queued_at", postgresql_include=["id"]),
    Index("run_failed", "ended_at", "state", sqlite_where=OF_FAILED, postgresql_where=OF_FAILED),
    Index(
        "run_fault",
        "queued_at",
        "state",
        "error_key",
        "wait_s",
        "run_s",
        sqlite_where=OF_FAILED,
        postgresql_where=OF_FAILED,
    ),
    sqlite_autoincrement=True,  # an id is never used twice, so that a search index cannot point at another run
)

#: How many runs are kept, by node and state: adds up without a scan, and two nodes never wait for each other's row.
tally = Table(
    "tally",
    metadata,
    Column("node_id", Text, primary_key=True),
    Column("state", Text, primary_key=True),
    Column("n", BigInteger, nullable=False),
)

event = Table(
    "event",
    metadata,
    Column("event_id", Text, primary_key=True),
    Column("at", Float(53), nullable=False),
    Column("node_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("actor", Text),
    Column("reason", Text),
    Column("data", Text, nullable=False),
    Column("search", Text, nullable=False),
    Index("event_kind", "kind", "event_id"),
    Index("event_subject", "subject"),
    Index(
        "event_audit", "event_id", sqlite_where=text("actor IS NOT NULL"), postgresql_where=text("actor IS NOT NULL")
    ),
    Index("event_at", "at"),
)

command = Table(
    "command",
    metadata,
    Column("command_id", Text, primary_key=True),
    Column("key", Text, unique=True),
    Column("target", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("args", Text, nullable=False),
    Column("actor", Text),
    Column("reason", Text),
    Column("at", Float(53), nullable=False),
    Column("expires_at", Float(53), nullable=False),
    Column("state", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("error", Text),
    Column("done_at", Float(53)),
    Index("command_new", "target", sqlite_where=text("state = 'new'"), postgresql_where=text("state = 'new'")),
    Index("command_at", "at"),
)

document = Table(
    "document",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("doc", Text, nullable=False),
    Column("actor", Text),
    Column("at", Float(53), nullable=False),
)

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("expires_at", Float(53), nullable=False),
    Column("note", Text, nullable=False),
)

credential = Table(
    "credential",
    metadata,
    Column("credential_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("role", SmallInteger, nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("expires_at", Float(53), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("via", Text, nullable=False),
    Column("last_used_at", Float(53)),
    Column("revoked_at", Float(53)),
    UniqueConstraint("digest"),
    Index("credential_kind", "kind"),
)

#: Which run a caller's Idempotency-Key started. Keys are digests: whose they are is not to be read from them.
call_key = Table(
    "call_key",
    metadata,
    Column("key", Text, primary_key=True),
    Column("content", Text, nullable=False),  # a digest of the request
    Column("run_id", Text),  # none yet while the first request is still being taken
    Column("at", Float(53), nullable=False),
    Index("call_key_at", "at"),
)
