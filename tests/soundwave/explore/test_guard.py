"""Who gets in, and what the page may do."""

import pytest

from tests.soundwave.explore.conftest import TOKEN

PATHS = (
    "/",
    "/api/about",
    "/api/cut?id=prompts-00",
    "/api/sound?id=prompts-00",
    "/page/page.js",
    "/page/vendor/vega.min.js",
)


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_told_without_the_token(reader, path):
    for token in ("", "another", TOKEN + "x", TOKEN[:-1], "tökén".encode("latin-1")):
        answer = reader.get(path, headers={"X-Soundwave-Token": token})
        assert answer.status_code == 403 and "prompts" not in answer.text
        assert "content-security-policy" in answer.headers


def test_the_address_gives_a_cookie_that_opens_the_page(explored, client_of):
    client = client_of(explored, token="")
    assert client.get("/?token=another").status_code == 403
    assert client.get(f"/api/about?token={TOKEN}").status_code == 403, "the token is of the first page alone"
    first = client.get(f"/?token={TOKEN}")
    cookie = first.headers["set-cookie"].lower()
    assert first.status_code == 303 and first.headers["location"] == "/"
    assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/")) and "soundwave-8017=" in cookie
    assert client.get("/").status_code == 200
    assert client.get("/api/about").json()["cuts"] == 8


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8017", "", "[", "169.254.1.1"]
)
def test_a_host_of_elsewhere_is_refused(reader, host):
    for path in PATHS:
        assert reader.get(path, headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:8017", "localhost:8017", "LOCALHOST", "[::1]:8017"])
def test_names_of_this_machine_are_served(reader, host):
    assert reader.get("/api/about", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Origin": "http://127.0.0.1:8017"}, 200),
    ],
)
def test_changes_come_from_the_page_itself(reader, headers, status):
    sent = {"Content-Type": "application/json"} | headers
    assert reader.post("/api/cuts", content=b"{}", headers=sent).status_code == status


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 5000, b"\xff"])
def test_a_body_that_is_no_object_is_told(reader, body):
    answer = reader.post("/api/cuts", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400 and "object" in answer.json()["error"]


def test_a_body_is_not_larger_than_a_megabyte(reader):
    answer = reader.post("/api/cuts", content=b" " * 1_100_000, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "path",
    ["/page/../server.py", "/page/%2e%2e/server.py", "/page/..%2f..%2fcli/sql.py", "/page//etc/passwd", "/etc/passwd"],
)
def test_no_other_file_is_served(reader, path):
    answer = reader.get(path)
    assert answer.status_code == 404 and "import" not in answer.text


def test_the_policy_lets_in_no_script_that_stands_in_the_page_and_nothing_of_elsewhere(reader):
    answers = [reader.get("/") for _ in range(2)]
    policies = [answer.headers["content-security-policy"] for answer in answers]
    rules = dict(rule.strip().split(" ", 1) for rule in policies[0].split(";"))
    assert rules["default-src"] == "'none'" and rules["script-src"] == "'self'" and rules["connect-src"] == "'self'"
    assert "unsafe" not in policies[0] and "http" not in policies[0]
    assert policies[0] != policies[1], "each answer has a nonce of its own"
    nonce = rules["style-src"].split("'nonce-")[1].rstrip("'")
    assert f'content="{nonce}"' in answers[0].text and "NONCE" not in answers[0].text
    assert "<script>" not in answers[0].text and "style=" not in answers[0].text
    for name, value in {
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
    }.items():
        assert answers[0].headers[name] == value
