"""What all labelling passes share: their rows, their audio, and how an exception becomes a reject row."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, PrivateAttr

from curation.passes.shards import Row, ShardResult, corpus_of, corpus_rows
from curation.pretrained.families import ModelFamilies
from curation.storage import model_place
from manifests.audio import CutSound, read_cut
from manifests.errors import AudioError, InputError, Rejected, StoreError
from manifests.files import need_folder
from manifests.lines.supervisions import spoken
from manifests.reasons import Reason
from manifests.rows import Reject


class CorpusPass:
    """Defaults of a pass: the corpus's cuts as they are, and nothing to check."""

    name: ClassVar[str]
    failure: ClassVar[Reason] = Reason.pass_failed  # the code of an exception that nobody foresaw

    def check(self) -> None:
        """Nothing is needed beyond what the package depends on."""

    def rows(self, corpus_dir: Path) -> Iterator[Row]:
        """The corpus's cuts."""
        return corpus_rows(corpus_dir)

    def each(self, rows: list[Row], work: Callable[[Row, ShardResult], None]) -> ShardResult:
        """What `work` adds for each row, and the rejects of those for which it does not go well."""
        result = ShardResult()
        for row in rows:
            if reject := self.attempt(row, lambda row: work(row, result)):
                result.rejects.append(reject)
        return result

    def attempt(self, row: Row, work: Callable[[Row], None]) -> Reject | None:
        """Do `work` on a row; None when that went well, else why it did not. Raises StoreError."""
        try:
            work(row)
        except Rejected as rejected:
            return self.reject(row, rejected.reason, rejected.detail)
        except StoreError:  # nothing is wrong with the row
            raise
        except AudioError as error:
            return self.reject(row, Reason(error.reason), str(error))
        except InputError as error:
            return self.reject(row, Reason.bad_row, str(error))
        except Exception as error:
            return self.reject(row, self.failure, f"{type(error).__name__}: {error}")
        return None

    def reject(self, row: Row, reason: Reason, detail: str) -> Reject:
        """A reject row of this pass; details keep to one short line."""
        return Reject(str(row["id"]), corpus_of(row), self.name, reason, " ".join(detail.split())[:300])


class SettledPass(BaseModel, CorpusPass):
    """A pass whose fields are its settings, and all that changes its labels."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

    @property
    def settings(self) -> dict[str, Any]:
        """The fields, as JSON values."""
        return self.model_dump(mode="json")


class ModelPass(SettledPass):
    """Such a pass with a pretrained model, which one of its fields names ("": none)."""

    field: ClassVar[str]
    families: ClassVar[ModelFamilies[Any]]

    _place: str = PrivateAttr(default="")  # of the model, for workers in other folders; the field is what rows say

    def model_post_init(self, _: object) -> None:
        """Find the model from the working folder of the process that names it."""
        name = str(getattr(self, self.field))
        self._place = model_place(name) if name else ""

    def check(self) -> None:
        """Raise MissingPackageError or InputError when the model's weights are not here."""
        if not self._place:
            return
        self.families.of(str(getattr(self, self.field))).check()
        if Path(self._place).is_absolute():
            need_folder(Path(self._place), what=f"folder of the {self.field}")


def cut_audio(row: Row) -> NDArray[np.float32]:
    """Samples (N,) of the cut, 16 kHz mono, N > 0.

    Raises:
        AudioError: as `manifests.audio.read_cut`; `.reason` is the reject code.
        InputError: a row that breaks the contract.
    """
    return read_cut(CutSound.of_manifest(row))


def label(name: str, row: Row, key: str, value: float | None = None, text: str | None = None) -> dict[str, Any]:
    """A row of the `labels` table."""
    return {"pass": name, "cut_id": str(row["id"]), "name": key, "value": value, "text": text}


def supervision(row: Row) -> Row:
    """What is said in the cut as one supervision: its own, or several in the order of their times as one; or {}."""
    found = [one.fields for one in spoken(row)]
    if len(found) < 2:
        return dict(found[0]) if found else {}
    whole: Row = {}
    for one in reversed(found):
        whole |= {name: value for name, value in one.items() if value is not None}
    texts = [str(one["text"]) for one in found if one.get("text") is not None]
    whole["text"] = " ".join(filter(None, texts)) if texts else None
    end = max(one.end for one in spoken(row))
    return whole | ({"duration": end - spoken(row)[0].start} if math.isfinite(end) else {})
