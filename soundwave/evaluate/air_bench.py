"""AIR-Bench's question files in, its response files out. Source: Yang et al., 2024 (arXiv 2402.07729).

A question file is a JSON array (`Foundation_meta.json`, `Chat_meta.json`) or the same objects one a line. Foundation
questions are multiple choice:

    {"path": "a.wav", "question": "Who speaks?", "choice_a": "A man", "choice_b": "A woman", "choice_c": null,
     "choice_d": null, "answer_gt": "A man", "task_name": "Speaker_Gender_Recognition", "dataset_name": "meld",
     "uniq_id": 17}

Chat questions are open: no choices, and `meta_info` about the audio for the judge. Audio is under the audio root in
TASK_DATASET/path, for the task Audio_Grounding as .flac; ROOT/path is tried too. Responses are the same objects with
`response`, one a line, as the benchmark's own scoring scripts read them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import regex

from curation.text import normal_form
from manifests.errors import AudioError, InputError, ManifestError
from manifests.files import has_file, need_file, need_folder, read_json, read_jsonl, write_json, write_jsonl
from manifests.progress import progress_bar
from manifests.reasons import Reason
from manifests.rows import Reject
from manifests.runs import eval_file, examples_file
from manifests.switch import switched
from soundwave.evaluate.likelihood import Asked, answer_losses
from soundwave.infer.listener import EncodedAudio, Listener, Question
from soundwave.model.batch import AUDIO, answer_ids
from soundwave.model.generation import TEXT_LIMIT

Choose = Literal["answer", "likelihood"]
STEP = "air-bench"
LETTERS = "ABCD"
FLAC_TASK = "Audio_Grounding"
NEEDED = ("path", "question", "task_name", "dataset_name", "uniq_id")
FOUNDATION = ("path", "question", *(f"choice_{letter.lower()}" for letter in LETTERS), "answer_gt", "task_name")
CHAT = ("meta_info", "question", "answer_gt", "path", "task_name")
BATCH = 8  # questions at once
INSTRUCTION = "Listen, then answer the question with the letter of the one right choice."


@dataclass(frozen=True)
class AirBenchQuestion:
    """A question that can be asked."""

    row: Mapping[str, Any]
    """As the file has it."""
    audio: Path
    choices: Mapping[str, str]
    """Letter -> text; empty: an open question."""

    @property
    def group(self) -> str:
        """Task and data set: what the benchmark reports accuracies over."""
        return f"{self.row['task_name']}_{self.row['dataset_name']}"

    @property
    def right(self) -> str | None:
        """Letter of the right choice."""
        return next((letter for letter, text in self.choices.items() if text == self.row["answer_gt"]), None)

    def prompt(self) -> str:
        """The question as it is put to the model."""
        if not self.choices:
            return str(self.row["question"])
        listed = "\n".join(f"{letter}. {text}" for letter, text in self.choices.items())
        return f"{INSTRUCTION}\n{self.row['question']}\n{listed}"

    def response(self, text: str) -> dict[str, Any]:
        """The line of the response file."""
        names = FOUNDATION if self.choices else CHAT
        values = {name: self.row.get(name) for name in (*names, "dataset_name")}
        return {**values, "response": text, "uniq_id": self.row["uniq_id"]}


def air_bench(
    run: Path, questions: Path, audio_root: Path, *, choose: Choose = "answer", limit: int | None = None
) -> dict[str, Any]:
    """Ask a run the questions of an AIR-Bench file.

    Writes into the run folder, NAME being the stem of the file: examples-air-bench-NAME.jsonl (the responses),
    eval-air-bench-NAME-rejects.jsonl, and the result as eval-air-bench-NAME.json.

    Args:
        run: a finished run that trained the LLM to listen.
        questions: .json or .jsonl.
        audio_root: the benchmark's `Foundation` or `Chat` folder.
        choose: `answer`: a choice is read from the LLM's greedy answer (`chosen_letter`); `likelihood`: the one with
            the likeliest text as an answer, per token.
        limit: the first so many questions only.

    Returns:
        `questions`, `answered`, `rejected` (by reason), and for multiple choice `accuracy` over all questions answered,
        `average` over tasks, `unparsed` (answers that name no choice; they count as wrong, where the benchmark's script
        leaves them out) and `tasks`: `questions`, `correct`, `accuracy`, `unparsed` of each.

    Raises:
        MissingFileError: no run, question file or audio folder.
        ManifestError: a file that is no list of questions.
        InputError: the run's LLM does not listen; no question could be asked.
    """
    need_folder(
        audio_root, what="audio folder", hint="The setting `audio_root` names the folder with TASK_DATASET/ folders."
    )
    rows = list(read_questions(questions))[:limit]
    items, rejects = sort_out(rows, audio_root)
    listener = Listener.load(run)
    listener.need_answers("AIR-Bench")
    answered, unheard = _ask(listener, items, choose)
    rejects += unheard
    responses = [item.response(text) for item, text in answered]
    name = f"air-bench-{questions.stem}"
    result = {"run": run.name, "file": questions.name, "choose": choose, "questions": len(rows)}
    result |= {"answered": len(answered), "rejected": _count(rejects)}
    with switched(run) as switch:
        write_jsonl(switch.path(examples_file(name)), responses)
        write_jsonl(switch.path(f"eval-{name}-rejects.jsonl"), (reject.row() for reject in rejects))
        if answered:
            result |= accuracies(answered)
            write_json(switch.path(eval_file(name)), result)
    if not answered:
        raise InputError(f"None of {questions}'s {len(rows)} questions could be asked. {_first(rejects)}")
    return result


def read_questions(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a question file.

    Raises:
        MissingFileError: no such file.
        ManifestError: not JSON, or not a list of objects.
    """
    if need_file(path, what="question file").suffix != ".json":
        yield from read_jsonl(path)
        return
    rows = read_json(path)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ManifestError(f"{path} is no list of questions; expected a JSON array of objects, or .jsonl.")
    yield from rows


