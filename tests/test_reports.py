"""A report says what its record and the proofs say: the same record the same bytes, another verdict another report."""

from __future__ import annotations

import copy
import html
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from shiftproof.cli import main
from shiftproof.proofs import (
    FUNCTIONS,
    MODEL_LATEX,
    QUANTITIES,
    QUANTITIES_LATEX,
    RULES,
    bounds,
    companions,
    theorems,
)
from shiftproof.proofs.formulas import MODEL
from shiftproof.reports import SECTIONS, LatexError, pdf, report, warnings_in
from shiftproof.reports.blocks import Code, Statement, inlines
from shiftproof.reports.numbers import number, rounded_up
from shiftproof.reports.page import mathml
from shiftproof.reports.paper import breakable
from shiftproof.reports.report import documents
from shiftproof.reports.sources import SOURCES, cited
from shiftproof.reports.theory import bound_blocks, derivation_blocks
from shiftproof.verify import (
    ADVERSARIES,
    Kernel,
    Plan,
    builtin_kernels,
    read_record,
    record_of,
    record_text,
    run_campaign,
)

from .test_escaping import HOSTILE

pytestmark = pytest.mark.xdist_group("reports")
with_latex = pytest.mark.skipif(shutil.which("latexmk") is None, reason="latexmk is not installed")
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
with_browser = pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")


def broken(x):
    """A softmax without a shift that has lost a place."""
    with np.errstate(all="ignore"):
        e = np.exp(np.asarray(x, dtype=np.float64))
        return e / (e.sum(axis=-1, keepdims=True) + 1e-9)


@pytest.fixture(scope="module")
def record():
    families = tuple(ADVERSARIES[name] for name in ("scales", "gaps", "specials", "lengths", "log-probabilities"))
    own = tuple(k for k in builtin_kernels() if k.name in ("logsumexp.shifted", "logsumexp.naive", "scipy.log_softmax"))
    kernels = (*own, Kernel("broken", "softmax", broken, "shifted"))
    return json.loads(record_text(record_of(run_campaign(Plan(kernels, families=families, cases=100)))))


@pytest.fixture(scope="module")
def made(record):
    return report(record)


@pytest.fixture(scope="module")
def compiled(made):
    return pdf(made.files, made.main)


@pytest.fixture(scope="module")
def plain(record):
    return decoded(documents(record))


def decoded(files):
    return tuple(file.decode() for file in files)


def text_of(files):
    return decoded((files["report.tex"], files["report.html"]))


# The same record, the same bytes.


_AGAIN = """
import hashlib, sys
from shiftproof.reports.report import documents
from shiftproof.verify import read_record
print([hashlib.sha256(document).hexdigest() for document in documents(read_record(open(sys.argv[1]).read()))])
"""


def test_the_same_record_gives_the_same_bytes_in_another_process(record, tmp_path):
    (tmp_path / "c.json").write_text(record_text(record))
    told = []
    for seed in ("1", "2"):
        command = [sys.executable, "-c", _AGAIN, str(tmp_path / "c.json")]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        told.append(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)
    assert told[0] == told[1]
    assert len(told[0]) > 128


# Nothing that is not in the record.


def changes():
    """(what, where it is shown, a change of the record)."""

    def verdict(r):
        r["kernels"][0].update(outcome="EXCEEDS", held="correct")

    def kernel_class(r):
        r["kernels"][0]["class"] = "naive"

    def largest(r):
        r["kernels"][0]["largest"]["error_ulp"][1] = "0x1.9000000000000p+6"

    def ratio(r):
        r["kernels"][0]["closest"]["ratio"] = "0x1.0000000000000p-9"

    def counted(r):
        r["kernels"][0]["counts"]["WITHIN"] += 1

    def finding(r):
        (fault, *_) = (f for k in r["kernels"] for f in k["faults"].values())
        fault["simplest"]["because"] = "something else"

    def missed(r):
        next(k for k in r["kernels"] if k["not_reached"] and not k["held"])["not_reached"]["standard"] = "correct"

    def premise(r):
        r["assumed"]["libm_ulp"]["exp"] = "3"

    def measured(r):
        r["measured"]["numpy"][0]["largest_known_ulp"] = "0x1.8000000000000p+1"

    def flushed(r):
        r["measured"]["flushes_subnormals"] = True

    def version(r):
        r["environment"]["numpy"] = "9.9.9"

    def seed(r):
        r["seed"] = 77

    def hunted(r):
        r["families"][0]["hunts"] = "nothing in particular"

    def read_closed(r):
        r["reading"] = "closed"

    return [verdict, kernel_class, largest, ratio, counted, finding, missed, premise, measured, flushed, version, seed,
            hunted, read_closed]  # fmt: skip


