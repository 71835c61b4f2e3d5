"""Questions and answers as text: every JSONL file of a folder, such as WizardLM's evolved instructions.

    {"question": "...", "answer": "..."}                      or prompt and completion, instruction (input) and output
    {"conversations": [{"from": "human", "value": "..."}, {"from": "gpt", "value": "..."}]}
    {"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}

Of a conversation the first question is taken: later ones lean on what was said before. A row may say its `id`,
`license`, `language` and `split`; a split that no row says is made by a hash of the question. Files that hold one JSON
list are no JSONL: `jq -c '.[]' FILE` makes them so.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from manifests.errors import AudioError
from manifests.lines.jsonl import rows
from manifests.reasons import Reason
from manifests.rows import Reject, TextRow
from manifests.rows.splits import known_split
from recipes.answers.conversations import turns
from recipes.common import Recipe, need_inside, slug, text_split
from recipes.speech.sources import SourceTree, files

CORPUS = "text_qa"
LICENSE = "LicenseRef-unknown"
ENDS = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".jsonl.xz")
OBTAIN = "Name a folder of JSONL files with questions and answers, such as WizardLM_evol_instruct_V2 as JSONL."


def items(root: Path) -> Iterator[TextRow | Reject]:
    """The first question of every row of every file."""
    source = SourceTree(CORPUS, root)
    found = False
    for path in files(root, *ENDS):
        found = True
        try:
            need_inside(path)
        except AudioError as error:
            yield source.reject(path.name, Reason(error.reason), str(error))
            continue
        for number, row in rows(path):
            yield _row(source, path, number, row)
    if not found:
        raise source.nothing("JSONL file", OBTAIN)


def _row(source: SourceTree, path: Path, number: int, row: dict[str, Any] | str) -> TextRow | Reject:
    place = source.place(path, number)
    try:
        if isinstance(row, str):
            raise ValueError(row)
        _, question, answer = next(turns(row), (None, "", ""))
        split = _split(row, question)
    except ValueError as error:
        return source.reject(place, Reason.bad_row, f"{place}: {error}")
    if not question:
        return source.reject(place, Reason.empty_text, f"{place}: no question that has an answer")
    if not answer:
        return source.reject(place, Reason.target_missing, f"{place}: the answer is empty")
    return TextRow(
        id=f"{CORPUS}-{slug(path.name.partition('.jsonl')[0])}-{number}",
        corpus=CORPUS,
        split=split,
        text=question,
        target_text=answer,
        license=str(row.get("license") or LICENSE),
        language=str(row.get("language") or "en"),
    )


def _split(row: dict[str, Any], question: str) -> str:
    said = row.get("split")
    if said is None:
        return text_split(question)
    split = known_split(str(said))
    if split is None:
        raise ValueError(f"split is {str(said)[:40]!r}, expected train, dev or test")
    return split


RECIPE = Recipe(
    corpus=CORPUS,
    title="Questions and answers as text, from JSONL",
    task="qa",
    license=LICENSE,
    makers="whoever made the files",
    items=items,
    obtain=OBTAIN,
)
