"""Who made what is stored, and that only they may use it."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from gateway_hooks.gateway.access import OwnersFile, OwnersInMemory, Product
from gateway_hooks.gateway.access.new_items import NewItems
from gateway_hooks.gateway.pool.affinity import new_item

MADE = b'{"id": "resp_0123456789abcdef", "object": "response"}'
ITEM = "/openai/v1/responses/resp_0123456789abcdef"
CREATE = "/openai/v1/responses"
OTHERS = Product(name="others", deployments=("gpt-4o",))


@pytest.fixture
def two(hooked: Any, make_key: Any) -> Any:
    """Hooks with two callers, `mine` and `theirs`."""
    hooks = hooked([Product(name="all"), OTHERS])
    hooks.inner.body = MADE
    hooks.mine = [("api-key", make_key("mine"))]
    hooks.theirs = [("api-key", make_key("theirs", "others"))]
    return hooks


async def test_a_response_belongs_to_who_made_it(two: Any) -> None:
    """Others get 404 by its path and as the response to go on from; its owner gets it."""
    made = await two.ask(CREATE, body={"model": "gpt-4o"}, headers=two.mine)
    assert made.body == MADE
    reached = len(two.inner.seen)
    for method, path, body in (
        ("GET", ITEM, b""),
        ("DELETE", ITEM, b""),
        ("POST", f"{ITEM}/cancel", b""),
        ("GET", f"{ITEM}/input_items", b""),
        ("POST", CREATE, {"model": "gpt-4o", "previous_response_id": "resp_0123456789abcdef"}),
        ("POST", CREATE, {"model": "gpt-4o", "conversation": "resp_0123456789abcdef"}),
        ("POST", CREATE, {"model": "gpt-4o", "conversation": {"id": "resp_0123456789abcdef"}}),
    ):
        refused = await two.ask(path, method=method, body=body, headers=two.theirs)
        assert (refused.status, refused.error["code"]) == (404, "404")
        assert two.decision() == "permissions/denied/not_owner"
        assert len(two.inner.seen) == reached
        passed = await two.ask(path, method=method, body=body, headers=two.mine)
        assert passed.status == 200
        reached = len(two.inner.seen)


async def test_what_nobody_made_looks_the_same(two: Any) -> None:
    """An unknown id is answered as somebody else's; the setting leaves it to the backends."""
    await two.ask(CREATE, body={"model": "gpt-4o"}, headers=two.mine)
    others = await two.ask(ITEM, method="GET", headers=two.theirs)
    unknown = await two.ask(f"{CREATE}/resp_unknown_id", method="GET", headers=two.theirs)
    assert (unknown.status, unknown.body) == (404, others.body)
    assert two.decision() == "permissions/denied/unknown_item"


async def test_unknown_items_can_be_left_to_the_backends(hooked: Any, make_key: Any) -> None:
    """`unknown_items = "allow"`: what was made before the gateway is still to be had."""
    hooks = hooked([OTHERS], unknown_items="allow")
    headers = [("api-key", make_key("one", "others"))]
    answer = await hooks.ask(f"{CREATE}/resp_unknown_id", method="GET", headers=headers)
    assert answer.status == 200


@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "gpt-4o", "previous_response_id": "a", "previous_response_id": "b"}',
        b'{"model": "gpt-4o", "Previous_Response_Id": "resp_0123456789abcdef"}',
        b'{"model": "gpt-4o", "previous_response\\u005fid": "b", "previous_response_id": "a"}',
        b'{"model": "gpt-4o", "previous_response_id": ["resp_0123456789abcdef"]}',
        b'{"model": "gpt-4o", "conversation": {"id": "a", "id": "b"}}',
        b'{"model": "gpt-4o", "conversation": {"ID": "a"}}',
        b'{"model": "gpt-4o", "conversation": {"id": "a", "\\u0069d": "b"}}',
        b'{"model": "gpt-4o", "conversation": 7}',
    ],
)
async def test_a_reference_with_two_readings_is_refused(two: Any, body: bytes) -> None:
    """For products without restrictions, too."""
    for headers in (two.mine, two.theirs):
        assert (await two.ask(CREATE, body=body, headers=headers)).status == 400
    assert two.inner.seen == []


EVENT = b'event: response.created\ndata: {"type":"response.created","response":{"id":"resp_%s"'