@pytest.mark.parametrize("change", changes(), ids=lambda change: change.__name__)
def test_what_changes_in_the_record_changes_in_both_documents(record, plain, change):
    other = copy.deepcopy(record)
    change(other)
    assert other != record
    read_record(record_text(other))
    for before, after in zip(plain, decoded(documents(other)), strict=True):
        assert before != after


def test_every_kernel_has_its_class_its_error_and_its_ratio_rounded_up_in_both_documents(record, made):
    for document in text_of(made.files):
        for kernel in record["kernels"]:
            for value in (kernel["largest"]["error_ulp"][1], kernel["closest"]["ratio"]):
                mantissa = rounded_up(number(value)).partition("e")[0]
                assert mantissa in document
                assert float(rounded_up(number(value))) >= number(value)


def test_no_float_is_told_with_seventeen_digits(made):
    for document in text_of(made.files):
        unread = r'0x[0-9a-f.]+p[+-][0-9]+|<svg.*?</svg>|[0-9]+\.[0-9]+\.[0-9]+|data-key="[^"]*"'
        prose = re.sub(unread, "", document, flags=re.DOTALL)
        assert not re.search(r"\d\.\d{8,}", prose)


def test_not_judged_is_told_and_is_not_passed(record, made):
    left = sum(kernel["counts"]["OUT_OF_SCOPE"] for kernel in record["kernels"])
    assert left
    for document in text_of(made.files):
        assert f"{left:,} are out of scope: not judged" in document.replace("{}", "")


def test_a_finding_has_an_input_to_paste_and_the_command_that_replays_it(record, made):
    tex, page = text_of(made.files)
    for kernel in record["kernels"]:
        for fault in kernel["faults"].values():
            assert fault["simplest"]["case"] in page
    assert "float.fromhex(h) for h in" in page
    listing = re.search(r"<pre>(x = .*?)\n#", page, re.DOTALL)
    assert listing is not None
    pasted: dict = {}
    exec(html.unescape(listing.group(1)), pasted)
    assert all(isinstance(value, float) for value in pasted["x"])
    assert r"\begin{splisting}" in tex


# Hostile records.


def hostile(record, text):
    """The record with the text in place of every string that a report could show."""
    r = copy.deepcopy(record)
    for k in r["kernels"]:
        k["name"] = text
        for verdict in [k["largest"], k["closest"], k["worst"], *(f["simplest"] for f in k["faults"].values())]:
            verdict.update(because=text, replay=text, case=f"{text}#1" if "\n" not in text else "a#1", standard=text)
        k["faults"] = dict.fromkeys(list(k["faults"])[:1] and [text], next(iter(k["faults"].values()), None))
        if k["class"]:
            k["class"] = text
        if k["not_reached"]:
            k["not_reached"]["standard"] = text
            k["not_reached"]["simplest"].update(because=text, replay=text)
    r["environment"] = {text: text}
    r["families"] = [{"name": text, "hunts": text}]
    r["standards"] = {k["function"]: [text] for k in r["kernels"]}
    r["assumed"] = {"mpmath": text, "libm_ulp": {text: "1"}, "arithmetic": text}
    for p in r["measured"]["numpy"]:
        p["function"] = text
    return r


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert_in_latex_and_in_html(record, plain, text):
    tex, page = decoded(documents(hostile(record, text)))
    parser, without = _Tags(), _Tags()
    parser.feed(page)
    without.feed(plain[1])
    assert parser.tags.count("script") == 1
    assert set(parser.tags) <= set(without.tags)
    assert parser.attributes <= without.attributes
    assert not {name for name in parser.attributes if name.startswith("on")}
    assert r"\input" not in tex
    assert r"\write" not in tex
    assert tex.count(r"\begin{") == tex.count(r"\end{")


