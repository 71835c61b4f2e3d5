"""The page: self-contained, well formed, and it says what is missing."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import soundwave.report.page as page_module
from manifests.errors import MissingFileError
from manifests.files import write_jsonl
from soundwave.ablation.grid import Grid
from soundwave.evaluate.registry import find_figure
from soundwave.report.outcome import GridResult, claims, grids, stage_one_claim, whole_rows
from soundwave.report.page import SECTIONS, ReportOptions, render, write_report
from soundwave.report.views import lead
from soundwave.report.workspace import open_workspace
from tests.soundwave.report.small_workspace import WORDS, result, small_workspace, write_grid_results

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Checker(HTMLParser):
    """Notes tags, ids and links; complains of tags that are not closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.tags = [], [], [], set()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        facts = dict(attributes)
        self.ids += [facts["id"]] if "id" in facts else []
        self.links += [facts[name] for name in ("href", "src", "xlink:href") if name in facts]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check(page):
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    return checker


@pytest.fixture(scope="module")
def page(workspace, tmp_path_factory):
    path = write_report(workspace, tmp_path_factory.mktemp("page") / "report.html")
    return path.read_text(encoding="utf-8")


def test_it_is_self_contained_and_well_formed(page):
    found = check(page)
    assert all(link.startswith(("#", "data:audio/mpeg;base64,")) for link in found.links)
    assert found.tags.isdisjoint({"link", "img", "iframe", "object", "embed", "form"})
    assert not re.search(r"@import|url\((?!#)", page)
    assert len(found.ids) == len(set(found.ids))
    assert {name for name, _ in SECTIONS} <= set(found.ids)


def test_its_policy_lets_in_its_own_style_and_script_alone(page):
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page)
    assert "unsafe" not in policy and policy.startswith("default-src 'none'; ")
    for tag, kind in (("style", "style-src"), ("script", "script-src")):
        (text,) = re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}';" in policy
    assert not re.search(r"<[^>]* (style|on\w+)=", page), "styles and handlers of elements would be refused"


def test_the_same_files_give_the_same_page(page, workspace):
    assert render(open_workspace(workspace)) == page


def test_it_answers_the_question_with_its_bands(page):
    assert "<h1>Does stage I pay?</h1>" in page
    assert "0.47 with stage I and 1.70 without it" in page
    assert "Training took 3m00s and 2m00s." in page  # equal or not, it is said
    assert "One seed cannot say whether stage I pays. LLM word error rate: this run of full is better than" in page
    assert "With one seed nothing is said about the recipe" in page  # beside the grid's own table, too
    assert "95 % band 0.05 to 0.10" in page  # the ceiling


def test_every_part_is_there(page):
    text = re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)
    for part in ("Prompts &amp; tones", "no_speech", "heldout_in_plan", "7 clips were aligned (35 words)", "prompts-0"):
        assert part in text
    assert "offset held at 0" in text  # the ladder's curve from three sizes
    assert "torch" in text and "2.9.0" in text
    assert 'class="missing"' not in text
    assert page.count('class="chart wide"') == page.count('class="chart narrow"') >= 9


def test_clips_are_heard_and_chosen_by_what_they_gave(page):
    listen = page[page.index('<section id="transcripts">') : page.index('<section id="mixtures">')]
    assert re.findall(r"<h4>(.*?)</h4>", listen) == ["Most improved", "Worst"]  # two clips: they are best, too
    assert re.findall(r'aria-label="Clip (\S+)"', listen) == ["prompts-06", "prompts-07"]
    assert re.findall(r'<button type="button" class="word"[^>]*>(\w+)<', listen) == list(WORDS)
    assert "2 of 2 clips" not in listen and "0 of 5 wrong" in listen and "5 of 5 wrong" in listen
    assert "No word times of this clip" in listen  # the aligner refused it
    assert page.count("data:audio/mpeg;base64,") + page.count("data-same=") == page.count("<audio ") >= 4
    assert len(re.findall(r'src="(data:audio[^"]*)"', page)) == len(set(re.findall(r'src="(data:audio[^"]*)"', page)))


