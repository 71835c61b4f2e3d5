"""Every recipe by name, and `prepare`: source in, complete corpus folder out.

A recipe is any module of this package and its rooms with a `RECIPE`; its name is its file name (`debian_asterisk`),
and its corpus name (`asterisk`) is understood too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from manifests.audio import Channels, current_probing
from manifests.audio.settle import settle_channels
from manifests.disk.left import remove
from manifests.errors import ManifestError, MissingFileError, SettingsError
from manifests.files import cache_dir, need_folder, read_jsonl
from manifests.fingerprint import fingerprint, provenance
from manifests.items import About
from manifests.items.corpus import Gathering, gathering, names_of
from manifests.items.measure import MEASURED
from manifests.items.splits import Sharing
from manifests.linked.groups import LINKS
from manifests.linked.same import Readings
from manifests.plugins import Plugins, look_in, unknown
from manifests.rows import AUDIO, REJECTS, CorpusInfo, Reject, claim_corpus, read_corpus
from manifests.rows.splits import plain
from manifests.rows.written import check_corpus
from manifests.switch import switched
from recipes.apt import marker
from recipes.common import CorpusRows, Recipe, fetch_debian, need_parts
from recipes.expected import totals
from recipes.fetching import fetch
from recipes.trees import inside, links_stay_in, nothing_found, tree_fingerprint

RECIPES = Plugins("recipe", "recipes", "RECIPE", Recipe)
# Folders of recipes, by what their corpora are labelled with.
ROOMS = ("speech", "sounds", "voices", "answers", "synthetic", "packages")
for _room in ROOMS:
    look_in("recipes", f"recipes.{_room}")


def _recipes() -> dict[str, Recipe]:
    """File name -> recipe, sorted by name."""
    return RECIPES.all()


def names() -> list[str]:
    """Names of all recipes."""
    return list(_recipes())


def bundled() -> list[str]:
    """Names of the recipes that fetch their corpus themselves, optional ones left out: what `all` means."""
    return [name for name, recipe in _recipes().items() if recipe.packages and not recipe.optional]


def describe() -> list[dict[str, Any]]:
    """One row a recipe: what it is, how much is expected of it, who may have it, and what to put where."""
    rows = []
    for name, recipe in _recipes().items():
        items, hours = totals(recipe)
        row: dict[str, Any] = {"name": name, "corpus": recipe.corpus, "task": recipe.task, "license": recipe.license}
        row |= {"title": recipe.title, "makers": recipe.makers, "source": _source(recipe), "obtain": recipe.obtain}
        row |= {"items": items, "hours": hours, "languages": list(recipe.languages), "access": recipe.access}
        parts = {part: asdict(expected) for part, expected in recipe.expected.items()}
        rows.append(row | {"parts": parts, "downloads": [asdict(one) for one in recipe.downloads]})
    return rows


def _source(recipe: Recipe) -> str:
    if recipe.packages:
        return f"Debian: {', '.join(recipe.packages)}"
    return "fetched on demand, or a folder that you have" if recipe.downloads else "a folder that you have"


def fetch_source(name: str, folder: Path | None = None, *, parts: Sequence[str] = ()) -> Path | None:
    """Fetch what a recipe's licence lets anybody fetch; the source root, None for a recipe that needs no folder.

    Args:
        name: of the recipe or its corpus.
        folder: where to; None: `sources/CORPUS` in the cache.
        parts: names of parts; (): all.

    Raises:
        SettingsError: the recipe names nothing to fetch, or no such part.
        DownloadError: it cannot be fetched, or is another file than the recipe names.
    """
    recipe = find(name)
    if recipe.packages:
        return None
    if not recipe.downloads or recipe.access != "open":
        why = "" if recipe.access == "open" else f" (access: {recipe.access})"
        raise SettingsError(
            f"The recipe `{recipe.corpus}` has nothing that can be fetched{why}. {recipe.obtain}".strip()
        )
    return fetch(recipe.downloads, folder or cache_dir() / "sources" / recipe.corpus, parts=parts)


def find(name: str) -> Recipe:
    """The recipe called `name` (file name or corpus name).

    Raises:
        SettingsError: no such recipe; lists the known ones.
    """
    by_name = _recipes()
    by_corpus = {recipe.corpus: recipe for recipe in by_name.values()}
    recipe = by_name.get(name) or by_corpus.get(name)
    if recipe is None:
        raise unknown("recipe", name, [*by_name, *by_corpus])
    return recipe


def prepare(
    name: str,
    output: Path,
    *,
    source: Path | None = None,
    force: bool = False,
    channels: Channels | None = None,
    readings: Readings | None = None,
    beside: bool = True,
    follow_links: bool = False,
    count: int | None = None,
) -> CorpusInfo:
    """Make the corpus folder `output/CORPUS`, or reuse it when nothing that it depends on has changed.

    Within `probing(decode=True)` every file is decoded whole, and a corpus whose files were not is made again.

    Args:
        name: of the recipe or its corpus.
        output: folder of the corpora.
        source: the corpus's root folder; without it the Debian packages are fetched into the cache.
        force: make it again even so.
        channels: what is heard of recordings whose channels differ; None: what the recipe says.
        readings: ways to say a text with numbers, so that splits by hash count `2` and `two` as one text
            (`curation.text.readings`); None: they are two.
        beside: whether splits by hash go with those of linked rows in the other corpora of `output` (see
            `manifests.linked.beside`); a corpus that is there already is not made again because others changed.
        follow_links: read files outside `source` to which links in it lead; they are rejects otherwise.
        count: how many rows of speech are made, where a recipe makes them; None: as many as the recipe says.

    Raises:
        SettingsError: unknown recipe, one that needs `source`, or a `count` for a corpus whose size is its own.
        MissingFileError: `source` lacks what the recipe reads.
        DownloadError: the packages could not be fetched.
        OccupiedError: the folder holds something else; nothing in it was touched.
    """
    recipe = sized(name, count)
    folder = output / recipe.corpus
    root = _root(recipe, source)
    inputs = {"source": _source_fingerprint(recipe, root, bundled=source is None)}
    how = channels or recipe.channels
    settings = _settings(recipe, folder, how, beside=beside, follow_links=follow_links)
    decoded, facts = provenance({**settings, "decode": True}, inputs), provenance(settings, inputs)
    if current_probing().decode:
        facts = decoded
    if not force and (known := _reusable(folder, (facts, decoded))) is not None:
        return known
    claim_corpus(folder, {"recipe": recipe.corpus})
    if force:
        remove(folder / MEASURED)
    sharing = Sharing(recipe.links or LINKS, readings, output if beside else None, recipe.family)
    with links_stay_in(None if follow_links else root, recipe):
        return _make(recipe, root, folder, sharing, facts)


def _make(recipe: Recipe, root: Path, folder: Path, sharing: Sharing, facts: dict[str, Any]) -> CorpusInfo:
    """Write the corpus that `facts` say; until it is whole, the old one stays."""
    about = _about(recipe, facts["settings"]["channels"])
    with gathering(folder, about, strict=True) as rows, switched(folder) as switch:
        switch.drop(AUDIO)
        splits = _gather(rows, recipe, about, root, switch.made)
        rows.share(sharing)
        if not rows.usable:
            raise nothing_found(root, recipe, rows.rejected)
        info = CorpusInfo(
            name=recipe.corpus,
            title=recipe.title,
            license=recipe.license,
            makers=recipe.makers,
            provenance=facts,
            splits=splits,
        )
        return rows.write(switch, info)


def _gather(rows: Gathering, recipe: Recipe, about: About, root: Path, folder: Path) -> dict[str, str]:
    """Take all that a recipe reads; the corpus's own names of splits -> ours."""
    if recipe.items is None:
        found = _rows_of(recipe, root, folder)
        _take(rows, found, about.channels, free=bool(recipe.links))
        return {} if recipe.links else found.splits
    names, total = names_of(recipe.items(root))
    own = {plain(name) for name in names}
    about = replace(about, split_map={part: ours for part, ours in recipe.splits.items() if plain(part) in own})
    splits = about.map_of(names)
    rows.read(inside(recipe.items(root), about), splits, total=total, free_texts=bool(recipe.links))
    return splits


