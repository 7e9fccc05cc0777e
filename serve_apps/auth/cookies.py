"""The two cookies of browsers: the refresh token, and what shows that the device is known. Scripts read neither."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Cookie, Request, Response

from cluster.errors import Forbidden, TokenInvalid
from cluster.settings import Settings
from serve_apps.auth.policy import same_origin
from serve_apps.auth.schemas import Tokens

PATH: Final = "/api/v1/auth"
_REFRESH: Final = "matinee_refresh"
_DEVICE: Final = "matinee_device"
_DEVICE_S: Final = 400 * 86400
"""As long as browsers keep any cookie."""

RefreshCookie = Annotated[str | None, Cookie(alias=_REFRESH, description="The refresh token of a browser.")]
DeviceCookie = Annotated[str | None, Cookie(alias=_DEVICE, description="Shows that this browser was signed in before.")]


class Cookies:
    """Sets, reads and clears them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._secure = settings.site_url.startswith("https://")

    def keep(self, response: Response, tokens: Tokens) -> None:
        """Set both."""
        self._set(response, _REFRESH, tokens.refresh_token, self._settings.refresh_token_s)
        self._set(response, _DEVICE, tokens.device_token, _DEVICE_S)

    def clear(self, response: Response) -> None:
        """Take the refresh token away; that the device is known stays."""
        response.delete_cookie(_REFRESH, path=PATH, secure=self._secure, httponly=True, samesite="strict")

    def require_token(self, request: Request, sent: str | None, cookie: str | None) -> str:
        """Return the refresh token that was sent, or the cookie's if the request comes from our own pages.

        Raises:
            TokenInvalid: there is none.
            Forbidden: a cookie came from somebody else's page.
        """
        if sent is not None:
            return sent
        if not cookie:
            raise TokenInvalid("No refresh token was sent")
        if not same_origin(request.headers, self._settings.site_url):
            raise Forbidden("A cookie is accepted from this site's own pages only")
        return cookie

    def _set(self, response: Response, name: str, value: str, max_age_s: int) -> None:
        response.set_cookie(name, value, max_age=max_age_s, path=PATH, secure=self._secure, httponly=True, samesite="strict")
