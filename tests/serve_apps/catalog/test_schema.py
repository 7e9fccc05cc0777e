import itertools

from starlette.types import ASGIApp, Receive, Scope, Send

from serve_apps.catalog.routes import PREFIX
from tests.serve_apps.catalog.test_pictures import red_above_blue, stored_still
from tests.serve_apps.catalog.world import World, in_world
from tests.serve_apps.schema_check import check_api

FIXED = {"", "genres", "openapi.json"}


def aimed(app: ASGIApp, title_ids: list[str]) -> ASGIApp:
    """Send two of three requests to titles that exist, and with a condition that holds: made-up ids and ETags would only ever miss."""
    turns = itertools.count()

    async def ask(scope: Scope, receive: Receive, send: Send) -> None:
        turn = next(turns)
        parts = scope["path"].removeprefix(PREFIX).split("/")
        if turn % 3 and len(parts) > 1 and parts[1] not in FIXED:
            path = PREFIX + "/".join(["", title_ids[turn % len(title_ids)], *parts[2:]])
            headers = [(name, value) for name, value in scope["headers"] if name != b"if-match"]
            scope = {**scope, "path": path, "raw_path": path.encode(), "headers": [*headers, (b"if-match", b"*")]}
        await app(scope, receive, send)

    return ask


def test_every_answer_is_what_the_openapi_document_says(tmp_path):
    async def run(world: World) -> None:
        titles = [(await world.make(kind=kind))["title_id"] for kind in ("film", "series") * 2]
        await world.episode(titles[1], 1, 1)
        app = aimed(world.client._transport.app, titles)
        # Stills that are stored: most made-up names would miss.
        known = {"object_name": [await stored_still(world, red_above_blue(width)) for width in (640, 300)]}
        for bearer, examples in (("operator", 6), ("kid", 2), (None, 1)):
            assert await check_api(app, PREFIX, bearer, examples=examples, leave_out=["DELETE /{title_id}"], known=known) > 25
        assert await check_api(world.client._transport.app, PREFIX, "operator", examples=2) > 40

    in_world(tmp_path, run)