def test_planned_shares_and_losses_by_domain_come_from_the_ledger(page):
    assert "what alignment-full was trained on" in page
    assert '<th class="num">Trained</th>' in page and 'aria-label="Stage I, alignment: CTC loss per target' in page
    assert "No ledger of these runs" in page  # of the other stages


def test_each_figure_has_its_chain_and_its_command(page, workspace):
    place = workspace / "ablation"
    for command in (
        f"soundwave why {place}/recipe/full-100%-seed7 --stage sft",
        f"soundwave why {place}/plans/p1",
        f"soundwave ablate next {place}/recipe --run 1 --catalog {workspace}/catalog",
        f"soundwave ledger {place}/runs/alignment-full",
        f"soundwave catalog verify --catalog {workspace}/catalog",
    ):
        assert f"<code>{command}" in page
    assert "← run alignment-full <code>key-alignment-full</code>" in page
    assert "← catalog catalog <code>" in page


@pytest.mark.parametrize("part", ["ablation", "ablation/recipe"])
def test_the_output_of_a_study_is_a_workspace_too(workspace, tmp_path, part):
    page = write_report(workspace / part, tmp_path / "report.html").read_text(encoding="utf-8")
    check(page)
    assert "<h1>Does stage I pay?</h1>" in page and ("How does it fall?" in page) is (part == "ablation")
    assert "Prompts &amp; tones" in page, "the catalog is the one that its runs name"
    assert 'aria-label="Clip prompts-06"' in page and "<audio controls" in page


def test_sounds_that_are_gone_are_told(tmp_path):
    small_workspace(tmp_path)
    for path in tmp_path.glob("corpora/*/*.wav"):
        path.unlink()
    page = render(open_workspace(tmp_path))
    check(page)
    assert "<audio" not in page and "cannot be heard here; each says why" in page
    assert page.count("Its sound cannot be read here") >= 4
    assert "press one to" in page  # words stay


def test_the_page_keeps_its_limit_whatever_it_holds(workspace, page, monkeypatch):
    place, sounds = open_workspace(workspace), page.count("data:audio/mpeg")
    none = render(place, ReportOptions(sound_mb=0))
    assert "<audio" not in none and "were left out" in none
    limit = len(page.encode()) - 2_000
    monkeypatch.setattr(page_module, "LARGEST", limit)
    monkeypatch.setattr(page_module, "ROOM", 1_000)
    small = render(place)
    assert len(small.encode()) <= limit and "left out" in small
    assert 0 < small.count("data:audio/mpeg") < sounds


def test_texts_of_others_do_not_fill_the_page(page, tmp_path):
    small_workspace(tmp_path)
    for run in (tmp_path / "ablation" / "runs").iterdir():
        rows = [{"id": "prompts-07", "reference": "now " * 900, "llm": "now " * 3000, "ctc": "x" * 200_000}]
        write_jsonl(run / "examples-test.jsonl", rows)
    long = render(open_workspace(tmp_path))
    check(long)
    assert len(long) < len(page) + 60_000 and "more characters" in long and "more words" in long


def test_charts_follow_the_colours_of_the_page(page):
    drawings = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    assert any("var(--series-2)" in drawing for drawing in drawings)
    assert not any(re.search(r"#0[ab]000\d", drawing) for drawing in drawings)


def test_what_was_heard_is_text_and_its_differences_are_marked(page):
    assert "<b>" not in page
    assert "<del>now</del>" in page
    assert "<ins>a</ins>" in page and '<mark class="wrong">' in page


def test_an_empty_workspace_says_what_is_missing(tmp_path):
    (tmp_path / "corpora").mkdir()
    page = write_report(tmp_path, tmp_path / "report.html").read_text(encoding="utf-8")
    check(page)
    assert page.count('class="missing"') == len(SECTIONS)  # all but provenance, and the rejects of Data beside it
    assert "not measured" in page
    assert "No three-stage training has been evaluated here yet" in page


