"""A name of the hub where the hub does not answer: said at once, and what was fetched before is taken."""

import shutil
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from huggingface_hub import constants
from transformers.utils import hub

from curation.align.hf_ctc import HuggingFaceCTC
from curation.encoders.whisper import WhisperEncoder
from curation.interchange.loading import load as load_dataset
from curation.pretrained.hub import silence
from manifests.errors import InputError
from soundwave.model.pretrained import load_tokenizer
from tests.curation.tiny_whisper import wav2vec

LOADS = {
    "Whisper encoder": WhisperEncoder.load,
    "CTC checkpoint": HuggingFaceCTC,
    "causal LLM": load_tokenizer,
    "dataset": load_dataset,
}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The hub's cache on this machine: empty."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.setattr(constants, name, str(tmp_path / "cache"))
    if hasattr(hub, "TRANSFORMERS_CACHE"):  # transformers before its version 5 reads the place once
        monkeypatch.setattr(hub, "TRANSFORMERS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def closed(cache, monkeypatch):
    """An endpoint where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{listener.getsockname()[1]}")
        yield constants.ENDPOINT  # bound, not listening: nobody else can take it


class Ill(BaseHTTPRequestHandler):
    """A hub that is there, and answers nothing but an error."""

    asked = []  # noqa: RUF012 - of the one server at a time

    def do_HEAD(self):
        self.asked.append(self.path)
        self.send_response(503)
        self.end_headers()

    do_GET = do_HEAD

    def log_message(self, *_):
        pass


@pytest.fixture
def ill(cache, monkeypatch):
    Ill.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Ill)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
    yield Ill.asked
    server.shutdown()
    thread.join()
    server.server_close()


def said_of(load, name="nobody/nothing"):
    with pytest.raises(InputError) as caught:
        load(name)
    assert not constants.HF_HUB_OFFLINE
    return str(caught.value)


@pytest.mark.parametrize("kind", LOADS)
def test_nobody_listens(closed, cache, kind):
    said = said_of(LOADS[kind])
    assert f"{closed} does not answer (" in said and "nobody/nothing" in said
    assert f"the cache {cache} does not hold nobody/nothing" in said and kind in said and "Expected" in said


def test_a_proxy_where_nobody_listens(closed, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, closed)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://hub.invalid")
    assert "http://hub.invalid does not answer (" in said_of(load_tokenizer)


@pytest.mark.parametrize("kind", LOADS)
def test_a_hub_that_is_ill_is_asked_once(ill, kind):
    assert "answers with status 503" in said_of(LOADS[kind])
    assert ill == ["/"]


def test_a_name_with_a_revision(closed):
    assert "does not hold nobody/nothing" in said_of(HuggingFaceCTC, "nobody/nothing@v1")


def test_offline_is_said(cache, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="is not asked, since HF_HUB_OFFLINE is set"):
        load_tokenizer("nobody/nothing")


@pytest.fixture
def fetched(cache, tmp_path):
    """The cache with a model in it, as the hub's client keeps one."""
    root, commit = cache / "models--me--ctc", "a" * 40
    wav2vec(tmp_path / "ctc")
    shutil.copytree(tmp_path / "ctc", root / "snapshots" / commit)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(commit)
    return root / "snapshots" / commit


def test_what_was_fetched_before_is_taken(closed, fetched):
    assert HuggingFaceCTC("me/ctc").blank == 0
    assert silence() is not None


def test_half_of_a_model_in_the_cache(closed, fetched):
    (fetched / "model.safetensors").unlink()
    assert "holds a part of me/ctc only, or a damaged one" in said_of(HuggingFaceCTC, "me/ctc")


def test_a_damaged_model_in_the_cache_is_not_called_absent(closed, fetched):
    (fetched / "config.json").write_bytes(b"{")
    said = said_of(HuggingFaceCTC, "me/ctc")
    assert "holds a part of me/ctc only, or a damaged one" in said
