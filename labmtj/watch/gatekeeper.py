"""Who may ask: a browser on this machine, from this very page, that knows the token.

Another page in the same browser cannot: its requests carry another Origin, a name that was made to lead here (DNS
rebinding) is another Host, and the cookie is not sent with what another site began (SameSite=Strict). What changes
something is a POST of JSON with an Origin, which no form can send.
"""

from __future__ import annotations

import secrets
from collections.abc import MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from labmtj.errors import InputError

LOOPBACK = "127.0.0.1"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "style-src-elem 'self'",
        "style-src-attr 'unsafe-inline'",  # plotly.js sets style attributes; they cannot run or load anything
        "img-src 'self' data:",  # a heat map is an image that the page has made
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}
_LARGEST = 4096  # chosen: bytes of a command; an answer has some tens


def checked_host(host: str) -> str:
    """The address to listen on. Raises InputError for any but loopback."""
    if host not in (LOOPBACK, "localhost"):
        raise InputError(
            f"{host}: the page is served on loopback only ({LOOPBACK}), for whoever reaches it can stop a run. From "
            f"another computer, tunnel: ssh -L 8765:{LOOPBACK}:8765 HOST, with --port 8765 here"
        )
    return LOOPBACK


class Gatekeeper:
    """Refuses what does not come from the page itself, and puts its headers on every answer."""

    def __init__(self, app: ASGIApp, *, port: int, token: str) -> None:
        self._app, self._token = app, token
        self.cookie = f"labmtj-watch-{port}"  # cookies do not tell ports apart
        self._hosts = {f"{name}:{port}" for name in (LOOPBACK, "localhost")}
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse, or pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = self._refusal(scope, Headers(scope=scope))

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                _dress(message, HEADERS)
                if scope["path"] == "/" and refused is None:
                    cookie = f"{self.cookie}={self._token}; Path=/; HttpOnly; SameSite=Strict"
                    _dress(message, {"set-cookie": cookie})
            await send(message)

        await (refused or self._app)(scope, receive, dressed)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """What is said to somebody who may not ask; None for whoever may."""
        if headers.get("host") not in self._hosts:
            return PlainTextResponse("another Host than this page's", 421)
        origin, post = headers.get("origin"), scope["method"] == "POST"
        if (origin is None and post) or (origin is not None and origin not in self._origins):
            return JSONResponse({"error": "another Origin than this page's"}, 403)
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and scope["path"] != "/":
            return JSONResponse({"error": "asked by another site"}, 403)
        if post and headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return JSONResponse({"error": "a command is a POST of JSON"}, 415)
        length = headers.get("content-length", "0")
        if post and not (length.isdecimal() and int(length) <= _LARGEST):
            return JSONResponse({"error": "too long for a command"}, 413)
        if not self._knows_token(scope, headers):
            text = "this page wants the token: open the whole address that `labmtj watch` has printed"
            return PlainTextResponse(text, 403)
        return None

    def _knows_token(self, scope: Scope, headers: Headers) -> bool:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            cookies = SimpleCookie()
        if self.cookie in cookies:
            given.append(cookies[self.cookie].value)
        return any(secrets.compare_digest(text.encode(), self._token.encode()) for text in given)


def _dress(message: MutableMapping[str, Any], headers: dict[str, str]) -> None:
    message["headers"] = [
        *message.get("headers", []),
        *((name.encode(), text.encode()) for name, text in headers.items()),
    ]
