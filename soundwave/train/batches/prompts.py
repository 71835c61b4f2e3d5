"""Instructions as token ids: a template filled in, inside the LLM's chat template, up to where the answer begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from soundwave.model.batch import AUDIO, render
from soundwave.train.batches.instructions import fill_in, load_set

if TYPE_CHECKING:
    from soundwave.train.batches.plan_data import Cut

LANGUAGES = {
    "ar": "Arabic", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "et": "Estonian", "fa": "Persian", "fi": "Finnish", "fr": "French", "hu": "Hungarian",
    "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian",
    "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
    "sk": "Slovak", "sl": "Slovenian", "sv": "Swedish", "ta": "Tamil", "tr": "Turkish", "uk": "Ukrainian",
    "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


PLACE = "{audio}"  # in an instruction: where the sound goes


def make_prompt(
    tokenizer: Any, template: str, cut: Cut | None, system: str, *, options: str = "", word: str = ""
) -> list[int]:
    """Token ids of one instruction; `cut` fills {text} and {language}, `options` is the lines to choose from, `word`
    what grounding asks for.

    Raises:
        InputError: as `soundwave.model.batch.render`.
    """
    values = {"text": (cut.text if cut else "") or "", "language": language_name(cut), "options": options, "word": word}
    content: list[str | int] = []
    for part in template.split(PLACE):
        content += [AUDIO, fill_in(part, values)]
    return render(tokenizer, [{"role": "system", "content": [system]}, {"role": "user", "content": content[1:]}])


def language_name(cut: Cut | None) -> str:
    """The English name of the language to answer in; a rarer language is named by its code."""
    code = (cut.target_language if cut else None) or "en"
    return LANGUAGES.get(code, code)


def template_set(name: str) -> dict[str, list[str]]:
    """Instructions of one set that ask for the answer alone, by task (`instructions` has the rest).

    Raises:
        SettingsError: no such set; the message lists the names.
    """
    return {
        task: [template.ask for template in templates if template.form == "direct"]
        for task, templates in load_set(name).items()
    }
