"""`prepared(recipe, source)`, as for the corpora of speech."""

from tests.recipes.speech.conftest import prepared

__all__ = ["prepared"]
