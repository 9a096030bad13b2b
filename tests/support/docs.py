"""The pages of the documentation, and the code blocks in them."""

import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = [ROOT / "docs", ROOT / "docs/api", ROOT / "docs/decisions"]
DOCS = sorted(page for folder in FOLDERS for page in folder.glob("*.md"))
PAGES = [ROOT / "README.md", *DOCS]
BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)


def blocks(page, language):
    """The blocks of a page, those in lists included."""
    found = BLOCK.findall(page.read_text())
    return [textwrap.dedent(code) for kind, code in found if kind == language]


def files(page):
    """The files that a page brings: a block behind a line that ends with the file's name."""
    found = re.findall(rf"`([\w.-]+\.\w+)`:\n\n{BLOCK.pattern}", page.read_text(), BLOCK.flags)
    return {name: text for name, _, text in found}


def ids_of(pages):
    return [str(page.relative_to(ROOT)) for page in pages]
