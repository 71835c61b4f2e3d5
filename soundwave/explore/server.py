"""The addresses of the page: files of page/, and JSON under /api/."""

from __future__ import annotations

import importlib
import json
import secrets
import socket
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from curation.catalog.reviews import MARKS, mark_cut
from manifests.errors import AudioError, InputError, MissingFileError, SettingsError
from manifests.schema import TABLES
from soundwave.explore import audits, cuts, workshop
from soundwave.explore.asking import Explorer
from soundwave.explore.filters import facet_columns, number_columns, plain, read_filter
from soundwave.explore.guard import Guard, as_json, content_policy
from soundwave.explore.one_cut import need_cut, one_cut, verdicts
from soundwave.explore.sound import Sounds, byte_range

PAGE = Path(__file__).with_name("page")
NONCE = "NONCE"  # stands in index.html where each answer has its own
Answer = Callable[[Explorer, Any], Any]


def build_server(explorer: Explorer, token: str, hosts: tuple[str, ...] = ()) -> Starlette:
    """The application; every request needs `token` (see `guard`)."""
    sounds = Sounds(explorer)
    routes = [
        Route("/", _index),
        Route("/api/sound", _sound(sounds)),
        *(Route(f"/api/{name}", _asked(explorer, answer)) for name, answer in ASKED.items()),
        *(Route(f"/api/{name}", _told(explorer, answer), methods=["POST"]) for name, answer in TOLD.items()),
        Mount("/page", StaticFiles(directory=PAGE)),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Guard, token=token, hosts=hosts)])


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at an address.

    Raises:
        SettingsError: the port is in use, or the address is none of this machine's.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        raise SettingsError(
            f"Nothing can be served at {host}, port {port}: {getattr(error, 'strerror', None) or error}. "
            "Choose another one as `port`; 0 takes any that is free."
        ) from error


def serve(explorer: Explorer, bound: socket.socket, token: str, hosts: tuple[str, ...] = ()) -> None:
    """Answer until the process is told to stop (Ctrl-C)."""
    config = uvicorn.Config(build_server(explorer, token, hosts), log_level="warning", server_header=False, ws="none")
    uvicorn.Server(config).run(sockets=[bound])


async def _index(request: Request) -> Response:
    nonce = secrets.token_urlsafe(16)
    text = (PAGE / "index.html").read_text(encoding="utf-8").replace(NONCE, escape(nonce))
    return HTMLResponse(text, headers={"Content-Security-Policy": content_policy(nonce)})


def _asked(explorer: Explorer, answer: Answer) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(_answered, answer, explorer, dict(request.query_params))

    return endpoint


def _told(explorer: Explorer, answer: Answer) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            body = json.loads(await request.body())
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            return _error("Expected a JSON object.", 400)
        return await run_in_threadpool(_answered, answer, explorer, body)

    return endpoint


def _answered(answer: Answer, explorer: Explorer, given: dict[str, Any]) -> Response:
    try:
        return Response(as_json(plain(answer(explorer, given))), media_type="application/json")
    except MissingFileError as error:
        return _error(str(error), 404)
    except InputError as error:
        return _error(str(error), 422)


def _error(said: str, status: int) -> Response:
    return Response(as_json({"error": said}), status, media_type="application/json")


def _sound(sounds: Sounds) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(_heard, sounds, request.query_params.get("id", ""), request.headers.get("range"))

    return endpoint


def _heard(sounds: Sounds, cut_id: str, wanted: str | None) -> Response:
    try:
        found = sounds.wav(cut_id)
    except MissingFileError as error:
        return _error(str(error), 404)
    except (AudioError, InputError) as error:
        return _error(str(error), 422)
    headers = {"Accept-Ranges": "bytes"}
    try:
        part = byte_range(wanted, len(found))
    except ValueError:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{len(found)}"})
    if part is None:
        return Response(found, media_type="audio/wav", headers=headers)
    headers["Content-Range"] = f"bytes {part[0]}-{part[1] - 1}/{len(found)}"
    return Response(found[slice(*part)], 206, media_type="audio/wav", headers=headers)


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str):
        raise SettingsError(f"The request has {value!r} as {name}, expected text.")
    return value


