"""The items of a sandbox's chat, printed as people see them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cliq_async.cli.outputs.console import echo
from cliq_async.cli.text import clean, clean_lines

__all__ = ["print_items"]


def print_items(items: Iterable[Mapping[str, Any]]) -> None:
    """Print items on stdout."""
    for item in items:
        for line in _lines(item):
            echo(line)


def _lines(item: Mapping[str, Any]) -> Iterator[str]:
    kind, body = item["kind"], item["body"]
    match kind:
        case "banner":
            yield f"[{clean(body.get('status', 'success'))}] {clean(body['text'])}"
        case "form":
            yield f"form {clean(body['name'])}: {clean(body['title'])}"
            for each in body["inputs"]:
                yield f"  {clean(each.get('label', each.get('name', '?')))}: ____"
        case "edit":
            yield "edited:"
            yield from _message(body)
        case "preview":
            yield f"preview of {clean(body['url'])}"
        case "message" | "question":
            yield from _message(body)
        case _:
            yield f"{clean(kind)}: {clean(body)}"


def _message(body: Mapping[str, Any]) -> Iterator[str]:
    card = body.get("card", {})
    if title := card.get("title"):
        yield f"== {clean(title)} =="
    if text := body.get("text"):
        yield from clean_lines(text).split("\n")
    for section in card.get("sections", ()):
        yield from (f"  {clean(f['title'])}: {clean(f['value'])}" for f in section["fields"])
    yield from (f"  ( ) {clean(each['text'])}" for each in card.get("options", ()))
    for slide in body.get("slides", ()):
        yield from _slide(slide)
    buttons = [f"[{clean(each['label'])}]" for each in body.get("buttons", ())]
    listed = body.get("suggestions", {}).get("list", ())
    suggestions = [f"({clean(each['text'])})" for each in listed]
    if buttons or suggestions:
        yield " ".join([*buttons, *suggestions])


def _slide(slide: Mapping[str, Any]) -> Iterator[str]:
    if title := slide.get("title"):
        yield f"-- {clean(title)} --"
    data = slide["data"]
    match slide["type"]:
        case "table":
            headers = data["headers"]
            yield "  " + " | ".join(map(clean, headers))
            for row in data["rows"]:
                yield "  " + " | ".join(clean(row.get(name, "")) for name in headers)
        case "label":
            yield from (f"  {clean(each['label'])}: {clean(each['value'])}" for each in data)
        case "text":
            yield from (f"  {line}" for line in clean_lines(data).split("\n"))
        case _:
            yield from (f"  - {clean(each)}" for each in data)
