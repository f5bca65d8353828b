"""A plugin to begin with: a distribution of one module whose code works, with its tests.

The templates beside this file are the files themselves, for `string.Template`: ``$name`` (kebab-case), ``$module``,
``$Class``, ``$function``. One module and one test for each kind, named by the kind's singular.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
import shutil
from importlib import resources
from pathlib import Path
from string import Template

from docreview.errors import DocreviewError
from docreview.registry import KINDS

#: what can be begun with: the singulars of the kinds, and ``command``
BEGINNINGS = (*KINDS.values(), "command")
#: what a module may import, and what its distribution then depends on
_PACKAGES = {"click": "click>=8.1", "numpy": "numpy>=2.1", "sklearn": "scikit-learn>=1.6"}
#: template -> where it goes; ``KIND`` stands for the kind
_FILES = {
    "KIND.py": "$module.py",
    "KIND_test.py": "tests/test_$function.py",
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "workflow.yml": ".github/workflows/test.yml",
    "gitignore": ".gitignore",
}


def scaffold(name: str, kind: str, folder: Path, version: str, use: str) -> list[Path]:
    """Write the distribution ``docreview-NAME`` into `folder`; return the files, the module first.

    `kind` is the singular of one (``query_strategy``), or ``command``; `version` that of docreview, from which on the
    plugin may be used; `use` says in the README how. Raises `DocreviewError` for a name that cannot be had and where
    the folder is there already; then nothing is left.
    """
    names = names_of(name)
    noun = kind.replace("_", " ")
    article = "An" if noun[0] in "aeiou" else "A"
    words = {**names, "noun": noun, "Article": article, "article": article.lower(), "use": use}
    texts = {source: _template(source.replace("KIND", kind)).substitute(words) for source in _FILES if "KIND" in source}
    for text in texts.values():
        _check_names(name, names["module"], text)
    words["dependencies"] = _dependencies(texts["KIND.py"], version)
    target = folder / f"docreview-{name}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target.mkdir()
    except FileExistsError:
        raise DocreviewError(f"{target} is there already: take another name, or another --folder.") from None
    except OSError as error:
        raise DocreviewError(f"cannot make {target}: {error.strerror or error}.") from error
    written = []
    try:
        for source, place in _FILES.items():
            path = target / Template(place).substitute(names)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(texts.get(source) or _template(source).substitute(words), "utf-8")
            written.append(path)
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise DocreviewError(f"cannot write to {target}: {error.strerror or error}.") from error
    return written


def names_of(name: str) -> dict[str, str]:
    """The names that follow from a plugin's; `DocreviewError` for one that cannot be had."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise DocreviewError(f"a plugin's name is in kebab-case, such as 'shortest-first', not '{name}'.")
    function = name.replace("-", "_")
    class_ = "".join(part.capitalize() for part in name.split("-"))
    for word in (function, class_):
        if keyword.iskeyword(word) or keyword.issoftkeyword(word) or hasattr(builtins, word):
            raise DocreviewError(f"'{word}' is a word of Python's own: take another name.")
    return {"name": name, "module": f"docreview_{function}", "function": function, "Class": class_}


def _template(name: str) -> Template:
    # .txt, so that no tool takes them for code of docreview's own
    return Template((resources.files(__package__) / f"{name}.txt").read_text("utf-8"))


def _check_names(name: str, module: str, text: str) -> None:
    """Refuse a name that the code uses for something else too: a class ``Path``, where `Path` is imported."""
    nodes = list(ast.walk(ast.parse(text)))
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    own = {a.name for node in imports if isinstance(node, ast.ImportFrom) and node.module == module for a in node.names}
    own |= {node.name for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.col_offset == 0}
    bound = [alias.asname or alias.name for node in imports for alias in node.names]
    bound += [node.name for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    bound += [node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    bound += [node.arg for node in nodes if isinstance(node, ast.arg)]
    if twice := [word for word in own if bound.count(word) > 1]:
        raise DocreviewError(f"'{name}' will not do, since the code uses '{twice[0]}' itself: take another name.")


def _dependencies(module: str, version: str) -> str:
    """The requirements of a module: docreview, and what it imports of `_PACKAGES`."""
    imported = set()
    for node in ast.walk(ast.parse(module)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.partition(".")[0])
    needed = [requirement for package, requirement in _PACKAGES.items() if package in imported]
    return ", ".join(f'"{requirement}"' for requirement in sorted([f"docreview>={version}", *needed]))
