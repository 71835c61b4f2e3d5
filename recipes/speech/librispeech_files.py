"""Where LibriSpeech's parts are (OpenSLR 12; Mini LibriSpeech: 31), with the checksums of OpenSLR's md5sum.txt."""

from __future__ import annotations

from recipes.fetching import Download

_MD5 = {
    "dev-clean": "42e2234ba48799c1f50f24a7926300a1",
    "dev-other": "c8d0bcc9cca99d4f8b62fcc847357931",
    "test-clean": "32fa31d27d2e1cad72775fee3f4849a9",
    "test-other": "fb5a50374b501bb3bac4815ee91d3135",
    "train-clean-100": "2a93770f6d5c6c964bc36631d331a522",
    "train-clean-360": "c0e676e450a7ff2f54aeade5171606fa",
    "train-other-500": "d1a0fd59409feb2c614ce4d30c387708",
}
_MINI = {"dev-clean-2": "6d7ab67ac6a1d2c993d050e16d61080d", "train-clean-5": "5df7d4e78065366204ca6845bb08f490"}


def _file(resource: int, part: str, md5: str) -> Download:
    url = f"https://www.openslr.org/resources/{resource}/{part}.tar.gz"
    return Download(url, f"md5:{md5}", part=part, inside="LibriSpeech", asked=resource == 31)


FILES = tuple([_file(12, *one) for one in _MD5.items()] + [_file(31, *one) for one in _MINI.items()])
