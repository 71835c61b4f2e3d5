"""`prepared(recipe, source)`, as for the corpora of speech; sounds as packages have them."""

from tests.recipes.speech.conftest import prepared

__all__ = ["prepared"]
