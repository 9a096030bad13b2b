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
OPTIONAL = {"click", "rich", "redis", "opentelemetry", "jinja2", "keyring", "watchfiles"}


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
        r"|cliq_async\.deploy\.(actual|export|plan)"
        r"|cliq_async\.bulk\.(batch|job_log|journal_reader|outcomes|report|template)"
        r"|cliq_async\.webhooks\.(answers|http|parts|repetition|signature)"
        r"|cliq_async\.sandbox\.(algorithms|rate_limits)"
        r"|cliq_async\.sandbox\.events\.(answers|contexts|deliveries|payloads)",
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
        "cliq_async.cli.commands.sandbox_bot",
        "cliq_async.cli.commands.user",
        "cliq_async.cli.diagnostics.checks",
        "cliq_async.webhooks.aiohttp",
    }


LAYERS = [
    {"cli", "pytest_plugin"},
    {"deploy"},
    {"testing", "__init__"},
    {"sync", "webhooks"},
    {"client"},
    {"session"},
    {"bulk", "resources", "config"},
    {"auth"},
    {"transport"},
    {"quota", "sandbox"},
    {"storage", "models", "otel"},
    {"hooks", "endpoints", "data_centers"},
    {"clock", "errors", "_lazy", "_version"},
]
"""From the top down: a module imports from its own folder and from lower layers."""

LEVELS = {part: level for level, parts in enumerate(LAYERS) for part in parts}


def part_of(module):
    """The folder of a module in the package, or a module of the root."""
    return [*module.split("."), "__init__"][1]


def known_modules(module):
    return {name for name in imported(module, late=True) if name in MODULES}


def importers(pattern, *, outside):
    """The modules outside some parts of the package that import what the pattern names."""
    return {
        module
        for module in MODULES
        if part_of(module) not in outside
        and any(re.fullmatch(pattern, name) for name in known_modules(module))
    }


def test_imports_go_down():
    upwards = {
        f"{module} imports {name}"
        for module in MODULES
        for name in known_modules(module)
        if part_of(name) != part_of(module) and LEVELS[part_of(name)] <= LEVELS[part_of(module)]
    }
    assert upwards == set()


def test_every_part_of_the_package_has_a_layer():
    assert {part_of(module) for module in MODULES} == set(LEVELS)


def test_root_holds_what_a_program_opens_and_the_ground():
    assert len(list(PACKAGE.glob("*.py"))) <= 14


def test_transport_does_not_know_how_tokens_are_made():
    inside = {module for module in MODULES if part_of(module) == "transport"}
    assert inside & importers(r"cliq_async\.auth(\..*)?", outside=()) == set()


def test_only_transport_knows_the_dialect_of_a_server():
    pattern = r"cliq_async\.transport\.(dialect|negotiation)"
    assert importers(pattern, outside={"transport"}) <= {"cliq_async.client", "cliq_async.session"}


def test_sync_stands_above_the_client():
    pattern = r"cliq_async\.sync(\..*)?"
    assert importers(pattern, outside={"sync", "cli"}) == {"cliq_async"}


def test_webhooks_stand_above_the_client():
    pattern = r"cliq_async\.webhooks(\..*)?"
    assert importers(pattern, outside={"webhooks", "cli"}) == {
        "cliq_async.testing",
        "cliq_async.pytest_plugin",
    }


def test_sandbox_shares_nothing_with_the_client_but_the_table():
    inside = [module for module in MODULES if part_of(module) == "sandbox"]
    shared = {
        name
        for module in inside
        for name in imported(module, late=True)
        if name.startswith("cliq_async") and not name.startswith("cliq_async.sandbox")
    }
    assert shared == {"cliq_async.endpoints", "cliq_async.errors", "cliq_async.storage.atomic"}


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


def test_only_commands_know_bots_as_code():
    assert importers(r"cliq_async\.deploy(\..*)?", outside={"deploy", "cli"}) == set()


def test_imports_form_no_circle():
    graph = {module: {name for name in imported(module) if name in MODULES} for module in MODULES}
    order = list(TopologicalSorter(graph).static_order())
    assert set(order) == set(MODULES)


def test_files_that_the_page_names_are_there():
    page = (ROOT / "docs/architecture.md").read_text()
    named = set(re.findall(r"`((?:\w+/)*\w+\.(?:py|lua)|(?:\w+/)+)`", page))
    assert len(named) > 25
    missing = [each for each in named if not ((PACKAGE / each).exists() or (ROOT / each).exists())]
    assert missing == []


def test_picture_of_the_page_shows_every_part():
    (picture,) = re.findall(
        r"^```text\n(.*?)^```",
        (ROOT / "docs/architecture.md").read_text(),
        re.DOTALL | re.MULTILINE,
    )
    inside = set(re.findall(r"\b(?:\w+/)+", picture))
    assert {f"{part}/" for part in LEVELS if (PACKAGE / part).is_dir()} - inside == set()
    modules = {path.name for path in PACKAGE.glob("*.py") if not path.name.startswith("_")}
    assert modules - set(re.findall(r"\w+\.py", picture)) == set()
