"""`prepared(recipe, source)` and `m4a(path)`, as for the corpora of speech."""

from tests.recipes.speech.conftest import m4a, prepared

__all__ = ["m4a", "prepared"]
