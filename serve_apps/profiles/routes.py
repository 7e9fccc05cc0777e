"""The HTTP routes of profiles."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import FastAPI, Path, Query, Request, Response

from cluster.errors import (
    AccountNotFound,
    Conflict,
    DeviceRevoked,
    Forbidden,
    IdempotencyKeyReused,
    InvalidCursor,
    LastProfile,
    ListFull,
    MatineeError,
    NotAuthenticated,
    ProfileNotFound,
    ProfileRequired,
    TokenInvalid,
    TooManyProfiles,
    WrongPin,
)
from serve_apps.http import Gate, Member, Viewer, json_bytes, new_api, problems
from serve_apps.idempotency import IdempotencyKey
from serve_apps.profiles import policy
from serve_apps.profiles.schemas import (
    ListEntry,
    ListPage,
    NewProfile,
    NewRating,
    PlayerChange,
    Profile,
    ProfileChange,
    ProfilePage,
    RatedTitle,
    RatingPage,
)
from serve_apps.profiles.service import Profiles

PREFIX: Final = "/api/v1/profiles"

ProfileId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
TitleId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(max_length=256)]
_SIGNED_IN: tuple[type[MatineeError], ...] = (NotAuthenticated, TokenInvalid, DeviceRevoked)
_VIEWING = (*_SIGNED_IN, ProfileRequired, ProfileNotFound)


def create_api(profiles: Profiles, gate: Gate) -> FastAPI:
    """Return the API of one service."""
    api = new_api("profiles", PREFIX, gate)

    @api.get("/", response_model=ProfilePage, responses=problems(*_SIGNED_IN, InvalidCursor))
    async def list_profiles(member: Member, limit: Limit = 50, cursor: Cursor = None) -> ProfilePage:
        """List the account's profiles."""
        return await profiles.page(member.account_id, limit, cursor)

    @api.post(
        "/",
        status_code=201,
        response_model=Profile,
        responses=problems(*_SIGNED_IN, Forbidden, AccountNotFound, TooManyProfiles, Conflict, IdempotencyKeyReused),
    )
    async def create_profile(new: NewProfile, member: Member, request: Request, idempotency_key: IdempotencyKey = None) -> Response:
        """Make a profile; not from a kids profile."""
        policy.require_manager(member)

        async def create(profile_id: str) -> tuple[int, bytes]:
            created = await profiles.create(member.account_id, new, profile_id)
            return 201, created.model_dump_json().encode()

        once = profiles.idempotency.once_as
        status, body = await once(member.account_id, "POST /profiles", idempotency_key, await request.body(), create)
        return json_bytes(body, status=status)

    @api.put("/me/player", response_model=Profile, responses=problems(*_VIEWING, Conflict))
    async def keep_player_choices(change: PlayerChange, viewer: Viewer) -> Profile:
        """Keep what the profile chose in its player, a kids profile too; what isn't sent stays, a language of null is forgotten."""
        return await profiles.remember(viewer.account_id, str(viewer.profile_id), change)

    @api.get("/me/list", response_model=ListPage, responses=problems(*_VIEWING, InvalidCursor))
    async def my_list(viewer: Viewer, limit: Limit = 50, cursor: Cursor = None) -> ListPage:
        """List the titles that the profile has put on its list, the latest first."""
        await profiles.require(viewer.account_id, str(viewer.profile_id))
        entries, following = await profiles.choices.latest(viewer.account_id, str(viewer.profile_id), "list", limit, cursor)
        return ListPage(items=[ListEntry(title_id=t, added_at=_time(value["at_s"])) for t, value in entries], next_cursor=following)

    @api.put("/me/list/{title_id}", status_code=204, responses=problems(*_VIEWING, ListFull))
    async def add_to_my_list(title_id: TitleId, viewer: Viewer) -> None:
        """Put a title on the profile's list."""
        await profiles.require(viewer.account_id, str(viewer.profile_id))
        await profiles.choices.keep(viewer.account_id, str(viewer.profile_id), "list", title_id)

    @api.delete("/me/list/{title_id}", status_code=204, responses=problems(*_VIEWING))
    async def take_off_my_list(title_id: TitleId, viewer: Viewer) -> None:
        """Take a title off the profile's list."""
        await profiles.require(viewer.account_id, str(viewer.profile_id))
        await profiles.choices.drop(viewer.account_id, str(viewer.profile_id), "list", title_id)

    @api.get("/me/ratings", response_model=RatingPage, responses=problems(*_VIEWING, InvalidCursor))
    async def my_ratings(viewer: Viewer, limit: Limit = 50, cursor: Cursor = None) -> RatingPage:
        """List the titles that the profile has rated, the latest first."""
        await profiles.require(viewer.account_id, str(viewer.profile_id))
        entries, following = await profiles.choices.latest(viewer.account_id, str(viewer.profile_id), "rating", limit, cursor)
        items = [RatedTitle(title_id=t, rating=value["rating"], rated_at=_time(value["at_s"])) for t, value in entries]
        return RatingPage(items=items, next_cursor=following)

    @api.put("/me/ratings/{title_id}", status_code=204, responses=problems(*_VIEWING, ListFull))
    async def rate(title_id: TitleId, rating: NewRating, viewer: Viewer) -> None:
        """Rate a title."""
        await profiles.require(viewer.account_id, str(viewer.profile_id))
        await profiles.choices.keep(viewer.account_id, str(viewer.profile_id), "rating", title_id, {"rating": rating.rating})

    @api.delete("/me/ratings/{title_id}", status_code=204, responses=problems(*_VIEWING))
    async def unrate(title_id: TitleId, viewer: Viewer) -> None:
        """Take a rating back."""
        await profiles.require(viewer.account_id, str(viewer.profile_id))
        await profiles.choices.drop(viewer.account_id, str(viewer.profile_id), "rating", title_id)

    @api.get("/{profile_id}", response_model=Profile, responses=problems(*_SIGNED_IN, ProfileNotFound))
    async def get_profile(profile_id: ProfileId, member: Member) -> Profile:
        """Return one of the account's profiles."""
        return await profiles.get(member.account_id, profile_id)

    @api.patch("/{profile_id}", response_model=Profile, responses=problems(*_SIGNED_IN, Forbidden, WrongPin, ProfileNotFound, Conflict))
    async def change_profile(profile_id: ProfileId, change: ProfileChange, member: Member) -> Profile:
        """Change a profile; not from a kids profile. One that has a PIN is changed from itself, or with `current_pin`."""
        policy.require_manager(member)
        return await profiles.change(member, profile_id, change)

    @api.delete(
        "/{profile_id}", status_code=204, responses=problems(*_SIGNED_IN, Forbidden, WrongPin, ProfileNotFound, LastProfile, Conflict)
    )
    async def delete_profile(profile_id: ProfileId, member: Member) -> None:
        """Remove a profile with its list and ratings; not from a kids profile. One that has a PIN is removed from itself only."""
        policy.require_manager(member)
        await profiles.delete(member, profile_id)

    return api


def _time(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)
