"""Owns: the rule that documents lead somewhere: links, named tests, named files."""

import ast
import functools
import re
from pathlib import Path

import pytest

from tests.house.sources import ROOT, all_sources

DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "benchmarks/**/*.md")
    for path in ROOT.glob(pattern)
)
DECISIONS = [path for path in DOCUMENTS if path.parent.name == "decisions" and path.name != "README.md"]
PLACES = ("tests", "docs", "examples", "benchmarks", "streamz_core")
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
NAMED_FILE = re.compile(rf"`((?:{'|'.join(PLACES)})/[\w./-]+?)(?:::(\w+))?`")
CODE_BLOCK = re.compile(r"```.*?```", re.DOTALL)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> str:
    return CODE_BLOCK.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@functools.cache
def functions(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def is_there(path: str, function: str) -> bool:
    if not function:
        return (ROOT / path).exists() or (ROOT / f"{path}.py").exists()
    return (ROOT / path).is_file() and function in functions(path)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(document):
    broken = []
    for link in LINK.findall(prose(document)):
        path, _, anchor = link.partition("#")
        if link.startswith(("https://", "mailto:")):
            continue
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == [], f"{name_of(document)} links to what is not there: {broken}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_file_and_test_that_is_named_exists(document):
    missing = [named for named in NAMED_FILE.findall(prose(document)) if not is_there(*named)]

    assert missing == [], f"{name_of(document)} names what is not there: {missing}"


def test_every_document_that_code_names_exists():
    named = {
        (source.path, path)
        for source in all_sources()
        for path in re.findall(r"\bdocs/[\w/.-]+\.md\b", source.text)
    }

    assert named
    assert [place for place in named if not (ROOT / place[1]).exists()] == []


def test_every_promise_names_the_tests_that_hold_it():
    promises = re.split(r"^- ", (ROOT / "docs/contract.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[
        1:
    ]
    unheld = [promise for promise in promises if not re.search(r"`tests/[\w/]+\.py(::\w+)?`", promise)]

    assert len(promises) > 20
    assert unheld == [], f"no test holds: {unheld}"


@pytest.mark.parametrize("decision", DECISIONS, ids=name_of)
def test_every_decision_says_why_and_is_listed(decision):
    text = decision.read_text(encoding="utf-8")
    title = text.splitlines()[0].removeprefix("# ")

    assert "**Decision.**" in text
    assert "**Why.**" in text or "| why |" in text
    assert f"- [{title}]({decision.name})" in (decision.parent / "README.md").read_text(encoding="utf-8")
