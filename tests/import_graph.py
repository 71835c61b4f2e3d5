"""The project's own imports as a graph: rooms, floors, circles. `python -m tests.import_graph` prints it.

Every import counts, those inside functions and under TYPE_CHECKING too: a reader has to follow them all.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("manifests", "recipes", "curation", "soundwave")
Graph = dict[str, set[str]]  # module -> the modules that it imports


def module_files(root: Path = ROOT) -> dict[str, Path]:
    """Every module of the four packages by its dotted name."""
    files: dict[str, Path] = {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


def import_graph(root: Path = ROOT) -> Graph:
    """Which module imports which; a name that is a module of its own counts as that module."""
    files = module_files(root)
    return {name: set(_imports(name, path, files)) - {name} for name, path in files.items()}


def _imports(name: str, path: Path, files: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in files)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                if full in files:
                    yield full
                elif node.module in files:
                    yield node.module


def rooms(graph: Graph, package: str) -> Graph:
    """The graph of what stands directly in a package: its folders, and the files beside them."""
    depth = package.count(".") + 2
    drawn: Graph = defaultdict(set)
    for module, imported in graph.items():
        here = _room(module, package, depth)
        if here is None:
            continue
        drawn[here] |= {there for name in imported if (there := _room(name, package, depth)) not in (None, here)}
    return dict(drawn)


def _room(module: str, package: str, depth: int) -> str | None:
    if not module.startswith(f"{package}."):
        return None  # the package's own __init__ stands for all of it
    return ".".join(module.split(".")[:depth])


def circle(graph: Graph) -> list[str]:
    """One circle of imports, or [] when there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def floors(graph: Graph) -> dict[str, int]:
    """How many imports stand under each node of a graph without circles."""
    height: dict[str, int] = {}
    for node in TopologicalSorter(graph).static_order():
        height[node] = max((height[below] + 1 for below in graph.get(node, ())), default=1)
    return height


def lazy_imports(files: Iterable[Path]) -> int:
    """Import statements inside functions."""
    return sum(_lazy(ast.parse(path.read_text(encoding="utf-8")), inside=False) for path in files)


def _lazy(node: ast.AST, *, inside: bool) -> int:
    inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    here = int(inside and isinstance(node, ast.Import | ast.ImportFrom))
    return here + sum(_lazy(child, inside=inside) for child in ast.iter_child_nodes(node))


def class_names(files: Iterable[Path]) -> dict[str, int]:
    """How many classes have each name."""
    return Counter(
        node.name
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    )


def folders(root: Path = ROOT) -> dict[str, int]:
    """Python files directly in each folder."""
    return dict(Counter(str(path.parent.relative_to(root)) for path in module_files(root).values()))


def main() -> int:
    """Print the house; exit 1 when it has a circle."""
    graph, files = import_graph(), module_files()
    outside = [path for name, path in files.items() if not name.startswith("soundwave.cli")]
    lines = sum(path.read_text(encoding="utf-8").count("\n") for path in files.values())
    circles = 0
    for package in PACKAGES:
        drawn = rooms(graph, package)
        found = circle(drawn)
        circles += bool(found)
        print(f"{package}: {len(drawn)} rooms, " + (f"circle {' > '.join(found)}" if found else _by_floor(drawn)))
    found = circle(graph)
    print(
        f"files: {len(files)}, "
        + (f"circle {' > '.join(found)}" if found else f"{max(floors(graph).values())} deep, no circle")
    )
    fullest = sorted(folders().items(), key=lambda item: -item[1])[:6]
    print("fullest folders: " + ", ".join(f"{name} {count}" for name, count in fullest))
    print(f"lines: {lines}; imports inside functions, command line aside: {lazy_imports(outside)}")
    twice = sorted(name for name, count in class_names(files.values()).items() if count > 1)
    print(f"class names with two meanings: {len(twice)} {' '.join(twice)}")
    return int(bool(circles or found))


def _by_floor(drawn: Graph) -> str:
    height = floors(drawn)
    levels = sorted(set(height.values()), reverse=True)
    names = [" | ".join(sorted(n.rpartition(".")[2] for n, h in height.items() if h == level)) for level in levels]
    return f"{len(levels)} floors: " + " > ".join(names)


if __name__ == "__main__":
    sys.exit(main())
