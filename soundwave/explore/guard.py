"""Who may ask, and what the page may do.

- A random token stands in the address that the command prints. The first page that is opened with it puts it into a
  cookie that no script can read; every other request needs that cookie, or the header X-Soundwave-Token.
- The Host header must be this machine's: a name of elsewhere that leads here (DNS rebinding) is refused.
- What changes something must be JSON and come from the page itself (Origin).
- The page may load nothing of another origin, run no script that stands in it, and make no code of text.
"""

from __future__ import annotations

import json
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN = "token"
HEADER = "x-soundwave-token"
LOCAL = ("127.0.0.1", "localhost", "::1")
MOST_BYTES = 1 << 20  # of a request's body
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def content_policy(nonce: str) -> str:
    """The page's policy; `nonce` lets the wave's own style sheet in, and no other that stands in the page."""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' data: blob:",
            "media-src 'self' blob:",
            "connect-src 'self'",
            "font-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


class Guard:
    """ASGI middleware that lets only the user's own page in."""

    def __init__(self, app: ASGIApp, *, token: str, hosts: tuple[str, ...] = ()) -> None:
        """`hosts`: more names that the Host header may have."""
        self._app = app
        self._token = token
        self._hosts = {*LOCAL, *(name.lower() for name in hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        refused = self._refused(scope, Headers(scope=scope))
        await (refused or self._app)(scope, receive, _with_headers(send))

    def _refused(self, scope: Scope, headers: Headers) -> Response | None:
        """An answer in place of the application's; None: go on."""
        host = headers.get("host", "")
        if not self._is_here(host, scope):
            return PlainTextResponse("This address is not served here.", 421)
        cookie = cookie_name(scope)
        asked = parse_qs(scope["query_string"].decode("latin-1")).get(TOKEN, [""])[0]
        if scope["path"] == "/" and scope["method"] == "GET" and self._is_token(asked):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(cookie, self._token, httponly=True, samesite="strict", path="/")
            return answer
        if not (self._is_token(headers.get(HEADER, "")) or self._is_token(_cookie(headers, cookie))):
            said = (
                "Open the address that `soundwave explore` printed, with its token: this one has none, or an old one."
            )
            return PlainTextResponse(said, 403)
        if scope["method"] not in ("GET", "HEAD"):
            return _refused_change(headers, host)
        return None

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode("utf-8", "replace"), self._token.encode())

    def _is_here(self, host: str, scope: Scope) -> bool:
        """One of the names, or the very address that was connected to: no name of elsewhere is that."""
        server = scope.get("server")
        try:
            return (urlsplit(f"//{host}").hostname or "").lower() in self._hosts | {server[0] if server else None}
        except ValueError:
            return False


def _refused_change(headers: Headers, host: str) -> Response | None:
    """Why a request that may change something is refused, if it is."""
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return PlainTextResponse("Only the page itself may ask that.", 403)
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return PlainTextResponse("Expected application/json.", 415)
    length = headers.get("content-length", "")
    if not length.isdigit() or int(length) > MOST_BYTES:
        return PlainTextResponse(f"Expected a Content-Length of at most {MOST_BYTES} bytes.", 413)
    return None


def cookie_name(scope: Scope) -> str:
    """Cookies are shared by all ports of a host: each server has its own."""
    server = scope.get("server")
    return f"soundwave-{server[1] if server else 0}"


def _cookie(headers: Headers, name: str) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        await send(message)

    return sending


def as_json(value: object) -> str:
    """JSON for the page; what is no finite number must have been taken out."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=str, separators=(",", ":"))