def _number(given: Mapping[str, Any], name: str, default: int) -> int:
    try:
        return int(given.get(name, default))
    except (TypeError, ValueError, OverflowError):
        raise SettingsError(f"The request has {given.get(name)!r} as {name}, expected a whole number.") from None


def _changes(given: Mapping[str, Any]) -> dict[str, Any]:
    value = given.get("changes") or {}
    if not isinstance(value, dict):
        raise SettingsError(f"The request has {value!r} as changes, expected settings and their values.")
    return value


def _about(explorer: Explorer, _: Any) -> Any:
    """What is looked at, and what the page may ask for."""
    counts = explorer.rows(
        "SELECT (SELECT count(*) FROM cuts) AS cuts, (SELECT coalesce(sum(duration), 0) / 3600 FROM cuts) AS hours"
    )[0]
    plans = [row["plan"] for row in explorer.rows("SELECT DISTINCT plan FROM plans ORDER BY plan")]
    found = explorer.places.studies
    return {
        "catalog": str(explorer.places.catalog),
        "plans": plans,
        "marks": MARKS,
        "facets": facet_columns(explorer),
        "numbers": number_columns(explorer),
        "tables": TABLES,
        "mixtures": workshop.mixture_names(explorer),
        "studies": 0 if found is None else len(found.folders("grids")),
    } | counts


def _studies(explorer: Explorer, _: Any) -> Any:
    return _of_studies().list_studies(explorer)


def _of_studies(name: str = "studies") -> Any:
    """Loaded when it is asked for: what claims are computed with takes a second, and as much memory as all else."""
    return importlib.import_module(f"soundwave.explore.{name}")


def _page(explorer: Explorer, given: Any) -> Any:
    return cuts.page(
        explorer,
        read_filter(given.get("filter")),
        order=_text(given, "order") if given.get("order") else None,
        down=bool(given.get("down")),
        first=_number(given, "first", 0),
        rows=_number(given, "rows", 50),
    )


def _mark(explorer: Explorer, given: Any) -> Any:
    cut = need_cut(explorer, _text(given, "id"))
    mark, note, right = given.get("mark"), given.get("note") or "", given.get("right_text") or ""
    said = {"note": str(note), "text": cut["text"], "right_text": str(right)}
    mark_cut(explorer.places.catalog, cut["cut_id"], mark and str(mark), **said)
    return {"id": cut["cut_id"], "mark": mark}


ASKED: dict[str, Answer] = {
    "about": _about,
    "cut": lambda explorer, given: one_cut(explorer, _text(given, "id")),
    "verdicts": lambda explorer, given: verdicts(explorer, _text(given, "id")),
    "mixture": lambda explorer, given: workshop.open_mixture(explorer, _text(given, "name")),
    "audits": lambda explorer, given: audits.list_audits(),
    "audit": lambda explorer, given: audits.count_audit(explorer, _text(given, "name")),
    "studies": _studies,
    "run": lambda explorer, given: _of_studies().one_run(explorer, _text(given, "run")),
    "clips": lambda explorer, given: _of_studies().worst_clips(
        explorer, _text(given, "grid"), _text(given, "cell"), _text(given, "outcome")
    ),
    "fits": lambda explorer, given: _of_studies("fitted").fits_along(
        explorer, _text(given, "grid"), _text(given, "outcome")
    ),
    "trade": lambda explorer, given: _of_studies("fitted").trade_off(explorer, _text(given, "grid")),
    "found": lambda explorer, given: audits.audit_rows(
        explorer, _text(given, "name"), first=_number(given, "first", 0), rows=_number(given, "rows", 50)
    ),
}
TOLD: dict[str, Answer] = {
    "cuts": _page,
    "facets": lambda explorer, given: cuts.facets(explorer, read_filter(given.get("filter"))),
    "mark": _mark,
    "plan": lambda explorer, given: workshop.certificate(explorer, _text(given, "name"), _changes(given)),
    "save": lambda explorer, given: {
        "path": str(workshop.save_mixture(explorer, _text(given, "name"), _changes(given), _text(given, "save_as")))
    },
}
