"""The notebook of docs/ runs from top to bottom, on a small catalog."""

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from curation.catalog import build
from tests.curation.notebook.small import make_corpus

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


def test_the_notebook_runs_and_a_cut_plays(tmp_path, monkeypatch):
    make_corpus(tmp_path / "corpora")
    build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    spec = tmp_path / "data" / "kernels" / "here" / "kernel.json"  # whichever Python runs the tests
    spec.parent.mkdir(parents=True)
    nbformat_spec = '{"argv": ["%s", "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "here"}'
    spec.write_text(nbformat_spec % sys.executable)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "data"))
    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("SOUNDWAVE_CATALOG", str(tmp_path / "catalog"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, kernel_name="here", timeout=120).execute()
    pages = [
        output["data"]["text/html"]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "text/html" in output.get("data", {})
    ]
    assert sum("<audio" in page for page in pages) == 1
    assert not [page for page in pages if "<script>" in page]
    assert any("found DROP" in output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ()))


def test_the_notebook_is_kept_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    kept = [cell for cell in notebook.cells if cell.cell_type == "code" and (cell.outputs or cell.execution_count)]
    assert not kept
