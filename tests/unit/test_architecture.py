"""The rules of docs/architecture.md: what may import what."""

import ast
import re
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "cliq_async"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}
OPTIONAL = {"click", "rich", "redis", "opentelemetry", "jinja2", "keyring"}


@cache
def imported(module, *, late=False):
    """What a module imports when it is itself imported; `late` adds what its functions import."""
    found = set()

    def look(body):
        for node in body:
            match node:
                case ast.Import(names=names):
                    found.update(each.name for each in names)
                case ast.ImportFrom(module=str(source), names=names):
                    whole = [f"{source}.{each.name}" for each in names]
                    found.update(each if each in MODULES else source for each in whole)
                case ast.FunctionDef() | ast.AsyncFunctionDef() if not late:
                    pass
                case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                    pass
                case _:
                    look(ast.iter_child_nodes(node))

    look(ast.parse(MODULES[module].read_text()).body)
    return frozenset(found)


def tops(module, **options):
    return {name.partition(".")[0] for name in imported(module, **options)}


PURE = [
    module
    for module in MODULES
    if re.fullmatch(
        r"cliq_async\.(models|sandbox\.validation)\..*"
        r"|cliq_async\.(endpoints|errors)"
        r"|cliq_async\.auth\.oauth"
        r"|cliq_async\.quota\.(adaptive|bucket|fair_share|model)"
        r"|cliq_async\.transport\.(dialect|protocol|retry|throttling)"
        r"|cliq_async\.bulk\.(batch|job_log|journal_reader|outcomes|report|template)"
        r"|cliq_async\.sandbox\.rate_limits",
        module,
    )
]


@pytest.mark.parametrize("module", PURE)
def test_what_decides_is_pure(module):
    assert tops(module, late=True) & {"asyncio", "aiohttp", "threading", "socket"} == set()


def test_the_rule_finds_the_files_it_is_about():
    assert len(PURE) > 30
    assert {
        "cliq_async.quota.bucket",
        "cliq_async.transport.protocol",
        "cliq_async.bulk.job_log",
    } <= set(PURE)


def test_aiohttp_is_known_to_few():
    known = {module for module in MODULES if "aiohttp" in tops(module, late=True)}
    elsewhere = {module for module in known if not module.startswith("cliq_async.sandbox.")}
    assert elsewhere == {
        "cliq_async.transport.aiohttp",
        "cliq_async.client",
        "cliq_async.cli.commands.demo",
        "cliq_async.cli.commands.demo_baseline",
        "cliq_async.cli.diagnostics.checks",
    }


def test_sandbox_shares_nothing_with_the_client_but_the_table():
    inside = [module for module in MODULES if module.startswith("cliq_async.sandbox")]
    shared = {
        name
        for module in inside
        for name in imported(module, late=True)
        if name.startswith("cliq_async") and not name.startswith("cliq_async.sandbox")
    }
    assert shared == {"cliq_async.endpoints", "cliq_async.storage.atomic"}


def test_importing_the_sdk_imports_no_optional_package():
    todo, seen = ["cliq_async"], set()
    while todo:
        module = todo.pop()
        if module in MODULES and module not in seen:
            seen.add(module)
            assert tops(module) & OPTIONAL == set(), module
            todo += imported(module)
    assert "cliq_async.transport.executor" in seen
    assert not any(module.startswith("cliq_async.cli.") for module in seen)


def test_imports_form_no_circle():
    graph = {module: {name for name in imported(module) if name in MODULES} for module in MODULES}
    order = list(TopologicalSorter(graph).static_order())
    assert set(order) == set(MODULES)


def test_files_that_the_page_names_are_there():
    page = (ROOT / "docs/architecture.md").read_text()
    named = set(re.findall(r"`((?:\w+/)*\w+\.(?:py|lua)|\w+/)`", page))
    assert len(named) > 25
    missing = [each for each in named if not ((PACKAGE / each).exists() or (ROOT / each).exists())]
    assert missing == []
