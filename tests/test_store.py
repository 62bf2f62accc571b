"""A campaign kept in a file is the campaign: whatever ends it, going on gives the same record."""

from __future__ import annotations

import dataclasses
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import time
import warnings
import zlib
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest

from shiftproof.cli import main
from shiftproof.verify import (
    ADVERSARIES,
    Adversary,
    Kernel,
    Plan,
    StoreError,
    kernel_named,
    open_store,
    record_of,
    record_text,
    run_campaign,
)
from shiftproof.verify.campaigns.campaign import Met, Shard, _judged, _shards
from shiftproof.verify.campaigns.plans import difference, plan_data, plan_from
from shiftproof.verify.campaigns.tallies import read_tallies, tallies_text
from shiftproof.verify.host import process_context

ROOT = Path(__file__).resolve().parent.parent
FEW = tuple(ADVERSARIES[name] for name in ("scales", "specials"))
HOSTILE = """
import os
import numpy as np

def logsumexp(x):
    if x.shape[1] == 3:
        os._exit(1)
    with np.errstate(all="ignore"):
        return np.log(np.exp(x).sum(axis=-1)) + (x.shape[1] == 2)
"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A kernel that crashes, overflows, makes NaNs and exceeds every standard."""
    path = tmp_path_factory.mktemp("kernel") / "hostile.py"
    path.write_text(HOSTILE)
    return path


@pytest.fixture(scope="module")
def plan(hostile):
    kernels = kernel_named(f"{hostile}:logsumexp"), kernel_named("softmax.naive"), kernel_named("numpy.logaddexp")
    return Plan(kernels, families=FEW, cases=84, seed=5)


@pytest.fixture(scope="module")
def made(plan):
    """What the plan's shards are judged to be: tallies, in order, and the record."""
    tallies = []

    def overheard(*work):
        for number, found in _judged(*work):
            tallies.append(found)
            yield number, found

    text = text_of(run_campaign(plan, judges=overheard))
    return _shards(plan), tallies, text


def text_of(campaign):
    return record_text(record_of(campaign))


def stored(path, plan, resume=False, judges=None):
    with open_store(path, plan, resume) as store:
        return text_of(run_campaign(plan, store=store, judges=judges))


def nobody(*_):
    raise AssertionError("nothing is left to judge")


def test_tallies_are_the_same_after_json(made):
    for tallies in made[1]:
        assert read_tallies(tallies_text(tallies)) == tallies
        assert tallies_text(read_tallies(tallies_text(tallies))) == tallies_text(tallies)


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_record_from_a_store_is_the_record_and_what_is_finished_is_not_judged_again(made, plan, jobs, tmp_path):
    path = tmp_path / "c.sqlite"
    assert stored(path, dataclasses.replace(plan, jobs=jobs)) == made[2]
    assert stored(path, dataclasses.replace(plan, jobs=3), resume=True, judges=nobody) == made[2]
    assert [file.name for file in tmp_path.iterdir()] == ["c.sqlite"]


def test_the_order_in_which_shards_end_does_not_matter(made, plan, tmp_path):
    shards, tallies, wanted = made
    backwards = list(zip(range(len(shards)), tallies, strict=True))[::-1]
    assert text_of(run_campaign(plan, judges=lambda *_: (found for found in backwards))) == wanted
    assert stored(tmp_path / "c.sqlite", plan, judges=lambda *_: (found for found in backwards)) == wanted


def test_every_finding_is_a_row_that_sql_can_be_asked_for_while_the_campaign_runs(made, plan, tmp_path):
    shards, tallies, _ = made
    path = tmp_path / "c.sqlite"
    with open_store(path, plan) as store, closing(sqlite3.connect(path)) as reader:
        store.keep_met(Met(frozenset(), {}))
        for number, (shard, found) in enumerate(zip(shards, tallies, strict=True)):
            store.keep(number, shard, found)
            assert reader.execute("SELECT count(*) FROM shard").fetchone() == (number + 1,)
        columns = "kernel, standard, family, case_name, outcome, fault, got, want, x, error, allowed"
        rows = set(reader.execute(f"SELECT {columns} FROM finding"))
    verdicts = [v for by in tallies for ts in by.values() for t in ts.values() for v in t.findings]
    wanted = {
        (
            *(v.kernel, v.standard, v.case.split("#")[0], v.case, v.outcome.name, v.fault),
            *(v.got, v.want, v.x and " ".join(v.x), v.error_ulp[0], v.allowed_ulp[1]),
        )
        for v in verdicts
        if v.outcome.name != "OUT_OF_SCOPE"
    }
    assert rows == wanted
    assert {"crashes", None} <= {row[5] for row in rows}
    assert all(row[9] > row[10] for row in rows if row[4] == "EXCEEDS")