def _rows_of(recipe: Recipe, root: Path, folder: Path) -> CorpusRows:
    if recipe.speak and recipe.count:
        return recipe.speak(root, folder, recipe.count)
    return recipe.read(root, folder) if recipe.read else CorpusRows()


def _take(rows: Gathering, found: CorpusRows, how: Channels, *, free: bool) -> None:
    """Take rows that are made; cuts say what they hear, or are rejects."""
    mono = [cut for cut in found.cuts if cut.recording.num_channels == 1]
    settled = settle_channels([cut for cut in found.cuts if cut.recording.num_channels > 1], how)
    refused = [one for one in settled if isinstance(one, Reject)]
    for cut in (*mono, *(one for one in settled if not isinstance(one, Reject))):
        rows.cut(cut, free=free)
    for text in found.texts:
        rows.text(text, free=free)
    for reject in (*found.rejects, *refused):
        rows.reject(reject)


def _about(recipe: Recipe, how: Channels) -> About:
    return About(
        recipe.corpus,
        recipe.license,
        task=recipe.task,
        language=recipe.languages[0] if len(recipe.languages) == 1 else None,
        title=recipe.title,
        makers=recipe.makers,
        channels=how,
        split_map=recipe.splits,
        links=recipe.links or LINKS,
    )


def _settings(recipe: Recipe, folder: Path, channels: Channels, *, beside: bool, follow_links: bool) -> dict[str, Any]:
    """What a corpus's rows depend on, but for its source."""
    place = str(folder.absolute())
    made = {"recipe": recipe.corpus, "version": recipe.version, "folder": place, "channels": channels}
    # Only where they are not the default, so that what was prepared before these settings is still current.
    made |= ({} if beside else {"beside": False}) | ({"follow_links": True} if follow_links else {})
    return made | ({} if recipe.count == find(recipe.corpus).count else {"count": recipe.count})