@with_latex
def test_hostile_text_compiles_to_itself_without_a_warning(record):
    everything = "".join(text for text in HOSTILE if text.isprintable() or "\n" in text)
    made = report(hostile(record, everything))
    _, log = pdf(made.files, made.main)
    assert warnings_in(log) == []


# LaTeX.


@with_latex
def test_the_document_compiles_without_a_warning_about_references_boxes_or_fonts(compiled):
    document, log = compiled
    assert document.startswith(b"%PDF")
    assert warnings_in(log) == []


@with_latex
def test_a_box_that_does_not_fit_or_a_lost_reference_would_be_noticed(made):
    wide = r"\noindent\rule{\dimexpr\linewidth+9pt}{1pt} \ref{nowhere} \cite{nobody}\par" + "\n"
    tex = made.files["report.tex"].decode().replace(r"\end{document}", wide + r"\end{document}")
    _, log = pdf({**made.files, "report.tex": tex.encode()}, "report.tex")
    told = "\n".join(warnings_in(log))
    assert "Overfull" in told
    assert "nowhere" in told
    assert "nobody" in told


@with_latex
def test_the_same_files_give_the_same_pdf(made, compiled):
    assert pdf(made.files, made.main)[0] == compiled[0]


@with_latex
def test_every_section_can_be_put_into_a_paper(record):
    parts = report(record, SECTIONS).files
    inputs = "".join(rf"\input{{{name}}}" for name in SECTIONS)
    start = r"\documentclass{article}\usepackage[colorlinks]{hyperref}\usepackage{amsthm}\usepackage{shiftproof}"
    start += r"\newtheorem{theorem}{Theorem}\begin{document}See \autoref{bound:logsumexp-shifted}."
    paper = start + inputs + r"\bibliographystyle{plain}\bibliography{sources}\end{document}"
    document, log = pdf({**parts, "paper.tex": paper.encode()}, "paper.tex")
    assert document.startswith(b"%PDF")
    assert warnings_in(log) == []


@with_latex
def test_what_latex_says_is_told_when_it_fails(made):
    with pytest.raises(LatexError, match="Undefined control sequence"):
        pdf(
            {**made.files, "report.tex": made.files["report.tex"].replace(b"\\maketitle", b"\\maketitel")}, "report.tex"
        )


def test_without_latex_it_is_said_what_to_install(made, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(LatexError, match="apt-get install latexmk"):
        pdf(made.files, made.main)


# What theory says.


def test_every_bound_is_a_theorem_with_its_hypotheses_and_its_proof():
    blocks = [b for b in bound_blocks(("logsumexp", "softmax", "log_softmax")) if isinstance(b, Statement)]
    assert len(blocks) == len(bounds()) + len(companions())
    for block, of in zip(blocks, (*bounds(), *companions()), strict=True):
        assert block.title == (Code(of.name),)
        pieces = list(inlines([block]))
        told = "".join(p for p in _strings(block) if isinstance(p, str))
        assert all(h.text in told for h in of.hypotheses)
        assert (Code(of.theorem) in pieces) == of.in_coq
        assert ("on paper" in told) != of.in_coq


def _strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _strings(item)
    elif hasattr(value, "__slots__"):
        for name in value.__slots__:
            yield from _strings(getattr(value, name))


def test_every_theorem_is_derived_step_by_step():
    shown = {b.title[0].text: b for b in derivation_blocks() if isinstance(b, Statement)}
    assert list(shown) == list(theorems())


def test_every_reference_leads_somewhere_and_no_label_is_there_twice(record, made):
    tex, page = text_of(made.files)
    labels = re.findall(r"\\label\{([^}]*)\}", tex)
    assert len(labels) == len(set(labels))
    assert set(re.findall(r"\\autoref\{([^}]*)\}", tex)) <= set(labels)
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'\bhref="#([^"]*)"', page)) <= set(ids)