def test_the_questions_on_the_page_have_answers(finished):
    page = (ROOT / "docs" / "big-campaigns.md").read_text(encoding="utf-8")
    (questions,) = re.findall(r"^```sql\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    with closing(sqlite3.connect(finished)) as reader:
        answers = [reader.execute(question).fetchall() for question in questions.splitlines()]
    assert dict(answers[2]) == {family.name: 2 * 42 for family in FEW}  # of rows, and of pairs
    assert ("numpy.logaddexp", "correct") in {row[:2] for row in answers[0]}


class _Dies(sqlite3.Connection):
    """Kills its process before or after the statement whose turn has come."""

    left = 0

    def _counted(self, run):
        _Dies.left -= 1
        if _Dies.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        found = run()
        _Dies.left -= 1
        if _Dies.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    def execute(self, *arguments):
        return self._counted(lambda: super(_Dies, self).execute(*arguments))

    def executemany(self, *arguments):
        return self._counted(lambda: super(_Dies, self).executemany(*arguments))


def _kept_until(moment, path, plan, shards, tallies):
    _Dies.left = moment
    connect = sqlite3.connect
    sqlite3.connect = lambda *a, **k: connect(*a, factory=_Dies, **k)
    with open_store(path, plan, resume=True) as store:
        if store.met() is None:
            store.keep_met(Met(frozenset(), {}))
        for number, shard in store.missing(shards):
            store.keep(number, shard, tallies[number])


def _in_a_child(function, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = process_context().Process(target=function, args=arguments)
        child.start()
    return child


def test_killed_before_or_after_any_statement_the_file_goes_on_to_the_same_tallies(made, plan, tmp_path):
    shards, tallies = made[0][:2], made[1][:2]
    moment, ended = 0, -signal.SIGKILL
    while ended != 0:
        moment += 1
        path = tmp_path / f"{moment}.sqlite"
        child = _in_a_child(_kept_until, moment, path, plan, shards, tallies)
        child.join()
        ended = child.exitcode
        assert ended in (0, -signal.SIGKILL)
        with open_store(path, plan, resume=True) as store:
            if store.met() is None:
                store.keep_met(Met(frozenset(), {}))
            for number, shard in store.missing(shards):
                store.keep(number, shard, tallies[number])
            assert [store.kept(number, shard) for number, shard in enumerate(shards)] == tallies
        with closing(sqlite3.connect(path)) as reader:
            counted = reader.execute("SELECT shard, count(*) FROM finding GROUP BY shard").fetchall()
        verdicts = ([v for ts in by.values() for t in ts.values() for v in t.findings] for by in tallies)
        assert counted == [(n, sum(v.outcome.value > 1 for v in found)) for n, found in enumerate(verdicts)]
    assert moment > 40  # two for each statement


def test_killed_at_random_moments_and_resumed_the_record_is_that_of_an_uninterrupted_run():
    options = ["--family", "scales", "--family", "gaps", "--cases", "240", "--jobs", "2"]
    command = [sys.executable, ROOT / "benchmarks" / "kills.py", "--kills", "3", "--seed", "7", "--", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "kill 3 after" in done.stdout
    assert "the same bytes" in done.stdout


def _holds(path, plan, ready):
    with open_store(path, plan):
        survivor = _in_a_child(time.sleep, 60)
        ready.send(survivor.pid)
        time.sleep(60)


def test_two_runs_may_not_write_one_file_and_a_killed_run_does_not_hold_it_though_its_children_live(plan, tmp_path):
    path = tmp_path / "c.sqlite"
    ours, theirs = process_context().Pipe()
    holder = _in_a_child(_holds, path, plan, theirs)
    survivor = ours.recv()
    try:
        for resume in (False, True):
            with (
                pytest.raises(StoreError, match="another run is writing it: one at a time can"),
                open_store(path, plan, resume),
            ):
                pass
        holder.kill()
        holder.join()
        os.kill(survivor, 0)
        with open_store(path, plan, resume=True):
            pass
    finally:
        holder.kill()
        with suppress(ProcessLookupError):
            os.kill(survivor, signal.SIGKILL)


def test_within_a_process_too_one_run_at_a_time_has_the_file(plan, tmp_path):
    path = tmp_path / "c.sqlite"
    with open_store(path, plan):
        with pytest.raises(StoreError, match="another run is writing it"), open_store(path, plan, resume=True):
            pass
        with pytest.raises(StoreError, match="another run is writing it"), open_store(path, plan, resume=True):
            pass


@pytest.fixture(scope="module")
def finished(made, plan, tmp_path_factory):
    path = tmp_path_factory.mktemp("finished") / "c.sqlite"
    stored(path, plan, judges=lambda *_: (found for found in enumerate(made[1])))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 6}, "seed is 5 there, 6 here"),
        ({"cases": 151}, "cases is 84 there, 151 here"),
        ({"timeout": 3.0}, "timeout is 0x1.4000000000000p+3 there, 0x1.8000000000000p+1 here"),
        ({"reading": "closed"}, "reading is per-input there, closed here"),
        ({"families": FEW[:1]}, "families is scales, specials there, scales here"),
        ({"kernels": (kernel_named("softmax.naive"),)}, "softmax.naive here"),
    ],
)
def test_a_campaign_is_not_gone_on_with_as_another_one(finished, plan, change, message):
    with pytest.raises(StoreError) as caught, open_store(finished, dataclasses.replace(plan, **change), True):
        pass
    assert "another campaign is in this file: " in str(caught.value)
    assert message in str(caught.value)


