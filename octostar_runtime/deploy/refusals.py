"""What nginx refuses on its own, before any server of ours has heard of it, as problem documents (RFC 9457)."""

import json

#: Status → (kind, title, what to do). nginx counts an oversized header as 494 and answers it as 400.
REFUSALS = {
    400: ("bad-request", "Bad request", "This is not a complete HTTP request; look at its request line and headers."),
    404: ("not-found", "Not found", "Nothing is served at this path; see /docs."),
    405: ("method-not-allowed", "Method not allowed", "This path does not answer that method; see /docs."),
    408: ("too-slow", "Request too slow", "The request did not come in time; send it again."),
    413: ("too-large", "Request too large", "A file may have at most {mb} MB. Send less, or split it into several."),
    414: ("address-too-long", "Address too long", "Shorten the address; long searches and lists go into a body."),
    494: ("headers-too-large", "Headers too large", "Send fewer or shorter headers; cookies count, too."),
    505: ("http-version", "HTTP version not supported", "Use HTTP/1.1."),
}
ANSWERED_AS = {494: 400}


def problem(status: int, kind: str, title: str, detail: str) -> str:
    """Return a problem document; nginx puts in the path and the id of the request."""
    document = {
        "type": f"urn:octostar:problem:{kind}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": "$plain_uri",
        "request_id": "$edge_request_id",
        "errors": [],
    }
    return json.dumps(document, separators=(",", ":"))


ASLEEP = problem(
    503,
    "asleep",
    "Not available now",
    "The program that answers this is stopped or starting. Open a page of the app, or try again after the seconds in "
    "Retry-After.",
)
AWAY = problem(
    503,
    "api-away",
    "Not available now",
    "The API server is not running. The supervisor starts it again within seconds; if this goes on, look into "
    "logs/api.log in the state directory.",
)


def pages(*statuses: int) -> str:
    """Return the directives that lead each refusal (or the named ones) to its document.

    To a path rather than a named location: a request whose first line cannot be read has no path, and nginx
    takes no such request to a name.
    """
    return " ".join(f"error_page {status} /.refused/{status};" for status in statuses or REFUSALS)


def locations(upload_mb: int) -> str:
    """Return the locations that answer."""
    lines = []
    for status, (kind, title, detail) in REFUSALS.items():
        answered = ANSWERED_AS.get(status, status)
        document = problem(answered, kind, title, detail.format(mb=upload_mb))
        lines.append(f"location = /.refused/{status} {{")
        lines.append("    internal;")
        lines.append("    default_type application/problem+json;")
        lines.append(f"    return {answered} '{document}';")
        lines.append("}")
    return "\n".join(lines)