def test_symbols_are_explained_as_text_and_as_formulas():
    assert set(QUANTITIES) == set(QUANTITIES_LATEX)
    assert set(MODEL) == set(MODEL_LATEX)


def _sources():
    yield from (of.source for of in (*bounds(), *companions()))
    yield from (rule.source for rule in RULES.values())


@pytest.mark.parametrize("text", sorted(set(_sources())))
def test_every_work_that_proofs_name_is_cited(text):
    left = "".join(part for part in cited(text) if isinstance(part, str))
    assert not re.search(r"\((19|20)\d\d\)", left)


def test_the_bibliography_has_what_is_cited_and_nothing_else(made):
    tex = made.files["report.tex"].decode()
    keys = set(re.findall(r"\\cite\{([^}]*)\}", tex))
    entries = set(re.findall(r"^@\w+\{([^,]*),", made.files["sources.bib"].decode(), re.MULTILINE))
    assert keys == entries
    assert keys <= set(SOURCES)


@pytest.mark.parametrize("source", SOURCES.values(), ids=lambda s: s.key)
def test_a_reference_names_authors_title_and_year(source):
    assert source.fields["title"] in source.reference()
    assert source.fields["year"] in source.reference()
    assert "{" not in source.reference()


# HTML.


def test_the_page_asks_nothing_of_the_network(made):
    page = made.files["report.html"].decode()
    for attribute in re.findall(r'\b(?:src|href|action|data|xlink:href)="([^"]*)"', page):
        assert attribute.startswith(("#", "data:"))
    assert "@import" not in page
    assert "url(http" not in page
    assert "default-src 'none'" in page


def test_formulas_are_mathml(made):
    page = made.files["report.html"].decode()
    assert page.count("<math") > 100
    assert "\\frac" not in page
    assert "\\left" not in page
    assert mathml(r"\log x").count("<mspace") == 1
    assert mathml(r"\log\left(x\right)").count("<mspace") == 0


def test_parentheses_that_grow_are_made_plain_so_that_lines_can_end():
    assert breakable(r"\log\left(a + \left|b\right|\right)") == r"\log(a + \left|b\right|)"


_CLICK = """
<script>
addEventListener("load", () => {
  const table = document.getElementById("tab:classes");
  const at = [...table.tHead.rows[0].cells].findIndex(h => h.textContent.startsWith("error (ulp)"));
  const button = table.tHead.rows[0].cells[at].querySelector("button");
  button.click();
  const key = r => r.cells[at].dataset.key;
  const keys = () => [...table.tBodies[0].rows].map(r => key(r) === "inf" ? 1e308 : Number(key(r)));
  const up = keys();
  button.click();
  document.body.dataset.sorted = JSON.stringify({up, down: keys(), math: document.querySelectorAll("math").length});
});
</script>
"""


def in_browser(path: Path, profile: Path) -> tuple[str, list[str]]:
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", f"--user-data-dir={profile}",
        "--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom", path.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@with_browser
def test_a_browser_shows_the_page_without_an_error_and_sorts_its_tables(made, tmp_path):
    page = made.files["report.html"].decode().replace("</body>", _CLICK + "</body>")
    (tmp_path / "page.html").write_text(page)
    shown, complaints = in_browser(tmp_path / "page.html", tmp_path / "profile")
    assert complaints == []
    told = json.loads(re.search(r'data-sorted="([^"]*)"', shown).group(1).replace("&quot;", '"'))
    assert told["up"] == sorted(told["up"])
    assert told["down"] == told["up"][::-1]
    assert told["math"] > 100


