"""Lazy public names: imported when they are used, unknown ones refused as Python refuses them."""

import subprocess
import sys

import pytest

import soundwave
from manifests.lazy import lazy_names


def test_a_name_comes_from_the_module_that_defines_it():
    find = lazy_names("package", {"JSONDecoder": "json.decoder"})
    assert find("JSONDecoder").__module__ == "json.decoder"
    with pytest.raises(AttributeError, match="module 'package' has no attribute 'loads'"):
        find("loads")


def test_importing_a_package_imports_nothing_that_is_lazy():
    code = "import sys, soundwave, soundwave.infer; print({'torch', 'numpy', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    assert not hasattr(soundwave, "no_such_name")
