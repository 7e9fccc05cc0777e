"""What becomes of the pictures that operators send, as the edge serves them."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import obstore
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms

from cluster.durable import open_objects
from serve_apps.catalog.pictures import cut_size
from serve_apps.catalog.schemas import ArtworkKind
from tests.serve_apps.catalog.world import EDGE, World, in_world

RED, BLUE = (220, 20, 20), (20, 20, 220)
TURNED_LEFT = 6
"""EXIF's orientation of a picture that is shown turned right by 90 degrees."""


def written(kind: str, size: tuple[int, int] = (900, 1350), picture: Image.Image | None = None, **how: Any) -> bytes:
    out = io.BytesIO()
    (picture or Image.new("RGB", size, RED)).save(out, kind, **how)
    return out.getvalue()


def by_camera(orientation: int = TURNED_LEFT) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "Camera of Ada"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (52.0, 31.0, 12.0)
    return exif


def red_above_blue(width: int = 800, height: int = 400) -> Image.Image:
    picture = Image.new("RGB", (width, height), BLUE)
    picture.paste(RED, (0, 0, width, height // 2))
    return picture


async def put(world: World, data: bytes, kind: str = "poster") -> httpx.Response:
    title_id = (await world.make())["title_id"]
    return await world.call("PUT", f"/{title_id}/artwork/{kind}", content=data, headers={"If-Match": "*"})


async def shown(world: World, data: bytes, kind: str = "poster") -> list[tuple[str, bytes, Image.Image]]:
    """Return what is stored of a picture: names, bytes and pixels, the widest first."""
    answer = await put(world, data, kind)
    assert answer.status_code == 200, answer.text
    found = []
    for image in answer.json()["artwork"][kind]:
        name = image["url"].removeprefix(EDGE + "/a/")
        stored = (world.settings.data / "objects" / "artwork" / name).read_bytes()
        pixels = Image.open(io.BytesIO(stored))
        assert pixels.size == (image["width"], image["height"])
        found.append((name, stored, pixels))
    return found


@pytest.mark.parametrize(("kind", "extension"), [("JPEG", "jpg"), ("PNG", "webp"), ("WEBP", "webp")])
def test_artwork_is_stored_by_its_content_with_narrower_copies(tmp_path, kind, extension):
    async def run(world: World) -> None:
        path = f"/{(await world.make())['title_id']}"
        put = await world.call("PUT", path + "/artwork/poster", content=written(kind), headers={"If-Match": '"1"'})
        assert put.status_code == 200, put.text
        images = put.json()["artwork"]["poster"]
        assert [(image["width"], image["height"]) for image in images] == [(900, 1350), (780, 1170), (342, 513)]
        assert images[0]["url"].endswith("." + extension)
        for image in images:
            stored = world.settings.data / "objects" / "artwork" / image["url"].removeprefix(EDGE + "/a/")
            assert Image.open(stored).width == image["width"]
        again = await world.call("PUT", path + "/artwork/poster", content=written(kind), headers={"If-Match": '"2"'})
        assert again.headers["ETag"] == '"2"'
        card = (await world.get("", "adult"))["items"][0]
        assert card["artwork"]["poster"] == images
        assert (await world.call("DELETE", path + "/artwork/poster", headers={"If-Match": "*"})).json()["artwork"]["poster"] == []

    in_world(tmp_path, run)


def test_what_is_no_picture_is_refused_and_leaves_nothing(tmp_path):
    async def run(world: World) -> None:
        path = f"/{(await world.make())['title_id']}/artwork/poster"
        whole = written("PNG", (64, 64))
        for wrong in (b"", b"GIF89a" + bytes(100), whole[: len(whole) // 2], written("JPEG", (8, 8)), written("GIF", (64, 64))):
            refused = await world.call("PUT", path, content=wrong, headers={"If-Match": "*"})
            assert (refused.status_code, refused.json()["type"]) == (422, "urn:matinee:error:image-refused")
        large = await world.call("PUT", path, content=bytes(8 * 2**20 + 1), headers={"If-Match": "*"})
        assert large.status_code == 413
        assert not (world.settings.data / "objects" / "artwork").exists()

    in_world(tmp_path, run)


async def stored_still(world: World, picture: Image.Image) -> str:
    """Leave a picture in the object store as the studio leaves its stills; returns its name."""
    data = written("JPEG", picture=picture)
    name = f"artwork/{hashlib.sha256(data).hexdigest()}.jpg"
    await obstore.put_async(open_objects(world.settings.objects), name, data)
    return name


async def choose(world: World, title_id: str, kind: str, object_name: object, etag: str = "*") -> httpx.Response:
    return await world.call("PUT", f"/{title_id}/artwork/{kind}", json={"object_name": object_name}, headers={"If-Match": etag})


def test_a_stored_still_is_chosen_as_it_is_where_it_fits_and_cut_to_a_poster(tmp_path: Path) -> None:
    async def run(world: World) -> None:
        title_id = (await world.make())["title_id"]
        middle = Image.new("RGB", (1920, 1080), BLUE)
        middle.paste(RED, (560, 0, 1360, 1080))
        name = await stored_still(world, middle)
        for kind, version in (("backdrop", 1), ("still", 2), ("poster", 3)):
            answer = await choose(world, title_id, kind, name, f'"{version}"')
            assert (answer.status_code, answer.headers["ETag"]) == (200, f'"{version + 1}"'), answer.text
            assert (await choose(world, title_id, kind, name)).json()["artwork"] == answer.json()["artwork"]
        shown = (await world.get(f"/{title_id}", "adult"))["artwork"]
        assert [(one["width"], one["height"]) for one in shown["backdrop"]] == [(1920, 1080), (1280, 720), (780, 439)]
        assert {shown["backdrop"][0]["url"], shown["still"][0]["url"]} == {f"{EDGE}/a/{name.partition('/')[2]}"}
        assert [(one["width"], one["height"]) for one in shown["poster"]] == [(720, 1080), (342, 513)]
        poster = Image.open(world.settings.data / "objects" / "artwork" / shown["poster"][0]["url"].rpartition("/")[2]).convert("RGB")
        for corner in ((2, 2), (717, 1077)):
            red, _, blue = poster.getpixel(corner)  # type: ignore[misc]  # of RGB there are three
            assert red > 150 > blue

    in_world(tmp_path, run)


def test_only_a_stored_picture_of_ours_can_be_chosen(tmp_path: Path) -> None:
    async def run(world: World) -> None:
        title_id = (await world.make())["title_id"]
        objects = open_objects(world.settings.objects)
        for name in (f"artwork/{'a' * 64}.jpg", "media/film/1/master.m3u8"):
            await obstore.put_async(objects, name, written("JPEG"))
        no_picture = f"artwork/{hashlib.sha256(b'text').hexdigest()}.jpg"
        await obstore.put_async(objects, no_picture, b"text")
        for name, status, slug in (
            (f"artwork/{'b' * 64}.jpg", 404, "object-not-found"),
            (f"artwork/{'a' * 64}.jpg", 422, "image-refused"),
            (no_picture, 422, "image-refused"),
            ("media/film/1/master.m3u8", 422, "invalid-input"),
            ("artwork/../media/film/1/master.m3u8", 422, "invalid-input"),
            (None, 422, "invalid-input"),
        ):
            refused = await choose(world, title_id, "poster", name)
            assert (refused.status_code, refused.json()["type"]) == (status, f"urn:matinee:error:{slug}"), refused.text
        unknown = await world.call("PUT", f"/{title_id}/artwork/poster", json={"object": "x"}, headers={"If-Match": "*"})
        assert {error["pointer"] for error in unknown.json()["errors"]} == {"/body/object_name", "/body/object"}
        assert (await world.get(f"/{title_id}"))["artwork"]["poster"] == []
        name = await stored_still(world, red_above_blue())
        assert (await choose(world, title_id, "poster", name, '"7"')).status_code == 412
        assert (await world.call("PUT", f"/{title_id}/artwork/poster", json={"object_name": name})).status_code == 428
        assert (await choose(world, "0" * 32, "poster", name)).status_code == 404

    in_world(tmp_path, run)


@given(
    st.tuples(st.integers(16, 4000), st.integers(16, 4000)),
    st.sampled_from([("poster", 2 / 3), ("backdrop", 16 / 9)]),
)
def test_a_cut_keeps_all_it_can_of_the_shape(size: tuple[int, int], shape: tuple[ArtworkKind, float]) -> None:
    kind, aspect = shape
    width, height = cut_size(size, kind)
    assert 0 < width <= size[0] and 0 < height <= size[1]
    assert width == size[0] or height == size[1]
    # Within the pixels that are rounded by, one side or the other.
    assert abs(width - height * aspect) <= 3 * max(1, aspect)
    assert cut_size((width, height), kind) == (width, height)


@pytest.mark.parametrize("size", [(20_000, 1000), (1000, 20_000), (16_384, 16)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_too_long_to_store_is_refused_and_says_so(tmp_path: Path, size: tuple[int, int], kind: str) -> None:
    async def run(world: World) -> None:
        refused = await put(world, written(kind, size), "backdrop")
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:matinee:error:image-refused")
        assert "16383" in refused.json()["detail"] and f"{size[0]}x{size[1]}" in refused.json()["detail"]

    in_world(tmp_path, run)


def test_the_longest_picture_is_taken(tmp_path: Path) -> None:
    async def run(world: World) -> None:
        names = [name for name, _, _ in await shown(world, written("PNG", (16_383, 16)), "backdrop")]
        assert len(names) == 3

    in_world(tmp_path, run)


def test_a_phones_picture_of_two_is_a_jpeg(tmp_path: Path) -> None:
    async def run(world: World) -> None:
        data = written("MPO", save_all=True, append_images=[Image.new("RGB", (900, 1350), BLUE)])
        assert Image.open(io.BytesIO(data)).format == "MPO"
        (name, _, pixels), *_ = await shown(world, data)
        assert (name.rpartition(".")[2], pixels.format) == ("jpg", "JPEG")

    in_world(tmp_path, run)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_turned_picture_is_shown_upright(tmp_path: Path, kind: str) -> None:
    async def run(world: World) -> None:
        for _, _, pixels in await shown(world, written(kind, picture=red_above_blue(), exif=by_camera())):
            width, height = pixels.size
            assert height == 2 * width
            right, left = pixels.convert("RGB").getpixel((width - 5, 5)), pixels.convert("RGB").getpixel((5, 5))
            assert isinstance(right, tuple) and isinstance(left, tuple)
            assert right[0] > 150 > right[2] and left[2] > 150 > left[0]

    in_world(tmp_path, run)


@pytest.mark.parametrize(
    "write",
    [
        lambda: written("JPEG", exif=by_camera(1), comment="Camera of Ada"),
        lambda: written("PNG", exif=by_camera(1)),
        lambda: written("WEBP", exif=by_camera(1), xmp=b"<x>Camera of Ada</x>"),
    ],
    ids=["jpeg", "png", "webp"],
)
def test_nothing_that_a_camera_knows_is_published(tmp_path: Path, write: Callable[[], bytes]) -> None:
    async def run(world: World) -> None:
        for _, stored, pixels in await shown(world, write()):
            assert not pixels.getexif()
            assert b"Camera of Ada" not in stored

    in_world(tmp_path, run)


def test_colours_keep_their_profile(tmp_path: Path) -> None:
    async def run(world: World) -> None:
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        for _, _, pixels in await shown(world, written("JPEG", icc_profile=profile)):
            assert pixels.info["icc_profile"] == profile
        grey = written("JPEG", picture=Image.new("L", (400, 600)), icc_profile=profile)
        for _, _, pixels in await shown(world, grey):
            assert "icc_profile" not in pixels.info

    in_world(tmp_path, run)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_whatever_is_damaged_the_answer_is_a_picture_or_a_refusal(tmp_path: Path, kind: str) -> None:
    async def run(world: World) -> None:
        title_id = (await world.make())["title_id"]
        rng = random.Random(4)
        whole = written(kind, (64, 64), exif=by_camera())
        for _ in range(60):
            data = bytearray(whole)
            for _ in range(3):
                data[rng.randrange(min(200, len(data)))] = rng.randrange(256)
            answer = await world.call("PUT", f"/{title_id}/artwork/still", content=bytes(data), headers={"If-Match": "*"})
            assert answer.status_code in {200, 422}, answer.text

    in_world(tmp_path, run)