@with_browser
def test_an_error_in_the_page_would_be_noticed(made, tmp_path):
    page = made.files["report.html"].decode().replace("</body>", "<script>nothing.here()</script></body>")
    (tmp_path / "page.html").write_text(page)
    _, complaints = in_browser(tmp_path / "page.html", tmp_path / "profile")
    assert any("nothing is not defined" in line for line in complaints)


# The command.


@pytest.fixture
def run(capsys):
    def command(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return command


@pytest.fixture
def campaign(record, tmp_path):
    path = tmp_path / "c.json"
    path.write_text(record_text(record))
    return path


def test_the_command_writes_the_files_and_names_them(run, campaign, tmp_path):
    code, out, err = run("report", campaign, "--out", tmp_path / "deep" / "r")
    assert (code, err) == (0, "")
    assert out.split() == [str(tmp_path / "deep" / "r" / name) for name in ("report.tex", "report.html")]
    written = {p.relative_to(tmp_path / "deep" / "r").as_posix() for p in (tmp_path / "deep" / "r").rglob("*.*")}
    assert {"report.tex", "report.html", "shiftproof.sty", "sources.bib"} <= written


def test_a_section_is_written_alone(run, campaign, tmp_path):
    code, out, _ = run("report", campaign, "--out", tmp_path / "r", "--section", "findings")
    assert (code, out.strip()) == (0, str(tmp_path / "r" / "findings.tex"))
    assert not (tmp_path / "r" / "report.tex").exists()
    assert r"\documentclass" not in (tmp_path / "r" / "findings.tex").read_text()


def test_without_latex_the_report_is_written_and_the_status_says_that_the_pdf_is_missing(
    run, campaign, tmp_path, monkeypatch
):
    monkeypatch.setattr("shutil.which", lambda name: None)
    code, out, err = run("report", campaign, "--out", tmp_path / "r", "--pdf")
    assert code == 3
    assert "apt-get install latexmk" in err
    assert (tmp_path / "r" / "report.tex").exists()
    assert "report.pdf" not in out


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"schema": "shiftproof-campaign", "version": 2, "env', "is it cut off?"),
        ('{"schema": "shiftproof-campaign", "version": 9}', "a newer shiftproof made it"),
        ('{"schema": "shiftproof-campaign", "version": 2}', "is a required property"),
        ("", "is it cut off?"),
        ("\udcff", "UTF-8 text is required"),
    ],
)
def test_a_record_that_cannot_be_used_is_one_clear_line(run, tmp_path, text, complaint):
    path = tmp_path / "bad.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    code, out, err = run("report", path, "--out", tmp_path / "r")
    assert (code, out) == (2, "")
    assert err.startswith(f"shiftproof: error: {path}: ")
    assert complaint in err
    assert err.count("\n") == 1
    assert not (tmp_path / "r").exists()


def test_other_wrong_words_are_one_clear_line(run, campaign, tmp_path):
    (tmp_path / "file").touch()
    for words, complaint in (
        ((tmp_path / "nowhere.json",), "a file that can be read is required"),
        ((campaign, "--out", tmp_path / "file" / "r"), "a folder that can be written is required"),
        ((campaign, "--section", "everything"), "'everything' is not one of"),
        ((campaign, "--section", "bounds", "--pdf"), "--pdf makes a whole report"),
    ):
        code, out, err = run("report", *words)
        assert (code, out) == (2, "")
        assert complaint in err
        assert err.count("\n") == 1


def test_a_section_that_there_is_not_is_named(record):
    with pytest.raises(ValueError, match="a section is one of derivations, bounds, classes, findings, got 'all'"):
        report(record, ["all"])


def test_a_record_of_one_kernel_has_the_theory_of_its_function_alone(record):
    alone = {**record, "kernels": [k for k in record["kernels"] if k["function"] == "softmax"]}
    tex, _ = decoded(documents(alone))
    assert r"\label{bound:softmax-shifted}" in tex
    assert r"\label{bound:logsumexp-shifted}" not in tex
    assert set(FUNCTIONS) > {"softmax"}
