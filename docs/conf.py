"""The settings of Sphinx, which turns the pages into HTML: `make docs`."""

import re
from pathlib import Path
from typing import Any, Final

from docutils.nodes import Element, TextElement
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

from cliq_async import __version__

project = "cliq_async"
author = "the authors of cliq_async"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build", "README.md"]  # which index.md includes
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_title = "cliq_async"
html_copy_source = False
html_show_copyright = html_show_sphinx = False

myst_heading_anchors = 3  # the anchors that GitHub gives to headings
suppress_warnings = ["myst.header"]  # a page of the reference may begin with a directive

default_role = "py:obj"  # `name` in a docstring is a link where there is something of that name
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # the attributes of a class stand in one list

nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!cliq_async\.).*"),  # what other packages have: their indexes are elsewhere
    ("py:.*", r".*\.\w*T"),  # type variables
]

_PICTURE: Final = re.compile(r"<!-- picture: ([\w-]+): (.+) -->")
_PICTURES: Final = "_build/screenshots"


def insert_pictures(_app: Sphinx, _name: str, source: list[str]) -> None:
    """Insert the pictures that screenshots.py has taken; without them, the pages have none."""
    source[0] = _PICTURE.sub(_picture, source[0])


def _picture(match: re.Match[str]) -> str:
    name, alt = match.groups()
    found = [(each, f"{_PICTURES}/{name}-{each}.png") for each in ("light", "dark")]
    return "\n".join(
        f"```{{image}} {path}\n:alt: {alt}\n:class: only-{scheme}\n```\n"
        for scheme, path in found
        if (Path(__file__).parent / path).exists()
    )


_SEARCH: Final = re.compile(r"^<!-- search: (.+) -->$", re.MULTILINE)


def insert_search_words(_app: Sphinx, _name: str, source: list[str]) -> None:
    """Put words into the index, so that the search finds the section first.

    The search leaves out numbers such as 429, and does not know that one page is the best for a
    word: only a main entry of the index comes before all pages that merely have the word.
    """
    source[0] = _SEARCH.sub(_entries, source[0])


def _entries(match: re.Match[str]) -> str:
    words = ", ".join(f"! {word}" for word in match[1].split(", "))
    return f"```{{index}} {words}\n```"


_FENCE: Final = re.compile(r"^( *)```(\w*)$")


def fences_to_directives(
    _app: Sphinx, _what: str, _name: str, _obj: object, _options: Any, lines: list[str]
) -> None:
    """Turn the fences around code in a docstring into directives."""
    inside = False
    made: list[str] = []
    for line in lines:
        fence = _FENCE.match(line)
        if fence is None:
            made.append(f"    {line}" if inside and line else line)
            continue
        inside = not inside
        made += [f"{fence[1]}.. code-block:: {fence[2] or 'text'}", ""] if inside else [""]
    lines[:] = made


def public_names(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: TextElement
) -> Element | None:
    """Link a name to its place in the reference, whichever module defines it."""
    if node.get("refdomain") != "py":
        return None
    target = str(node["reftarget"])
    known = env.domains.python_domain.objects
    for name in (f"cliq_async.{target}", f"cliq_async.{target.rpartition('.')[2]}"):
        if name in known:
            place = known[name]
            return make_refnode(app.builder, node["refdoc"], place.docname, place.node_id, contnode)
    # A word in a docstring that names nothing: show it as code, without a link.
    return contnode if node["reftype"] == "obj" else None


def setup(app: Sphinx) -> None:
    """Connect the functions to Sphinx's events."""
    app.connect("source-read", insert_pictures)
    app.connect("source-read", insert_search_words)
    app.connect("autodoc-process-docstring", fences_to_directives, priority=400)  # then napoleon
    app.connect("missing-reference", public_names)