def sort_out(rows: Sequence[Mapping[str, Any]], audio_root: Path) -> tuple[list[AirBenchQuestion], list[Reject]]:
    """The questions that can be asked, and the others with the reason why not."""
    items, rejects = [], []
    for number, row in enumerate(rows, 1):
        missing = [name for name in NEEDED if row.get(name) in (None, "")]
        if missing:
            rejects.append(_reject(row, number, Reason.bad_row, f"question {number} lacks {', '.join(missing)}"))
            continue
        item = AirBenchQuestion(row, find_audio(row, audio_root), choices(row))
        if item.choices and item.right is None:
            detail = f"answer_gt {row.get('answer_gt')!r} is none of {list(item.choices.values())}"
            rejects.append(_reject(row, number, Reason.bad_row, detail))
        elif not has_file(item.audio):
            rejects.append(_reject(row, number, Reason.audio_missing, f"no audio file {item.audio}"))
        else:
            items.append(item)
    return items, rejects


def choices(row: Mapping[str, Any]) -> dict[str, str]:
    """Letter -> text of the choices that a row has."""
    texts = {letter: row.get(f"choice_{letter.lower()}") for letter in LETTERS}
    return {letter: str(text) for letter, text in texts.items() if text not in (None, "")}


def find_audio(row: Mapping[str, Any], root: Path) -> Path:
    """Where a row's audio is expected; it need not be there."""
    name = Path(str(row["path"]))
    if row["task_name"] == FLAC_TASK:
        name = name.with_suffix(".flac")
    usual = root / f"{row['task_name']}_{row['dataset_name']}" / name
    return root / name if not has_file(usual) and has_file(root / name) else usual


def _ask(
    listener: Listener, items: Sequence[AirBenchQuestion], choose: Choose
) -> tuple[list[tuple[AirBenchQuestion, str]], list[Reject]]:
    """Answers, and the questions without readable audio."""
    answered: list[tuple[AirBenchQuestion, str]] = []
    rejects: list[Reject] = []
    with progress_bar() as bar:
        task = bar.add_task("questions", total=len(items), note="")
        for first in range(0, len(items), BATCH):
            heard = []
            for item in items[first : first + BATCH]:
                try:
                    heard.append((item, listener.listen([item.audio], channels="mix")[0]))
                except AudioError as error:
                    rejects.append(_reject(item.row, 0, Reason(error.reason), str(error)))
            texts = _answers(listener, heard) if choose == "answer" else _likeliest(listener, heard)
            answered += zip((item for item, _ in heard), texts, strict=True)
            bar.update(task, completed=min(first + BATCH, len(items)))
    return answered, rejects


