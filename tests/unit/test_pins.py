"""The pins and the workflows match pyproject.toml: `make lock` makes the pins."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
GROUPS = PROJECT["dependency-groups"]
RUNTIME = [
    *PROJECT["project"]["dependencies"],
    *(each for extra in PROJECT["project"]["optional-dependencies"].values() for each in extra),
]


def wanted(*groups):
    """The requirements of some groups, without extras of the package itself."""
    lines = [*RUNTIME, *(line for group in groups for line in GROUPS[group])]
    found = [Requirement(line) for line in lines]
    return [each for each in found if each.name != "cliq-async"]


def pinned(name):
    """The versions in a file of pins, by the normal form of the package's name."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    pins = re.findall(r"^([\w.-]+)(?:\[.*\])?==([\w.]+)", text, re.MULTILINE)
    return {normal(package): Version(version) for package, version in pins}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize(
    ("name", "requirement"),
    [
        *(("dev", each) for each in wanted("dev", "docs", "examples")),
        *(("bench", each) for each in wanted("bench")),
    ],
    ids=lambda each: each if isinstance(each, str) else each.name,
)
def test_a_pin_is_within_the_bounds(name, requirement):
    assert pinned(name)[normal(requirement.name)] in requirement.specifier, "run `make lock`"


@pytest.mark.parametrize(
    "requirement", [Requirement(line) for line in RUNTIME], ids=lambda requirement: requirement.name
)
def test_the_oldest_versions_are_the_lowest_bounds(requirement):
    if requirement.name == "cliq-async":
        return
    (lowest,) = [each.version for each in requirement.specifier if each.operator == ">="]
    assert pinned("oldest")[normal(requirement.name)] == Version(lowest), "run `make lock`"


def test_the_workflow_runs_the_tests_on_every_python_and_system_of_the_classifiers():
    classifiers = PROJECT["project"]["classifiers"]
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    (matrix,) = re.findall(r"^ +python: \[(.*)\]$", workflow, re.MULTILINE)
    versions = re.findall(r"Python :: (3\.\d+)$", "\n".join(classifiers), re.MULTILINE)
    assert re.findall(r'"(.*?)"', matrix) == versions
    (oldest,) = re.findall(r"^>=(3\.\d+)$", PROJECT["project"]["requires-python"])
    assert versions[0] == oldest
    (systems,) = re.findall(r"^ +os: \[(.*)\]$", workflow, re.MULTILINE)
    assert systems == "ubuntu-latest, macos-latest, windows-latest"
    assert {"MacOS", "Microsoft :: Windows", "POSIX"} <= {
        each.removeprefix("Operating System :: ") for each in classifiers
    }
