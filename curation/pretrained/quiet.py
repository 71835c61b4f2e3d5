"""Loading without noise: transformers' progress bars and advice are for people who load one model by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers' progress bars and advice inside the block; both are afterwards as they were."""
    from transformers.utils import logging  # seconds: passes whose models are no transformers do not wait for it

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
