"""Labelling passes by name: one kind of label over a corpus each."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from manifests.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from curation.align.base import Aligner
    from curation.align.ctc_aligner import Beside
    from curation.passes.shards import LabelPass

PASSES = ("align", "encode", "quality")


def make_pass(
    name: str,
    *,
    backend: str | None = None,
    aligner: Aligner | None = None,
    wildcard: str | None = None,
    encoder: str | None = None,
    speeds: Sequence[float] = (),
) -> LabelPass:
    """The pass `name` with its usual settings, but for those given; `aligner` is a backend made by the caller.

    Raises:
        SettingsError: no such pass, or an option that the pass does not have.
    """
    if name not in PASSES:
        raise SettingsError(f"No labelling pass is called {name!r}, expected one of: {', '.join(PASSES)}.")
    for option, value, owner in (
        ("backend", backend or aligner, "align"),
        ("wildcard", wildcard, "align"),
        ("encoder", encoder, "encode"),
        ("speed", speeds, "encode"),
    ):
        if value and name != owner:
            raise SettingsError(f"--{option} is an option of the pass `{owner}`, not of `{name}`. Leave it out.")
    if name == "align":
        from curation.passes.align import Align

        usual = Align()
        name = aligner.name if aligner else backend or usual.backend
        # `Align.check` refuses places that there are not.
        return Align(backend=name, aligner=aligner, wildcard=cast("Beside", wildcard or usual.wildcard))
    if name == "encode":
        from curation.passes.encode import Encode

        plain = Encode()
        return Encode(encoder=encoder or plain.encoder, speeds=tuple(speeds) or plain.speeds)
    from curation.passes.quality import Quality

    return Quality()
