"""The Hugging Face hub: is it there? Its client asks five times for every file before it says that it is not.

Where it does not answer within SECONDS, what was fetched before counts, as with HF_HUB_OFFLINE=1.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import huggingface_hub
from huggingface_hub import constants, try_to_load_from_cache
from huggingface_hub.utils import get_session

SECONDS = 3.0
LENGTH = 60  # letters of what the network said: what the cache holds is to be read too


@contextmanager
def hub_or_cache(name: str, *, revision: str | None = None, sign: str | None = None) -> Iterator[None]:
    """In this block a library loads `name`: a folder, or a name of the hub.

    sign: a file without which nothing of that name is in the hub's cache on this machine.

    Raises:
        ConnectionError: the hub does not answer, and the cache does not hold `name`, or lacks a part of it.
    """
    why = None if Path(name).is_dir() else silence()
    if why is None:
        yield
        return
    before = constants.HF_HUB_OFFLINE
    _set_offline(True)
    try:
        yield
    except Exception as error:
        absent = (
            _not_found(error)
            if sign is None
            else not isinstance(try_to_load_from_cache(name, sign, revision=revision), str)
        )
        found = f"{constants.ENDPOINT} {why}; the cache {constants.HF_HUB_CACHE}"
        if absent:
            raise ConnectionError(f"{found} does not hold {name}, or not all of it") from error
        if isinstance(error, OSError):
            raise ConnectionError(f"{found} holds a part of {name} only, or a damaged one: {error}") from error
        raise
    finally:
        _set_offline(before)


def _set_offline(offline: bool) -> None:
    """Whether the hub's client may ask. Before its version 1 each of its sessions keeps what held when it was made."""
    constants.HF_HUB_OFFLINE = offline
    if (reset := getattr(huggingface_hub.utils, "reset_sessions", None)) is not None:
        reset()


def silence() -> str | None:
    """Why the hub cannot be asked; None: it can."""
    if constants.HF_HUB_OFFLINE:
        return "is not asked, since HF_HUB_OFFLINE is set"
    try:
        status = int(get_session().head(constants.ENDPOINT, timeout=SECONDS).status_code)
    except Exception as error:  # of requests or httpx, whichever its client uses
        return f"does not answer ({' '.join(str(error).split())[:LENGTH] or type(error).__name__})"
    return f"answers with status {status}" if status >= 500 else None


def _not_found(error: BaseException | None) -> bool:
    """Whether the hub's client says so: libraries wrap what it raised, `datasets` in a ConnectionError of its own."""
    while error is not None:
        if isinstance(error, ConnectionError) or type(error).__module__.startswith("huggingface_hub"):
            return True
        error = error.__cause__ or error.__context__
    return False
