"""The project file: every key known, every mistake named with its line."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from docreview.config import FILE, read_config, write_config
from docreview.errors import NewerVersion, ProjectError
from docreview.types import Question

GOOD = """\
[questions.relevant]
labels = ["yes", "no"]
target = "yes"
"""


def project(folder: Path, text: str) -> Path:
    (folder / FILE).write_text(text, "utf-8")
    return folder


def test_what_new_writes_can_be_read(tmp_path: Path) -> None:
    question = Question("ist es\nwahr?", ('ja "doch"', "nein\\", "ye\u2028s"), 'Say "yes"\tor\x07 no.', target="nein\\")
    write_config(tmp_path, question, "de", 'a "model"')
    config = read_config(tmp_path)
    assert config.questions[question.name].question == question
    assert config.language == "de"
    assert config.views["semantic"]["embedder"]["model"] == 'a "model"'


def test_an_existing_project_is_not_overwritten(tmp_path: Path) -> None:
    project(tmp_path, GOOD)
    with pytest.raises(ProjectError, match="is there already"):
        write_config(tmp_path, Question("q", ("a", "b")))
    assert (tmp_path / FILE).read_text("utf-8") == GOOD


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="no limit of file sizes")
def test_a_project_file_that_cannot_be_written_leaves_none(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Python ignores SIGXFSZ: beyond the limit, writing fails as on a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(ProjectError, match="cannot be written: File too large"):
            write_config(tmp_path / "new", Question("q", ("a", "b")))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((tmp_path / "new").iterdir()) == []


def test_what_is_no_unicode_makes_no_project(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="no valid Unicode"):
        write_config(tmp_path / "new", Question("q", ("a", "\udcff")))
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ProjectError, match=r"cannot make a project in .*: Not a directory"):
        write_config(tmp_path / "file" / "new", Question("q", ("a", "b")))
    with pytest.raises(ProjectError, match=r"cannot make a project in .*: File exists"):
        write_config(tmp_path / "file", Question("q", ("a", "b")))


def test_defaults_make_a_small_file_enough(tmp_path: Path) -> None:
    config = read_config(project(tmp_path, GOOD))
    assert list(config.views) == ["lexical", "semantic"]
    assert config.text_processors == ("nfc",)
    assert config.questions["relevant"].review == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "needs a question"),
        (GOOD + "tagret = 'no'\n", r"line 4: unknown key 'tagret' in \[questions.relevant\]. Did you mean 'target'\?"),
        (
            GOOD + "batch_size = 'many'\n",
            "line 4: 'questions.relevant.batch_size' must be a whole number or a list, got 'many'",
        ),
        (GOOD + "batch_size = 0\n", "line 4: 'batch_size' in .* must be at least 1, got 0"),
        (GOOD + "batch_size = true\n", "must be a whole number or a list, got True"),
        (GOOD.replace('target = "yes"', 'target = "yse"'), "target 'yse' is none of its labels. Did you mean 'yes'"),
        (GOOD.replace('"yes", "no"', '"yes"'), "at least two"),
        (GOOD.replace('"yes", "no"', '"yes", "no", "yes"'), "names a label twice"),
        (GOOD.replace("labels", "label"), "unknown key 'label'.*Did you mean 'labels'"),
        ("[corpsu]\n" + GOOD, r"line 1: unknown key 'corpsu' at the top level. Did you mean 'corpus'\?"),
        ("format = 1\nformat = 2\n", "not valid TOML"),
        ("format = 1\nx = " + "[" * 5000, "not valid TOML: .* too deep"),
        (GOOD.replace('["yes", "no"]', '[["yes"], ["no"]]'), "line 2: .* a label must be a non-empty string"),
        ("views = {}\n" + GOOD, "at least one view"),
        (GOOD + "[index]\nneighbors = 'many'\n", "line 5: 'index.neighbors' must be a whole number, got 'many'"),
        (GOOD + "[index]\nneighbors = 0\n", r"line 5: 'neighbors' in \[index\] must be at least 1, got 0"),
        (GOOD + "[index]\nname = 3\n", "line 5: 'index.name' must be a text, got 3"),
        (GOOD + "[plugins]\nfile = ['a.py']\n", r"line 5: unknown key 'file' in \[plugins\]. Did you mean 'files'"),
        (GOOD + "[plugins]\nfiles = [3]\n", "line 5: 'plugins.files' must be a text, got 3"),
        (GOOD + "[plugins]\ntime_limit = 0\n", r"line 5: 'time_limit' in \[plugins\] must be greater than 0 and at"),
        (GOOD + "batch_size = [[1, 5]]\n", "line 4: the steps of 'batch_size' .* must be like"),
        (GOOD + "batch_size = [[0, 5], [0, 9]]\n", "line 4: the steps of 'batch_size' .* must be like"),
        (GOOD + "batch_size = [[0, 5], [100, 0]]\n", "line 4: the steps of 'batch_size' .* must be like"),
        (GOOD + "batch_size = [3]\n", "line 4: the steps of 'batch_size' .* must be like"),
        (GOOD + "query_strategy = {name = 'density-mmr', beta = nan}\n", "line 4: 'beta' must be .* finite"),
        (GOOD + "stopping_rule = {name = 'budget', labels = 2030-01-01}\n", "'labels' must be .* got 2030-01-01"),
    ],
)
def test_a_mistake_is_one_line_that_names_file_and_key(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ProjectError, match=says) as caught:
        read_config(project(tmp_path, text))
    assert str(tmp_path / FILE) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_encodings_of_the_project_file(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(GOOD, "utf-8-sig")  # as Windows' editors save it
    assert list(read_config(tmp_path).questions) == ["relevant"]
    (tmp_path / FILE).write_text(GOOD + 'prompt = "où?"', "latin-1")
    with pytest.raises(ProjectError, match="line 4: not UTF-8"):
        read_config(tmp_path)


def test_a_file_is_not_a_project(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text")
    with pytest.raises(ProjectError, match=r"a\.csv is not a docreview project"):
        read_config(tmp_path / "a.csv")


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NewerVersion, match="upgrade docreview"):
        read_config(project(tmp_path, "format = 99\nsomething_new = 1\n" + GOOD))


def test_a_folder_without_a_file_is_not_a_project(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"not a docreview project.*docreview new"):
        read_config(tmp_path)
