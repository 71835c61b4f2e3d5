"""Every recipe by name, and `prepare`: source in, complete corpus folder out.

A recipe is any module of this package and its rooms with a `RECIPE`; its name is its file name (`debian_asterisk`),
and its corpus name (`asterisk`) is understood too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from manifests.audio import Channels, current_probing
from manifests.audio.settle import settle_channels
from manifests.errors import AudioError, ManifestError, MissingFileError, SettingsError
from manifests.files import cache_dir, need_folder, read_jsonl
from manifests.fingerprint import fingerprint, provenance
from manifests.items import About, Item
from manifests.items.cuts import make_cuts
from manifests.linked.groups import LINKS
from manifests.linked.same import Readings
from manifests.plugins import Plugins, look_in, unknown
from manifests.reasons import Reason
from manifests.rows import AUDIO, REJECTS, CorpusInfo, Reject, TextRow, claim_corpus, read_corpus, write_corpus
from manifests.rows.splits import plain
from manifests.rows.validate import validate_rows
from manifests.rows.written import check_corpus
from manifests.switch import switched
from recipes.apt import marker
from recipes.common import SOURCE, CorpusRows, Recipe, fetch_debian, need_inside, need_parts, sort_out
from recipes.grouped import keep_together

RECIPES = Plugins("recipe", "recipes", "RECIPE", Recipe)
ROOMS = ("speech", "sounds", "voices", "answers")  # folders of recipes, by what their corpora are labelled with
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
    """One row a recipe: name, corpus, task, license, title, makers, where it comes from."""
    return [
        {
            "name": name,
            "corpus": recipe.corpus,
            "task": recipe.task,
            "license": recipe.license,
            "title": recipe.title,
            "makers": recipe.makers,
            "source": f"Debian: {', '.join(recipe.packages)}" if recipe.packages else "a folder that you have",
        }
        for name, recipe in _recipes().items()
    ]


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

    Raises:
        SettingsError: unknown recipe, or one that needs `source`.
        MissingFileError: `source` lacks what the recipe reads.
        DownloadError: the packages could not be fetched.
        OccupiedError: the folder holds something else; nothing in it was touched.
    """
    recipe = find(name)
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
    with switched(folder) as switch:  # until the new corpus is whole, the old one stays
        switch.drop(AUDIO)
        found = keep_together(
            recipe, _settled(_read(recipe, root, switch.made, follow_links), how), readings, output if beside else None
        )
        _check(recipe, found)
        info = CorpusInfo(
            name=recipe.corpus,
            title=recipe.title,
            license=recipe.license,
            makers=recipe.makers,
            provenance=facts,
            splits=found.splits,
        )
        return write_corpus(folder, info, found.cuts, found.texts, found.rejects, switch=switch)


def _settings(recipe: Recipe, folder: Path, channels: Channels, *, beside: bool, follow_links: bool) -> dict[str, Any]:
    """What a corpus's rows depend on, but for its source."""
    place = str(folder.absolute())
    made = {"recipe": recipe.corpus, "version": recipe.version, "folder": place, "channels": channels}
    # Only where they are not the default, so that what was prepared before these settings is still current.
    return made | ({} if beside else {"beside": False}) | ({"follow_links": True} if follow_links else {})


def _read(recipe: Recipe, root: Path, folder: Path, follow_links: bool) -> CorpusRows:
    token = SOURCE.set(None if follow_links else root)
    try:
        _need_parts_inside(root, recipe)
        return recipe.read(root, folder) if recipe.read else _made(recipe, root)
    finally:
        SOURCE.reset(token)


def _made(recipe: Recipe, root: Path) -> CorpusRows:
    """The rows of a recipe that says what its items are."""
    about = About(
        recipe.corpus,
        recipe.license,
        task=recipe.task,
        language=recipe.languages[0] if len(recipe.languages) == 1 else None,
        title=recipe.title,
        makers=recipe.makers,
        channels=recipe.channels,
        split_map=recipe.splits,
        links=recipe.links or LINKS,
    )
    found, texts = [], []
    for item in recipe.items(root) if recipe.items else ():
        if isinstance(item, TextRow):
            texts.append(item)
        else:
            found.append(_inside(item, about))
    named = {item.split or "": item.place for item in found if isinstance(item, Item)}
    here = {plain(name) for name in named}  # a copy may lack parts
    about = replace(about, split_map={part: ours for part, ours in recipe.splits.items() if plain(part) in here})
    splits = about.map_of(named)
    cuts, rejects = make_cuts(found, about, splits)
    return CorpusRows(cuts, texts, rejects, splits)


def _inside(item: Item | Reject, about: About) -> Item | Reject:
    """The item, or the reject of one whose file is a link out of the source."""
    if isinstance(item, Item):
        try:
            need_inside(item.audio)
        except AudioError as error:
            return about.reject(item.key, Reason(error.reason), str(error))
    return item


def _need_parts_inside(root: Path, recipe: Recipe) -> None:
    for part in recipe.parts:
        try:
            need_inside(root / part)
        except AudioError as error:
            raise SettingsError(str(error)) from error


def _settled(found: CorpusRows, how: Channels) -> CorpusRows:
    """The rows with cuts that say what they hear; those that cannot are rejects."""
    mono = [cut for cut in found.cuts if cut.recording.num_channels == 1]
    several = [cut for cut in found.cuts if cut.recording.num_channels > 1]
    settled = sort_out(settle_channels(several, how))
    return CorpusRows(mono + settled.cuts, found.texts, found.rejects + settled.rejects)


def rejects_by_reason(folder: Path) -> dict[str, int]:
    """Reason code -> number of rejects of a prepared corpus, most frequent first."""
    rows: Iterable[dict[str, Any]] = read_jsonl(folder / REJECTS) if (folder / REJECTS).is_file() else ()
    return dict(Counter(str(row["reason"]) for row in rows).most_common())


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
    files = sorted(path for part in recipe.parts for path in _files(root / part))
    stats = [(str(path.relative_to(root)), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return fingerprint(str(root), stats)


def _files(path: Path) -> Iterable[Path]:
    return (item for item in path.rglob("*") if item.is_file()) if path.is_dir() else (path,)


def _reusable(folder: Path, facts: Collection[dict[str, Any]]) -> CorpusInfo | None:
    try:
        known = read_corpus(folder)
        check_corpus(folder)
    except (MissingFileError, ManifestError):
        return None  # none, or a damaged one: it is made again
    return known if known.provenance in facts else None


def _check(recipe: Recipe, found: CorpusRows) -> None:
    """A recipe that breaks the contract is a bug: refuse its rows before they reach disk."""
    rows = [cut.to_dict() for cut in found.cuts] + [asdict(text) for text in found.texts]
    problems = [f"{problem.cut_id}: {problem.detail}" for problem in validate_rows(rows)]
    if problems:
        raise ManifestError(
            f"The recipe `{recipe.corpus}` made {len(problems)} bad rows, e.g. {'; '.join(problems[:3])}. "
            "Every row must follow manifests/rows: correct the recipe."
        )
    if not rows:
        raise ManifestError(
            f"The recipe `{recipe.corpus}` found nothing usable ({len(found.rejects)} rejects). "
            "Check that the source folder is the corpus's root."
        )
