"""Running coqc in a folder, and reading what it says: the part of the gates that knows Coq's own ways."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from enum import Enum
from importlib.resources import files
from pathlib import Path

__all__ = [
    "ALLOWED_AXIOMS",
    "Coq",
    "CoqEntry",
    "CoqReport",
    "CoqState",
    "CoqUnavailable",
    "Outcome",
    "assumed",
    "blamed",
    "find_coqc",
    "forbidden",
    "source",
]

# The axioms of the standard library's real numbers, by their full names.
ALLOWED_AXIOMS = frozenset(
    {
        "ClassicalDedekindReals.sig_forall_dec",
        "ClassicalDedekindReals.sig_not_dec",
        "FunctionalExtensionality.functional_extensionality_dep",
        "Classical_Prop.classic",
    }
)

# Words that assume something, leave something open, switch a check off or change what a text means.
_WORDS = (
    "Admitted admit give_up Abort Axiom Axioms Parameter Parameters Conjecture Conjectures Hypothesis Hypotheses "
    "Variable Variables Context Section Unset Set bypass_check Notation Infix Coercion Canonical Declare Load Add "
    "Extract Primitive Register Redirect Drop Undo Reset Restart Program Obligation Obligations Instance Class"
)
_FORBIDDEN = frozenset(_WORDS.split())


class CoqState(Enum):
    """What came of one theorem or refutation."""

    ACCEPTED = "ACCEPTED"
    NOT_ACCEPTED = "NOT ACCEPTED"
    REFUTED = "REFUTED"
    NOT_REFUTED = "NOT REFUTED"
    SKIPPED = "SKIPPED"


class CoqUnavailable(Exception):
    """Coq could not be asked; says why."""


@dataclass(frozen=True, slots=True)
class CoqEntry:
    """A theorem or refutation, its state, the lemma that failed (a step, or its audit) and the reason in a line."""

    name: str
    state: CoqState
    lemma: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CoqReport:
    """Every entry in the order asked for, what coqc calls itself ("" without it), and the wall time in seconds."""

    entries: tuple[CoqEntry, ...]
    version: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether Coq was asked something and agreed with all of it."""
        return bool(self.entries) and all(e.state in (CoqState.ACCEPTED, CoqState.REFUTED) for e in self.entries)

    def entry(self, name: str) -> CoqEntry:
        """The entry of a name; raises KeyError if there is none."""
        for e in self.entries:
            if e.name == name:
                return e
        raise KeyError(name)


def find_coqc() -> str | None:
    """Where coqc is, or None."""
    return shutil.which("coqc")


def source(name: str) -> str:
    """A file of the library, by its name without .v."""
    return (files(__package__) / "coq" / f"{name}.v").read_text(encoding="utf-8")


def _without_comments(text: str) -> str:
    """The text with comments, which nest, replaced by spaces; newlines stay."""
    depth, out = 0, []
    for token in re.findall(r"\(\*|\*\)|\n|[^(*\n]+|.", text):
        if token == "(*":
            depth += 1
        elif token == "*)" and depth:
            depth -= 1
        elif not depth or token == "\n":
            out.append(token)
    return "".join(out)


def forbidden(text: str) -> tuple[str, ...]:
    """The words of a Coq source that it must not have outside of comments."""
    return tuple(sorted(_FORBIDDEN.intersection(re.findall(r"[A-Za-z_][\w']*", _without_comments(text)))))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What coqc made of a file: the line (0 if none is named) and message of its first error, and what it printed."""

    ok: bool
    line: int = 0
    message: str = ""
    printed: str = ""


class Coq:
    """A folder in which coqc compiles the library ShiftProof."""

    def __init__(self, coqc: str, folder: Path, limit: float) -> None:
        self.coqc, self.folder, self.limit = coqc, folder, limit

    def compile(self, name: str, text: str) -> Outcome:
        (self.folder / f"{name}.v").write_text(text, encoding="utf-8")
        command = [self.coqc, "-q", "-w", "none", "-Q", ".", "ShiftProof", f"{name}.v"]
        try:
            run = subprocess.run(
                command, cwd=self.folder, capture_output=True, text=True, encoding="utf-8", timeout=self.limit
            )
        except subprocess.TimeoutExpired:
            return Outcome(False, message=f"timed out after {self.limit:g} s")
        except OSError as reason:
            return Outcome(False, message=f"coqc did not start: {reason.strerror}")
        if run.returncode == 0:
            return Outcome(True, printed=run.stdout)
        found = re.search(r"line (\d+), characters [\d-]+:\s*Error:(.*)", run.stderr, re.DOTALL)
        if found is None:
            return Outcome(False, message=_short(run.stderr) or f"coqc ended with status {run.returncode}")
        return Outcome(False, int(found[1]), _short(found[2]), run.stdout)

    def library(self) -> str:
        """Compiles the rules; what is wrong with them, or ""."""
        text = source("Rules")
        if words := forbidden(text):
            return f"Rules.v contains {', '.join(words)}"
        outcome = self.compile("Rules", text)
        return "" if outcome.ok else f"Rules.v, line {outcome.line}: {outcome.message}"

    def keep(self, folder: Path, without: tuple[str, ...] = ()) -> None:
        """Copies what was compiled to a folder, which is made, but for the files of the names `without`; OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        for file in sorted(self.folder.glob("*.v")):
            if file.stem not in without:
                shutil.copyfile(file, folder / file.name)

    def version(self) -> str:
        try:
            run = subprocess.run([self.coqc, "--version"], capture_output=True, text=True, timeout=self.limit)
        except (subprocess.TimeoutExpired, OSError):
            return ""
        return run.stdout.splitlines()[0] if run.stdout else ""


def _short(message: str) -> str:
    text = " ".join(message.split())
    return text if len(text) <= 400 else text[:397] + "..."


def blamed(text: str, line: int) -> tuple[str, str]:
    """The module and the lemma that a line belongs to, "" where it is in none."""
    above = text.splitlines()[:line]
    module, lemma = "", ""
    for row in above:
        if found := re.match(r"Module ([\w']+)\.", row):
            module, lemma = found[1], ""
        elif row.startswith("End "):
            module, lemma = "", ""
        elif found := re.match(r"(?:Definition|Lemma|Theorem) ([\w']+)", row):
            lemma = found[1]
    return module, lemma


def assumed(printed: str) -> frozenset[str]:
    """The names that Print Assumptions listed."""
    return frozenset(re.findall(r"^([A-Za-z_][\w'.]*)(?= :|\s*$)", printed, re.MULTILINE)) - {"Axioms", "Closed"}
