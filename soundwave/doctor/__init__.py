"""What works on this machine: packages and their versions, devices, caches, disk, Dask, optional parts.

Every look is a finding, also one that fails: a package whose import raises, or kills its process, is said to be broken.
So its looks are imported one by one, each when it is taken.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from functools import partial

from soundwave.doctor.health import HealthCheck, looked

LOOKS = (  # kind, what is looked at, the module and function that look, whether the product needs it
    ("python", "python", "packages", "check_python", True),
    ("package", "packages", "packages", "check_packages", True),
    ("device", "cores and memory", "machine", "check_devices", True),
    ("device", "GPU", "machine", "check_gpu", False),
    ("cache", "caches", "machine", "check_places", False),
    ("dask", "worker", "machine", "check_dask", True),
    ("optional", "models", "optional", "check_models", False),
    ("optional", "extras", "optional", "check_extras", False),
    ("optional", "formats of sound", "optional", "check_formats", False),
)


def examine(told: Callable[[str], None] = lambda kind: None) -> list[HealthCheck]:
    """Look at everything; `told` hears the name of each look before it begins."""
    found = []
    for kind, name, module, look, core in LOOKS:
        told(name)
        found += looked(kind, name, partial(_looked, module, look), core=core)
    return found


def works(found: Iterable[HealthCheck]) -> bool:
    """Whether all is well that the product needs."""
    return all(one.state == "ok" for one in found if one.core)


def _looked(module: str, look: str) -> Iterable[HealthCheck]:
    found: Iterable[HealthCheck] = getattr(importlib.import_module(f"soundwave.doctor.{module}"), look)()
    return found
