"""``docreview sentiment``: a project for sentiment, ready to take documents."""

from __future__ import annotations

import json
from pathlib import Path

import click

LABELS = ("positive", "neutral", "negative")


@click.group()
def sentiment() -> None:
    """Sentiment in languages with few resources.

    \b
    Example:
      docreview sentiment new hausa --words hausa-words.csv
    """


@sentiment.command("new")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--label", "labels", multiple=True, metavar="LABEL", help="A label; give two or more. Without: three.")
@click.option("--name", default="sentiment", metavar="NAME", help="Name of the question. Default: sentiment.")
@click.option("--prompt", default="What does the writer feel?", metavar="TEXT", help="What is asked of every document.")
@click.option(
    "--words",
    "word_list",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A list of words: in each line a word and what it stands for, such as 'nagode,positive'.",
)
@click.option("--language", default="xx", metavar="CODE", help="Language, as spaCy abbreviates it. Default: xx, any.")
@click.option(
    "--encoder",
    default="",
    metavar="MODEL",
    help="A sentence-transformers model that knows the language.",
)
def new(
    folder: Path, labels: tuple[str, ...], name: str, prompt: str, word_list: Path | None, language: str, encoder: str
) -> None:
    """Make a project for sentiment in FOLDER.

    Its views see words, runs of characters inside words, and the words of a list, where one is given: the list becomes
    part of the project file. There is no semantic view unless an encoder is named: one that was made for English takes
    words of other languages in Latin letters for what they look like.

    \b
    Example:
      docreview sentiment new hausa --words hausa-words.csv
      docreview add --project hausa tweets.csv
    """
    from docreview import Project, Question
    from docreview.errors import ProjectError
    from docreview_sentiment.word_lists import read_word_list

    question = Question(name, labels or LABELS, prompt)
    listed = {} if word_list is None else read_word_list(word_list)
    text = project_file(question.name, question.labels, prompt, listed, language, encoder)
    path = folder / "docreview.toml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ProjectError(f"{path} is there already: add documents to that project, or take another folder.") from None
    except OSError as error:
        raise ProjectError(f"cannot make a project in {folder}: {error.strerror or error}.") from error
    try:
        Project.open(folder).close()
    except BaseException:
        path.unlink()  # what cannot be opened is no project
        raise
    count = sum(map(len, listed.values()))
    seen = f", {count:,} words of a list" if listed else ""
    click.echo(f"Made {path}: words, characters{seen}{', meaning' if encoder else ''}.")
    click.echo(f"Next: docreview add --project {folder} FILE")


def project_file(
    name: str, labels: tuple[str, ...], prompt: str, listed: dict[str, list[str]], language: str, encoder: str
) -> str:
    """The text of `docreview.toml`."""
    parts = [
        "# A project for sentiment. After a change, the next docreview command uses it.\nformat = 1\n\n"
        f"[corpus]\nlanguage = {_toml(language)}\n"
        "# Mentions and links become one word each; how often a letter is repeated says something, and stays.\n"
        'text_processors = ["nfc", "links", "mentions"]\n\n'
        "[views.lexical]\n\n[views.characters]\n"
    ]
    if listed:
        rows = "".join(
            f"{_toml(meaning)} = [\n{''.join(f'    {_toml(word)},{chr(10)}' for word in own)}]\n"
            for meaning, own in listed.items()
        )
        parts.append(f"# What the words of the list stand for.\n[views.lexicon.words]\n{rows}")
    if encoder:
        parts.append(f'[views.semantic]\nembedder = {{ name = "sentence-transformers", model = {_toml(encoder)} }}\n')
    answers = ", ".join(map(_toml, labels))
    parts.append(
        f"[questions.{_toml(name)}]\nprompt = {_toml(prompt)}\nlabels = [{answers}]\nseed = 0\n"
        "# How many documents to draw blindly at the start and keep out of training, to measure the model on.\n"
        "validation = 0\n"
    )
    return "\n".join(parts)


def _toml(text: str) -> str:
    """A TOML basic string: JSON's, whose escapes TOML knows, with the one control character that JSON leaves."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
