"""The desktop as a document and as a small server."""

import json
import re
import socket
import threading
import urllib.error
import urllib.request

import pytest

from octostar_runtime.api.routes.desktop import router
from octostar_runtime.cli.main import main
from octostar_runtime.desktop import DesktopServer, desktop_page
from octostar_runtime.errors import InvalidInput
from octostar_runtime.settings import Settings


def config(page: str) -> dict[str, object]:
    found = re.search(r'<script id="config" type="application/json">(.*?)</script>', page)
    assert found is not None
    told: dict[str, object] = json.loads(found[1])
    return told


def test_the_page_needs_no_other_file() -> None:
    page = desktop_page("/patterns_browser")
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", page)
    assert "/*{" not in page
    assert config(page) == {"app": "/patterns_browser", "anyOrigin": False}


def test_an_address_cannot_break_out_of_the_page() -> None:
    nasty = "/</script><script>alert(1)</script>"
    page = desktop_page(nasty)
    assert nasty not in page
    assert config(page)["app"] == nasty


@pytest.mark.parametrize("address", ["", "app", "file:///etc/passwd", "javascript:alert(1)", "http://"])
def test_what_is_no_address_of_an_app_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput, match=r"127\.0\.0\.1:8501"):
        DesktopServer(address)


def test_the_server_serves_the_page_and_nothing_else() -> None:
    with DesktopServer("http://127.0.0.1:1/") as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            with urllib.request.urlopen(server.url) as answer:
                assert config(answer.read().decode())["anyOrigin"] is True
            with urllib.request.urlopen(server.url.removesuffix("/desktop")) as answer:
                assert answer.url == server.url
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(server.url + "/../../etc/passwd")
            refused.value.close()
            assert refused.value.code == 404
        finally:
            server.shutdown()
            thread.join()


def paths(**settings: object) -> list[str]:
    return [getattr(route, "path", "") for route in router(Settings(**settings)).routes]  # type: ignore[arg-type]


def test_the_desktop_is_served_embedded_and_in_full_mode_only_when_asked_for() -> None:
    assert paths(mode="embedded") == ["/desktop"]
    assert paths(mode="full") == []
    assert paths(mode="full", desktop=True) == ["/desktop"]


def test_a_taken_port_is_told_in_one_line_with_the_fix(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code = main(["desktop", "--app", "http://127.0.0.1:1", "--port", str(taken.getsockname()[1])])
    assert code == 1
    assert "--port 0" in capsys.readouterr().err