def test_a_kernel_that_was_edited_is_another_kernel(plan, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def softmax(x): return x")
    mine = dataclasses.replace(plan, kernels=(kernel_named(f"{path}:softmax"),))
    before = plan_data(mine)
    path.write_text("def softmax(x): return -x")
    where, _, _ = difference(before, plan_data(mine))
    assert where == f"kernels: {path}:softmax: made of"


def test_a_plan_is_the_same_after_json(plan):
    assert plan_from(plan_data(plan)) == plan
    assert difference(plan_data(plan), plan_data(plan)) is None


@pytest.mark.parametrize("of", ["kernel", "family"])
def test_objects_of_this_process_are_not_kept(plan, of, tmp_path):
    mine = {
        "kernel": {"kernels": (Kernel("mine", "softmax", lambda x: x),)},
        "family": {"families": (Adversary("halves", "", lambda d: np.full((1, 2), 0.5)),)},
    }
    with (
        pytest.raises(ValueError, match="an object of this process cannot be told to another one"),
        open_store(tmp_path / "c.sqlite", dataclasses.replace(plan, **mine[of])),
    ):
        pass
    assert not list(tmp_path.iterdir())


def _text(path):
    path.write_text("kernel,outcome\n" * 1000)


def _other(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE shard (number INTEGER)")


def _newer(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 9")


def _halved(path):
    os.truncate(path, path.stat().st_size // 2)


def _scribbled(path):
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 3 + 200] = bytes(200)
    path.write_bytes(content)


def _changed(statement, *values):
    def change(path):
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(statement, values)

    return change


_NESTED = zlib.compress(b"[" * 100_000)
_BOMB = zlib.compress(bytes(1 << 29))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (_text, "a campaign as --store keeps it is required (is it damaged?): file is not a database"),
        (_other, "a campaign as --store keeps it is required, got another SQLite database"),
        (_newer, "a campaign of version 1 is required, got 9: a newer shiftproof made it"),
        (_halved, "(is it damaged?)"),
        (_scribbled, "damaged"),
        (_changed("DROP TABLE finding"), "the file is damaged: its table finding"),
        (_changed("UPDATE plan SET data = 'x'"), "the plan is damaged"),
        (_changed("UPDATE plan SET withdrawn = '[1]'"), "first contact is damaged"),
        (_changed("UPDATE shard SET first = 1 WHERE number = 2"), "shard 2 is damaged"),
        (_changed("UPDATE shard SET tallies = x'00' WHERE number = 1"), "shard 1 is damaged"),
        (_changed("UPDATE shard SET tallies = ? WHERE number = 1", _NESTED), "shard 1 is damaged: no tallies"),
        (
            _changed("UPDATE shard SET tallies = ? WHERE number = 1", _BOMB),
            "shard 1 is damaged: it is cut off, or longer",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_file_that_is_not_ours_or_damaged_is_refused_in_one_line(finished, plan, harm, message, tmp_path):
    path = tmp_path / "c.sqlite"
    if harm is not _other:
        path.write_bytes(finished.read_bytes())
    harm(path)
    with pytest.raises(StoreError) as caught:
        stored(path, plan, resume=True, judges=nobody)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_shard_of_other_kernels_standards_or_counts_is_refused(finished, made, plan, tmp_path):
    shards, tallies, _ = made
    text = tallies_text(tallies[0])
    for old, new in (
        ('"softmax.naive":{', '"softmax.nice":{'),
        ('"correct":{"counts"', '"best":{"counts"'),
        ('"counts":[', '"counts":[1'),
    ):
        assert old in text
        path = tmp_path / "c.sqlite"
        path.write_bytes(finished.read_bytes())
        other = zlib.compress(text.replace(old, new, 1).encode())
        _changed("UPDATE shard SET tallies = ? WHERE number = 0", other)(path)
        with open_store(path, plan, True) as store, pytest.raises(StoreError, match="shard 0 is damaged"):
            store.kept(0, shards[0])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"verdicts":[],"kernels":{"a":{"b":{}}}}',
        '{"verdicts":[[]],"kernels":{}}',
        '{"verdicts":[],"kernels":{"a":3}}',
    ],
)
def test_what_is_no_tallies_is_refused(text):
    with pytest.raises(ValueError, match="no tallies"):
        read_tallies(text)


def test_no_count_or_number_of_the_tallies_may_be_of_another_kind(made):
    text = tallies_text(made[1][0])
    for pattern, other in (
        (r'"gross":\d+', '"gross":-1'),
        (r'"gross":\d+', '"gross":true'),
        (r'"worst":\d+', '"worst":99999'),
        (r'"counts":\[\d+', '"counts":[1.5'),
        (r'"EXCEEDS"', '"FINE"'),
        (r'"0x1\.[0-9a-f]+p[+-]\d+"', '"os.system"'),
    ):
        changed, times = re.subn(pattern, other, text, count=1)
        assert times == 1, pattern
        with pytest.raises(ValueError, match="no tallies"):
            read_tallies(changed)


def test_an_empty_file_is_a_new_one_and_folders_are_told_apart(made, plan, tmp_path):
    path = tmp_path / "c.sqlite"
    path.touch()
    assert stored(path, plan, judges=lambda *_: (found for found in enumerate(made[1]))) == made[2]
    for bad in (tmp_path, tmp_path / "none" / "c.sqlite"):
        with pytest.raises(StoreError, match="a file in an existing folder is required"), open_store(bad, plan):
            pass
    with (
        pytest.raises(StoreError, match="a file in a folder that can be written is required"),
        open_store(Path("/proc/c.sqlite"), plan),
    ):
        pass


def test_a_kernel_that_cannot_be_loaded_leaves_the_file_free_for_its_mended_self(plan, tmp_path):
    kernel, path = tmp_path / "mine.py", tmp_path / "c.sqlite"
    kernel.write_text("def softmax(x) return x")
    mine = dataclasses.replace(plan, kernels=(kernel_named(f"{kernel}:softmax"),), cases=3)
    with pytest.raises(ValueError, match="SyntaxError"):
        stored(path, mine)
    kernel.write_text("def softmax(x): return x")
    assert stored(path, mine) == text_of(run_campaign(mine))


def _without_room(path, plan, shards, tallies, said):
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
    try:
        with open_store(path, plan) as store:
            store.keep_met(Met(frozenset(), {}))
            for number, shard in enumerate(shards):
                store.keep(number, shard, tallies[number])
    except StoreError as error:
        said.send(str(error))


def test_a_full_disk_is_one_line_and_what_was_kept_is_gone_on_with(made, plan, tmp_path):
    shards, tallies, wanted = made
    path = tmp_path / "c.sqlite"
    ours, theirs = process_context().Pipe()
    _in_a_child(_without_room, path, plan, shards, tallies, theirs).join()
    assert re.search("it cannot be written: what is there is kept, and --resume goes on: .*(full|I/O)", ours.recv())
    asked = []

    def rest(_plan, _withdrawn, missing):
        asked.extend(missing)
        yield from ((number, tallies[number]) for number, _ in missing)

    assert stored(path, plan, resume=True, judges=rest) == wanted
    assert 0 < len(asked) <= len(shards)


class TestCommand:
    """The options of `verify`."""

    ARGUMENTS = ("verify", "logsumexp.shifted", "--family", "scales", "--cases", "20", "--jobs", "1")

    @pytest.fixture
    def run(self, capsys):
        def command(*arguments):
            with pytest.raises(SystemExit) as ended:
                main([*self.ARGUMENTS, *map(str, arguments)])
            out, err = capsys.readouterr()
            return ended.value.code, out, err

        return command

    def test_a_second_campaign_needs_a_name_of_its_own_or_resume(self, run, tmp_path):
        store = tmp_path / "c.sqlite"
        code, first, _ = run("--store", store)
        assert code == 0
        code, out, err = run("--store", store)
        assert (code, out) == (2, "")
        assert err == (f"shiftproof: error: {store}: a campaign is in this file already: --resume goes on with it, "
                       "another name begins a new one\n")  # fmt: skip
        assert run("--store", store, "--resume")[:2] == (0, first)

    def test_what_resume_goes_on_with_must_be_named(self, run):
        code, _, err = run("--resume")
        assert code == 2
        assert "--store FILE is required" in err

    def test_jobs_are_of_this_machine_and_not_of_a_cluster(self, run):
        code, _, err = run("--scheduler", "127.0.0.1:1")
        assert code == 2
        assert "one of --jobs (on this machine) and --scheduler (on a cluster) is required, got both" in err

    def test_libraries_are_not_kept(self, run, tmp_path, capsys):
        with pytest.raises(SystemExit) as ended:
            main(["verify", "--library", "numpy", "--store", str(tmp_path / "c.sqlite")])
        assert ended.value.code == 2
        assert "it takes no store" in capsys.readouterr().err


def test_an_interrupt_says_how_to_go_on_and_going_on_gives_the_record(tmp_path):
    command = [sys.executable, "-c", "from shiftproof.cli import main; main()", "verify", "logsumexp.shifted"]
    command += ["--family", "scales", "--family", "gaps", "--cases", "240", "--jobs", "2"]
    kept = ["--store", "c.sqlite", "--json"]
    run = subprocess.Popen([*command, *kept, "1.json"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "c.sqlite").exists() or not _shards_in(tmp_path / "c.sqlite"):
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 130
    assert err.splitlines()[-1] == (
        "shiftproof: error: interrupted; c.sqlite has what was judged: the same with --resume goes on"
    )
    before = _shards_in(tmp_path / "c.sqlite")
    assert 0 < before < 6
    subprocess.run([*command, *kept, "2.json", "--resume"], cwd=tmp_path, check=True, capture_output=True)
    subprocess.run([*command, "--json", "3.json"], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "2.json").read_bytes() == (tmp_path / "3.json").read_bytes()
    assert not (tmp_path / "1.json").exists()


def _shards_in(path):
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT count(*) FROM shard").fetchone()[0]
    return 0


def test_shards_are_told_by_their_place_in_the_plan(plan, finished):
    with open_store(finished, plan, True) as store, pytest.raises(StoreError, match="shard 0 is damaged"):
        store.kept(0, Shard(1, "vector", 0, 40))