def rejects_by_reason(folder: Path) -> dict[str, int]:
    """Reason code -> number of rejects of a prepared corpus, most frequent first."""
    rows: Iterable[dict[str, Any]] = read_jsonl(folder / REJECTS) if (folder / REJECTS).is_file() else ()
    return dict(Counter(str(row["reason"]) for row in rows).most_common())


def sized(name: str, count: int | None) -> Recipe:
    """The recipe called `name`, making `count` rows; None: as many as it says.

    Raises:
        SettingsError: no such recipe, a corpus whose size is its own, or a count below 1.
    """
    recipe = find(name)
    if count is None:
        return recipe
    if recipe.speak is None:
        able = ", ".join(sorted(one.corpus for one in _recipes().values() if one.speak))
        raise SettingsError(
            f"The setting `count` is for corpora that a synthesiser speaks ({able}); {recipe.corpus} has a size of its "
            "own."
        )
    if count < 1:
        raise SettingsError(f"The setting `count` is {count}, expected 1 or more.")
    return replace(recipe, count=count)


def _root(recipe: Recipe, source: Path | None) -> Path:
    if source is not None:
        root = need_folder(source, what="source folder").absolute()
    elif recipe.packages:
        root = fetch_debian(recipe.packages, cache_dir()).absolute()
    else:
        raise SettingsError(
            f"The recipe `{recipe.corpus}` reads a corpus that you have: name its folder in the setting `source`. "
            f"{recipe.obtain}".strip()
        )
    need_parts(root, recipe)
    return root


def _source_fingerprint(recipe: Recipe, root: Path, *, bundled: bool) -> str:
    """What the corpus was made from: the packages' hashes, or name, size and time of every file of a folder."""
    if bundled:
        return fingerprint(
            str(root), [marker(package, cache_dir()).read_text(encoding="utf-8") for package in recipe.packages]
        )
    return tree_fingerprint(root, recipe.parts)


def _reusable(folder: Path, facts: Collection[dict[str, Any]]) -> CorpusInfo | None:
    try:
        known = read_corpus(folder)
        check_corpus(folder)
    except (MissingFileError, ManifestError):
        return None  # none, or a damaged one: it is made again
    return known if known.provenance in facts else None
