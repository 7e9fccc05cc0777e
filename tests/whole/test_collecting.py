"""Pictures that operators sent or chose stay while they are shown or offered, and then give their space back.

The real catalogue and the real collector agree on it.
"""

from __future__ import annotations

import asyncio
import io
import random
from pathlib import Path
from time import time

from PIL import Image

from serve_apps.catalog.routes import PREFIX as CATALOG
from serve_apps.studio.routes import PREFIX as STUDIO
from tests.serve_apps.studio.rig import Clock, files_under
from tests.whole import films, people
from tests.whole.composition import Whole, opened

DAY = 86400.0


def picture(seed: int) -> bytes:
    out = io.BytesIO()
    Image.frombytes("RGB", (8, 12), random.Random(seed).randbytes(288)).resize((400, 600)).save(out, "JPEG")
    return out.getvalue()


def test_posters_that_were_replaced_or_whose_title_is_gone_leave_nothing(tmp_path: Path) -> None:
    clock = Clock(time())

    def stored() -> set[str]:
        return set(files_under(tmp_path / "objects" / "artwork"))

    async def put(whole: Whole, operator: people.Person, title_id: str, seed: int) -> None:
        path = f"{CATALOG}/{title_id}/artwork/poster"
        answer = await whole.ask("PUT", path, operator, content=picture(seed), headers={"If-Match": "*"})
        assert answer.status_code == 200, answer.text

    async def days_later(whole: Whole, days: float = 1.1) -> None:
        clock.value_s += days * DAY
        await whole.runner.collect()

    async def main() -> None:
        async with opened(tmp_path, clock) as whole:
            operator = await people.operator(whole)
            title_id, draft_id = [await films.make_title(whole, operator, name) for name in ("Kept for a while", "A draft")]
            await put(whole, operator, draft_id, 1)
            of_the_draft = stored()
            await put(whole, operator, title_id, 2)
            replaced = stored() - of_the_draft
            await put(whole, operator, title_id, 3)
            shown = stored() - of_the_draft - replaced
            assert len(replaced) > 1
            await whole.runner.collect()
            assert stored() == of_the_draft | replaced | shown  # too new to tell
            await days_later(whole)
            assert stored() == of_the_draft | shown
            operator = await people.operator(whole)
            for deleted, left in ((title_id, of_the_draft), (draft_id, set())):
                answer = await whole.ask("DELETE", f"{CATALOG}/{deleted}", operator, headers={"If-Match": "*"})
                assert answer.status_code == 204, answer.text
                await days_later(whole, 0.1)
                operator = await people.operator(whole)
                assert stored() == left

    asyncio.run(main())


def test_a_still_that_was_chosen_outlives_the_version_that_offered_it(tmp_path: Path) -> None:
    clock = Clock(time())

    def stored() -> set[str]:
        return {f"artwork/{name}" for name in files_under(tmp_path / "objects" / "artwork")}

    async def offered(whole: Whole, operator: people.Person, title_id: str) -> list[str]:
        page = await whole.get(f"{STUDIO}/playables/{title_id}/candidates", operator)
        return [item["object_name"] for item in page["items"]]

    async def encode(whole: Whole, operator: people.Person, title_id: str, *seeds: int) -> None:
        whole.encoders.candidates = [picture(seed) for seed in seeds]
        await films.job_in(whole, operator, await films.start_job(whole, operator, title_id), "ready")

    async def main() -> None:
        async with opened(tmp_path, clock) as whole:
            operator = await people.operator(whole)
            title_id = await films.make_title(whole, operator)
            assert await offered(whole, operator, title_id) == []
            await encode(whole, operator, title_id, 1, 2, 3)
            first = await offered(whole, operator, title_id)
            assert len(first) == 3
            path = f"{CATALOG}/{title_id}/artwork/still"
            answer = await whole.ask("PUT", path, operator, json={"object_name": first[1]}, headers={"If-Match": "*"})
            assert answer.status_code == 200, answer.text
            assert answer.json()["artwork"]["still"][0]["url"].endswith(first[1].removeprefix("artwork/"))
            clock.value_s += 2 * DAY
            await whole.runner.collect()
            assert set(first) <= stored()
            operator = await people.operator(whole)
            await encode(whole, operator, title_id, 3, 4)
            second = await offered(whole, operator, title_id)
            assert second[0] == first[2]
            await whole.runner.collect()  # sees that the first version is dead
            clock.value_s += 2 * DAY
            await whole.runner.collect()
            assert {first[1], *second} <= stored()
            assert first[0] not in stored()

    asyncio.run(main())
