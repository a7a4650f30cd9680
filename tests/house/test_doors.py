"""Owns: the rule that files have one door, ``streamz_core.log.files``, and that broad excepts say why."""

import ast

import pytest

from tests.house.sources import exceptions, package_sources

DOOR = "streamz_core/log/files.py"
MODULES_THAT_TOUCH_FILES = {"shutil", "tempfile", "mmap", "fcntl", "glob", "fileinput", "linecache"}
CALLS_OF_OS_THAT_DO_NOT = {
    "fspath",
    "getenv",
    "getpid",
    "register_at_fork",
    "strerror",
    "urandom",
    "cpu_count",
    "isatty",
    "kill",
    "get_terminal_size",
    "process_cpu_count",
    "sched_getaffinity",
    "_exit",
}
PATHS_OF_OS_THAT_DO_NOT = {
    "join",
    "basename",
    "dirname",
    "normpath",
    "split",
    "splitext",
    "isabs",
    "expanduser",
}
PATH_METHODS = {
    "read_text",
    "write_text",
    "read_bytes",
    "write_bytes",
    "iterdir",
    "rglob",
    "hardlink_to",
    "symlink_to",
}


def file_calls(tree: ast.AST):
    """Every call below ``tree`` that touches the operating system's files, as it stands and its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            )
            yield from ((name, node.lineno) for name in names if name in MODULES_THAT_TOUCH_FILES)
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        last = called.rpartition(".")[2]
        touches = (
            called in ("open", "io.open")
            or (called.startswith("os.path.") and last not in PATHS_OF_OS_THAT_DO_NOT)
            or (called.startswith("os.") and called.count(".") == 1 and last not in CALLS_OF_OS_THAT_DO_NOT)
            or (isinstance(node.func, ast.Attribute) and last in PATH_METHODS)
        )
        if touches:
            yield called, node.lineno


def test_files_are_touched_through_their_door_only():
    strays = [
        f"{source.path}:{line} {called}"
        for source in package_sources()
        if source.path != DOOR and source.path not in exceptions("files")
        for called, line in file_calls(source.tree)
    ]

    assert strays == [], f"ask the injected log.files.Files: {strays}"


def test_every_exception_is_still_needed():
    known = {source.path: source for source in package_sources()}
    idle = [path for path in exceptions("files") if path in known and not any(file_calls(known[path].tree))]

    assert idle == [], f"no longer needed in tests/house/exceptions.toml: {idle}"


@pytest.mark.parametrize(
    "code",
    [
        "open('x')",
        "import os\nos.remove('x')",
        "os.path.exists('x')",
        "import shutil",
        "Path('x').read_text()",
    ],
)
def test_the_rule_sees_what_it_forbids(code):
    assert list(file_calls(ast.parse(code)))


@pytest.mark.parametrize(
    "code", ["os.getpid()", "os.path.join('a', 'b')", "files.open('x')", "async def open(): ..."]
)
def test_the_rule_lets_pass_what_it_allows(code):
    assert not list(file_calls(ast.parse(code)))


def test_a_broad_except_gives_its_reason():
    """``except Exception`` belongs to supervised boundaries, and a comment beside it says why this is one.

    A handler that raises translates an error at a door and needs no excuse.
    """
    unexplained = []
    for source in package_sources():
        lines = source.text.splitlines()
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.ExceptHandler) or not (node.type is None or is_broad(node.type)):
                continue
            if any(isinstance(inner, ast.Raise) for inner in node.body):
                continue
            near = lines[node.lineno - 2 : node.lineno + 1]
            if not any("#" in line for line in near):
                unexplained.append(f"{source.path}:{node.lineno}")

    assert unexplained == [], f"catch what can be handled, or say why everything is: {unexplained}"


def is_broad(kind: ast.expr) -> bool:
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(ast.unparse(one) in ("Exception", "BaseException") for one in kinds)
