"""What is no HTTP at all never reaches the application: the server itself refuses it, in the same form as we do."""

from http import HTTPStatus
from typing import TYPE_CHECKING

from octostar_runtime.api.problems import MEDIA_TYPE, document
from octostar_runtime.ids import new_id

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Base
else:
    from uvicorn.protocols.http.auto import AutoHTTPProtocol as Base


class ProblemProtocol(Base):
    """uvicorn's protocol, for ``uvicorn.run(http=...)``: its plain text becomes a problem document."""

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be read, and close; ``msg`` is uvicorn's own sentence, which names no fix."""
        request_id = new_id()
        self.logger.warning("request %s: %s", request_id, msg)
        status = HTTPStatus.BAD_REQUEST
        problem = document(
            status,
            "this is no HTTP/1.1 request that can be read; check its first line, its headers and its chunks",
            instance="",
            request_id=request_id,
        )
        body = problem.model_dump_json().encode()
        head = (
            f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
            f"x-request-id: {request_id}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