def _question(listener: Listener, item: AirBenchQuestion, recording: EncodedAudio) -> list[int]:
    content = [*[AUDIO] * len(recording.pieces), f"\n{item.prompt()}"]
    return listener.prompt([{"role": "user", "content": content}])


def _answers(listener: Listener, heard: Sequence[tuple[AirBenchQuestion, EncodedAudio]]) -> list[str]:
    """The LLM's greedy answers."""
    asked = [Question(_question(listener, item, recording), recording.pieces) for item, recording in heard]
    return listener.ask(asked, max_new_tokens=TEXT_LIMIT)


def _likeliest(listener: Listener, heard: Sequence[tuple[AirBenchQuestion, EncodedAudio]]) -> list[str]:
    """`LETTER. text` of the choice with the likeliest text per token; the greedy answer to open questions."""
    texts: list[str] = []
    for item, recording in heard:
        if not item.choices:
            texts += _answers(listener, [(item, recording)])
            continue
        prompt = _question(listener, item, recording)
        ids = [answer_ids(listener.model.tokenizer, text) for text in item.choices.values()]
        losses = answer_losses(listener.model, [Asked(prompt, answer, recording.pieces) for answer in ids])
        letter = list(item.choices)[int(losses.argmin())]
        texts.append(f"{letter}. {item.choices[letter]}")
    return texts


def chosen_letter(response: str, options: Mapping[str, str]) -> str | None:
    """The choice that an answer names: by its letter first, by its letter after `answer is`, by its text, by its letter
    last; None when it names none, or several texts.
    """
    text, letters = response.strip(), "".join(options)
    if not text or not letters:
        return None
    found = re.match(rf"\(?([{letters}])\s*(?:[).:,\n]|$)", text) or re.search(
        rf"(?i:\b(?:answer|option|choice)\b\W*(?:is\b\W*)?)([{letters}])\b", text
    )
    if found:
        return found[1]
    named = [letter for letter, option in options.items() if _contains(text, option)]
    whole = [
        one for one in named if not any(one != two and _contains(options[two], options[one]) for two in named)
    ]  # `A man and a woman` names neither `A man`
    if len(whole) == 1:
        return whole[0]
    last = re.search(rf"\b([{letters}])\W*$", text)
    return last[1] if last and not whole else None


def _contains(text: str, part: str) -> bool:
    """Does `part` stand in `text` as whole words, whatever the case and punctuation?"""
    one, other = (" ".join(regex.findall(r"[\w\p{M}]+", normal_form(words).lower())) for words in (text, part))
    return bool(other) and f" {other} " in f" {one} "


def accuracies(answered: Sequence[tuple[AirBenchQuestion, str]]) -> dict[str, Any]:
    """`accuracy`, `average`, `unparsed` and `tasks` of the multiple-choice questions; nothing when there are none."""
    tasks: dict[str, dict[str, Any]] = defaultdict(lambda: {"questions": 0, "correct": 0, "unparsed": 0})
    for item, text in answered:
        if item.choices:
            letter = chosen_letter(text, item.choices)
            task = tasks[item.group]
            task["questions"] += 1
            task["correct"] += letter == item.right
            task["unparsed"] += letter is None
    if not tasks:
        return {}
    for task in tasks.values():
        task["accuracy"] = task["correct"] / task["questions"]
    total = {name: sum(task[name] for task in tasks.values()) for name in ("questions", "correct", "unparsed")}
    return {
        "accuracy": total["correct"] / total["questions"],
        "average": sum(task["accuracy"] for task in tasks.values()) / len(tasks),
        "unparsed": total["unparsed"],
        "tasks": dict(sorted(tasks.items())),
    }


def _reject(row: Mapping[str, Any], number: int, reason: Reason, detail: str) -> Reject:
    name = row.get("uniq_id", f"line-{number}")
    return Reject(f"{row.get('task_name')}_{row.get('dataset_name')}-{name}", "air-bench", STEP, reason, detail)


def _count(rejects: Sequence[Reject]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for reject in rejects:
        counts[str(reject.reason)] += 1
    return dict(sorted(counts.items()))


def _first(rejects: Sequence[Reject]) -> str:
    return f"The first: {rejects[0].detail}." if rejects else "It is empty."
