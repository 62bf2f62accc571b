"""Establishes the shape of the code: proofs < verify < reports < cli, each third party in its place, the wheel
holding exactly what the folders hold, and no global precision touched by an import or a reference.

The imports are read from the syntax trees, so that an import inside a function counts as well. Every checker here
has a twin that plants what it must find.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("proofs", "verify", "reports", "cli")
OURS = "shiftproof"

# Which package may import which third party. Anything that is neither listed nor of the standard library is refused.
THIRD_PARTIES = {
    "proofs": {"sympy", "flint"},
    "verify": {"numpy", "mpmath", "gmpy2", "flint", "jsonschema", "distributed", "hypothesis", "numba", "pytest"},
    "reports": {"rich", "jinja2", "markupsafe", "matplotlib", "latex2mathml"},
    "cli": {"click", "rich"},
}
# Third parties whose results need care: the only modules that may touch them.
HOMES = {
    "mpmath": {"verify/references.py"},
    "numba": {"verify/fast/compiled.py"},
    "flint": {"proofs/counterexamples.py", "verify/balls.py"},
    "gmpy2": set(),
    "hypothesis": {"verify/strategies.py"},
    "pytest": {"verify/pytest_plugin.py"},
    "jsonschema": {"verify/schemas.py"},
    "distributed": {"verify/campaigns/cluster.py"},
    "jinja2": {"reports/typesetting.py"},
    "matplotlib": {"reports/drawing.py", "reports/plots.py"},
    "latex2mathml": {"reports/page.py"},
    "sympy": {
        "proofs/algorithm_bounds.py",
        "proofs/bounds.py",
        "proofs/closed_forms.py",
        "proofs/coq_formulas.py",
        "proofs/formulas.py",
        "proofs/second_opinion.py",
    },
}


def _modules(root: Path) -> Iterator[tuple[str, Path]]:
    """Each layer's Python files, with the layer."""
    for layer in LAYERS:
        for path in sorted((root / layer).rglob("*.py")):
            yield layer, path


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    """(level, dotted name) of every import in a file; level counts the leading dots."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            yield from ((node.level, f"{base}.{alias.name}" if base else alias.name) for alias in node.names)


def _violations(root: Path) -> list[str]:
    """What the files under root import against the order of the layers or the list of third parties."""
    found = []
    for layer, path in _modules(root):
        depth = len(path.relative_to(root).parts) - 1
        for level, name in _imports(path):
            first, *rest = name.split(".")
            where = f"{path.relative_to(root).as_posix()}: {'.' * level}{name}"
            if level:
                if level > depth:
                    found.append(f"{where} leaves its package")
            elif first in (OURS, *LAYERS):
                other = rest[0] if first == OURS and rest else None
                if other not in LAYERS or LAYERS.index(other) > LAYERS.index(layer):
                    found.append(f"{where} is imported upward")
            elif first not in sys.stdlib_module_names and first not in THIRD_PARTIES[layer]:
                found.append(f"{where} is no third party of {layer}")
    return found


def _users(root: Path, third_party: str) -> set[str]:
    return {
        path.relative_to(root).as_posix()
        for _, path in _modules(root)
        if any(not level and name.split(".")[0] == third_party for level, name in _imports(path))
    }


def _planted(tmp_path: Path, module: str, line: str) -> list[str]:
    """The violations of four empty layers but for one planted line."""
    for layer in LAYERS:
        (tmp_path / layer).mkdir()
        (tmp_path / layer / "__init__.py").touch()
    (tmp_path / module).write_text(f"def late():\n    {line}\n", encoding="utf-8")
    return _violations(tmp_path)


def test_every_layer_has_modules_to_look_at() -> None:
    assert {layer for layer, _ in _modules(ROOT)} == set(LAYERS)


def test_nothing_imports_upward_and_every_third_party_is_in_its_package() -> None:
    assert _violations(ROOT) == []


def test_every_public_name_of_verify_is_found_and_listed_once() -> None:
    import shiftproof.verify as verify

    assert set(verify.__all__) == set(verify._HOME) == {name for names in verify._HOMES.values() for name in names}
    assert len(verify.__all__) == len(set(verify.__all__))
    assert all(getattr(verify, name) is not None for name in verify.__all__)
    assert not set(verify.__all__) & {path.stem for path in (ROOT / "verify").glob("*.py")}, "a module would hide it"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = verify.nothing


@pytest.mark.parametrize("third_party", HOMES)
def test_a_delicate_third_party_is_imported_only_where_it_is_at_home(third_party: str) -> None:
    assert _users(ROOT, third_party) == HOMES[third_party]


@pytest.mark.parametrize(
    ("module", "line", "complaint"),
    [
        ("proofs/a.py", "from shiftproof.verify import judge", "imported upward"),
        ("proofs/a.py", "import shiftproof.cli", "imported upward"),
        ("verify/a.py", "from shiftproof import reports", "imported upward"),
        ("reports/a.py", "from shiftproof.cli.main import main", "imported upward"),
        ("verify/a.py", "import shiftproof", "imported upward"),
        ("verify/a.py", "from proofs import rounding", "imported upward"),
        ("proofs/a.py", "from ..verify import judge", "leaves its package"),
        ("proofs/a.py", "import numpy", "no third party of proofs"),
        ("proofs/a.py", "from mpmath import libmp", "no third party of proofs"),
        ("reports/a.py", "import numpy as np", "no third party of reports"),
        ("verify/a.py", "import rich", "no third party of verify"),
        ("cli/a.py", "import flint", "no third party of cli"),
    ],
)
def test_a_planted_import_is_found(tmp_path: Path, module: str, line: str, complaint: str) -> None:
    (found,) = _planted(tmp_path, module, line)
    assert found.startswith(module)
    assert complaint in found


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("cli/a.py", "from shiftproof.reports import class_table"),
        ("verify/a.py", "from shiftproof.proofs import Model"),
        ("verify/a.py", "from .balls import balls"),
        ("proofs/a.py", "import sympy"),
        ("reports/a.py", "import json"),
    ],
)
def test_a_lawful_import_is_left_alone(tmp_path: Path, module: str, line: str) -> None:
    assert _planted(tmp_path, module, line) == []


def test_a_planted_user_of_a_delicate_third_party_is_found(tmp_path: Path) -> None:
    _planted(tmp_path, "verify/a.py", "import flint")
    assert _users(tmp_path, "flint") == {"verify/a.py"}


def _owed(root: Path) -> set[str]:
    """What a wheel owes: every module, marker, schema and template of the layers, by its place under shiftproof/."""
    return {
        f"{OURS}/{path.relative_to(root).as_posix()}"
        for layer in LAYERS
        for path in (root / layer).rglob("*")
        if path.suffix in (".py", ".json", ".v") or path.name == "py.typed" or path.parent.name == "templates"
    }


def _built(source: Path, out: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", str(source), "--no-deps", "-q", "-w", str(out)],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    (wheel,) = out.glob("*.whl")
    return wheel


def test_the_wheel_holds_what_the_folders_hold_and_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for layer in LAYERS:
        shutil.copytree(ROOT / layer, source / layer, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, source)
    if not (source / "README.md").exists():
        (source / "README.md").write_text("# shiftproof\n", encoding="utf-8")
    with zipfile.ZipFile(_built(source, tmp_path / "wheels")) as wheel:
        names = {name for name in wheel.namelist() if not name.endswith("/")}
        contents = {name: wheel.read(name) for name in names}
    metadata = {name for name in names if name.split("/")[0].endswith(".dist-info")}
    assert {name.split("/")[0] for name in names - metadata} == {OURS}
    assert names - metadata == _owed(source)
    for name in _owed(source):
        assert contents[name] == (source / name.removeprefix(f"{OURS}/")).read_bytes(), name


def test_a_file_that_the_wheel_lacks_would_be_noticed(tmp_path: Path) -> None:
    for layer in LAYERS:
        (tmp_path / layer).mkdir()
    before = _owed(tmp_path)
    (tmp_path / "verify" / "new.schema.json").touch()
    assert _owed(tmp_path) - before == {"shiftproof/verify/new.schema.json"}


_PRECISIONS = """
import flint, mpmath
mpmath.mp.prec, mpmath.iv.prec, flint.ctx.prec = 67, 71, 73
import numpy as np
import shiftproof.verify
from shiftproof.verify.references import core_references
{work}
print(mpmath.mp.prec, mpmath.iv.prec, flint.ctx.prec)
"""
_REFERENCES = """
functions = ("logsumexp", "softmax", "log_softmax")
core_references(np.array([0.0, -745.0, 3.0]), functions, shiftproof.verify.FORMATS["binary64"])
"""


def _precisions_after(work: str) -> str:
    program = _PRECISIONS.format(work=work)
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.parametrize("work", ["", _REFERENCES], ids=["import", "references"])
def test_global_precisions_are_left_as_they_were(work: str) -> None:
    assert _precisions_after(work) == "67 71 73"


def test_a_changed_global_precision_would_be_noticed() -> None:
    assert _precisions_after("mpmath.mp.prec = flint.ctx.prec = 200") == "200 71 200"
