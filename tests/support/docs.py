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


FILE = re.compile(r"`(Dockerfile|[\w-]+\.(?:csv|dg|json|txt))`:\n\n\Z")


def steps(page):
    """Each block of a page: its kind, its text, and the file that the words before it name."""
    text = page.read_text()
    for block in BLOCK.finditer(text):
        file = FILE.search(text[: block.start()])
        yield block[1], textwrap.dedent(block[2]), file and file[1]


def ids_of(pages):
    return [str(page.relative_to(ROOT)) for page in pages]
