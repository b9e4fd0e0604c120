"""What is kept is what the app would answer, to the one who asks for it, and is made once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from wamviz.core.threads import run_sync
from wamviz.ui import page_cache
from wamviz.ui.page_cache import PageCache

made: list[str] = []


async def page(request: Request) -> Response:
    made.append(request.url.path)
    await asyncio.sleep(0)
    return HTMLResponse(f"<p>{request.headers.get('x-forwarded-host') or request.url.netloc}</p>" + "word " * 500)


def script(request: Request) -> Response:
    made.append(request.url.path)
    return Response("let a = 1;" * 200, media_type="application/javascript", headers={"etag": '"1"'})


def cookie(request: Request) -> Response:
    made.append(request.url.path)
    answer = PlainTextResponse("yours")
    answer.set_cookie("who", "you")
    return answer


APP = Starlette(
    routes=[
        Route("/lessons", page), Route("/other", page), Route("/cookie", cookie), Route("/assets/a-1.js", script),
        Route("/lessons", lambda request: PlainTextResponse("posted"), methods=["POST"]),
    ],
    middleware=[Middleware(PageCache, paths=["/lessons", "/cookie", "/absent"])],
)  # fmt: skip


@pytest.fixture
def client() -> Iterator[TestClient]:
    made.clear()
    APP.middleware_stack = None  # a fresh cache
    with TestClient(APP) as client:
        yield client


def test_the_second_visitor_has_the_same_document_without_its_being_made(client: TestClient) -> None:
    first, second = client.get("/lessons"), client.get("/lessons?lesson=words")
    assert first.text == second.text and "testserver" in first.text and made == ["/lessons"]
    plain = client.get("/lessons", headers={"accept-encoding": "identity"})
    assert second.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert plain.text == first.text and int(plain.headers["content-length"]) == len(plain.content)


def test_every_address_of_the_app_has_a_document_of_its_own(client: TestClient) -> None:
    client.get("/lessons")
    for headers in ({"host": "evil.example"}, {"x-forwarded-host": "evil.example"}):
        assert "evil.example" in client.get("/lessons", headers=headers).text
    assert "evil.example" not in client.get("/lessons").text and len(made) == 3


@pytest.mark.parametrize("path", ["/other", "/cookie", "/absent", "/lessons?deep_link=abc"])
def test_what_is_somebodys_own_or_no_page_is_not_kept(client: TestClient, path: str) -> None:
    told = [client.get(path) for _ in range(2)]
    assert told[0].status_code == told[1].status_code == (404 if path == "/absent" else 200)
    assert len(made) == (0 if path == "/absent" else 2)


def test_only_plain_questions_are_answered_from_it(client: TestClient) -> None:
    client.get("/lessons")
    assert client.post("/lessons").text == "posted" and client.head("/lessons").text == ""
    assert len(made) == 2
    client.get("/lessons", headers={"range": "bytes=0-3"})
    assert len(made) == 3


def test_a_script_is_kept_by_the_browser_too(client: TestClient) -> None:
    first = client.get("/assets/a-1.js", headers={"if-none-match": '"0"'})
    assert "immutable" in first.headers["cache-control"] and first.text.startswith("let a")
    again = client.get("/assets/a-1.js", headers={"if-none-match": '"1"'})
    assert (again.status_code, again.content) == (304, b"") and made == ["/assets/a-1.js"]


def test_of_those_who_come_together_one_makes_it(client: TestClient) -> None:
    async def all_at_once() -> list[httpx.Response]:
        transport = httpx.ASGITransport(APP)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as visitor:
            return await asyncio.gather(*(visitor.get("/lessons") for _ in range(10)))

    told = run_sync(all_at_once)
    assert len({answer.text for answer in told}) == 1 and made == ["/lessons"]


def test_the_oldest_go_where_there_is_too_much(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_cache, "MOST", 4000)
    asked: list[Any] = [{"host": name} for name in ("a", "b", "a")]
    for headers in asked:
        client.get("/lessons", headers=headers)
    assert len(made) == 3