@pytest.mark.parametrize(
    "chunks",
    [
        [EVENT % b"streamed1", b"}}\n\n", b"data: more\n\n"],
        [b'{"object": "response", "i', b'd": "resp_split', b'ted_2"}', b""],
        [b"", EVENT % b"thirdthird"],
    ],
)
async def test_the_owner_is_known_before_the_answer_is(tmp_path: Path, chunks: list[bytes]) -> None:
    """Whenever the caller has an id, other workers know whose it is: split, streamed or whole."""
    path = tmp_path / "owners.sqlite"
    owners, other_worker = OwnersFile(path), OwnersFile(path)
    passed = b""

    async def send(message: Any) -> None:
        nonlocal passed
        passed += message.get("body", b"")
        item = new_item(passed)
        if item is not None:
            assert await other_worker.owner(item) == "k_mine"

    items = NewItems(owners, "k_mine", send)
    await items.send({"type": "http.response.start", "status": 200, "headers": []})
    for number, chunk in enumerate(chunks):
        more = number < len(chunks) - 1
        await items.send({"type": "http.response.body", "body": chunk, "more_body": more})
    assert passed == b"".join(chunks)
    assert new_item(passed) is not None
    owners.close()
    other_worker.close()


async def test_images_that_are_being_made_have_owners_too(two: Any) -> None:
    """The older asynchronous image operations."""
    submit = "/openai/images/generations:submit"
    two.inner.body = b'{"id": "0123456789abcdef", "status": "notRunning"}'
    assert (await two.ask(submit, body={"prompt": "x"}, headers=two.mine)).status == 200
    poll = "/openai/operations/images/0123456789abcdef"
    assert (await two.ask(poll, method="GET", headers=two.mine)).status == 200
    assert (await two.ask(poll, method="GET", headers=two.theirs)).status == 404
    assert (await two.ask(poll.upper(), method="GET", headers=two.theirs)).status == 404


async def test_a_failed_request_makes_nothing(two: Any) -> None:
    """The id in an error is nobody's."""

    async def failing(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 400, "headers": []})
        await send({"type": "http.response.body", "body": MADE, "more_body": False})

    two.app._app.app._app = failing
    assert (await two.ask(CREATE, body={"model": "m"}, headers=two.mine)).status == 400
    assert await two.state.owners.owner("resp_0123456789abcdef") is None


@pytest.mark.parametrize("kind", ["file", "memory"])
async def test_the_first_owner_stays(tmp_path: Path, kind: str) -> None:
    """Nobody takes an item over by making an answer that names it."""
    owners = OwnersFile(tmp_path / "owners.sqlite") if kind == "file" else OwnersInMemory()
    await owners.remember("resp_1", "k_one")
    await owners.remember("resp_1", "k_two")
    assert await owners.owner("resp_1") == "k_one"
    assert await owners.owner("resp_2") is None
    if isinstance(owners, OwnersFile):
        owners.close()


async def test_workers_share_owners_and_keep_the_newest(tmp_path: Path) -> None:
    """Many at once, in two workers; bounded; only its user may read the file."""
    path = tmp_path / "owners.sqlite"
    one, other = OwnersFile(path, kept=50), OwnersFile(path, kept=50)
    await asyncio.gather(
        *(one.remember(f"a{number}", "k_a") for number in range(100)),
        *(other.remember(f"b{number}", "k_b") for number in range(100)),
    )
    assert (await other.owner("a99"), await one.owner("b99")) != (None, None)
    count = sqlite3.connect(path)
    assert count.execute("SELECT count(*) FROM owners").fetchone()[0] <= 100
    count.close()
    assert path.stat().st_mode & 0o777 == 0o600
    one.close()
    other.close()


async def test_a_broken_file_is_told_of_and_replaced_by_memory(tmp_path: Path, caplog: Any) -> None:
    """The worker that made an item still knows its owner."""
    path = tmp_path / "owners.sqlite"
    path.write_bytes(b"garbage" * 1000)
    owners = OwnersFile(path)
    for number in range(3):
        await owners.remember(f"resp_{number}", "k_one")
    assert await owners.owner("resp_1") == "k_one"
    assert await owners.owner("resp_9") is None
    assert owners.problem is not None
    assert len([one for one in caplog.records if "own memory" in one.message]) == 1
    owners.close()