def bleu_grid(folder, **changes):
    """`folder`/ablation/translation: two arms at three sizes, and their BLEU."""
    arms = {arm: [{"stage": "sft", "mixture": "sft"}] for arm in ("full", "short")}
    grid = Grid.model_validate({"question": "Which translates better?", "arms": arms, "metric": "bleu"})
    sizes = ((0.25, 20.0), (0.5, 60.0), (1.0, 80.0))
    rows = [
        {"grid": "translation", "cell": f"{arm}-{size}", "arm": arm, "fraction": size, "seed": 7, "stage": "sft",
         "position": 1, "last": True, "hours": size, "steps": 20, "wall_seconds": 60.0, "run": "runs/x", "plan": "p1",
         "bleu": value - (arm == "short")}
        for arm in arms for size, value in sizes
    ]  # fmt: skip
    write_grid_results(folder, "translation", grid, rows)


def test_a_grid_on_another_metric_says_which_and_what_is_better(tmp_path):
    bleu_grid(tmp_path)
    page = write_report(tmp_path, tmp_path / "report.html").read_text(encoding="utf-8")
    check(page)
    assert "BLEU of translations (higher is better)" in page
    assert '<th class="num">BLEU of translations</th>' in page and "80.00" in page
    assert "Curve for full: 100 - (20 · hours^-1.00)" in page
    assert "Word error rate on held-out clips" not in page


def test_the_report_of_a_grid_needs_no_look_into_the_metrics(tmp_path):
    bleu_grid(tmp_path)
    report = json.loads((tmp_path / "ablation" / "translation" / "grid.json").read_text(encoding="utf-8"))
    assert GridResult("translation", tmp_path, report, []).figure == find_figure("bleu")[1]
    old = {name: value for name, value in report.items() if name != "figure"}  # as older versions wrote it
    assert GridResult("old", tmp_path, old | {"metric": "ctc_wer"}, []).figure == find_figure("ctc_wer")[1]


def test_a_folder_that_is_no_workspace_is_refused(tmp_path):
    with pytest.raises(MissingFileError, match="is no workspace"):
        open_workspace(tmp_path)
    with pytest.raises(MissingFileError, match="No such workspace"):
        open_workspace(tmp_path / "nowhere")


def test_where_no_arm_has_a_third_stage_the_second_one_answers() -> None:
    nothing = dict.fromkeys(("llm_after_stage_3", "without_stage_1_llm_after_stage_3"))
    rates = nothing | {"llm_after_stage_2": {"wer": 0.3, "clips": 5}, "without_stage_1_llm_after_stage_2": {"wer": 0.9}}
    assert "0.30 with stage I and 0.90 without it, on 5 held-out clips" in lead(rates, [], "Nothing is tested.")
    rates["llm_after_stage_3"] = {"wer": 0.2, "clips": 5}
    assert "0.20 with stage I" in lead(rates, [], "Nothing is tested.")


def test_of_a_stage_that_an_arm_trains_again_the_last_time_counts() -> None:
    rows = [
        {"arm": "a", "stage": stage, "position": position, "fraction": 1.0, "seed": seed}
        for seed in (7, 8)
        for position, stage in enumerate(("alignment", "alignment", "shrinking"), 1)
    ]
    found = whole_rows(GridResult("g", Path("g"), {}, rows), "a", "alignment")
    assert [(row["seed"], row["position"]) for row in found] == [(7, 2), (8, 2)]


def test_the_first_sentence_has_the_band_of_the_list_of_claims(tmp_path) -> None:
    """Of three arms: a band for one pair alone would be narrower than the one that is listed below it."""
    steps = [{"stage": stage, "mixture": stage} for stage in ("alignment", "sft")]
    grid = Grid.model_validate({"question": "?", "arms": {"full": steps, "other": steps, "short": steps[1:]}})
    rows = [
        result("recipe", arm, "sft", 2, True, None, wer) for arm, wer in (("full", 0.4), ("other", 0.6), ("short", 1.7))
    ]
    rows += [result("recipe", arm, "alignment", 1, False, 0.4, None) for arm in ("full", "other")]
    write_grid_results(tmp_path, "recipe", grid, rows)
    claim = stage_one_claim(open_workspace(tmp_path))
    (found,) = [one for one in grids(open_workspace(tmp_path)) if one.name == "recipe"]
    assert {claim.first, claim.second} == {"full", "short"}
    assert claim.sentence in claims(found)
