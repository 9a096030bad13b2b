"""A Jinja sandbox whose templates cannot take much memory or time.

Each rendering has a budget of characters; loop steps, calls and filters have a fixed price. What
could grow by more than the text it is made of is estimated before it is built: Python cannot be
stopped while it builds a string.
"""

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, wraps
from typing import Any, Final

from jinja2 import StrictUndefined, Template, Undefined, nodes
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

__all__ = ["LIMIT", "LimitedEnvironment", "TooExpensiveError"]

_MAX_CHARACTERS: Final = 10_000_000
_STEP: Final = 500
_MAX_BITS: Final = 1 << 15
LIMIT: Final = (
    f"a template that needs at most {_MAX_CHARACTERS:,} characters and "
    f"{_MAX_CHARACTERS // _STEP:,} steps"
)

# Methods and filters whose result grows with the numbers, or the texts, that they are given.
_GROWS_BY_NUMBER: Final = frozenset(
    {"batch", "center", "expandtabs", "indent", "ljust", "rjust", "round", "slice", "to_bytes"}
) | {"tojson", "wordwrap", "zfill"}
_GROWS_BY_TEXT: Final = frozenset({"join", "replace", "translate", "urlize", "xmlattr"})
_FORMATS: Final = frozenset({"format", "format_map"})
_GROWING: Final = _GROWS_BY_NUMBER | _GROWS_BY_TEXT | _FORMATS
_WIDTH: Final = re.compile(r"(?:%[^a-zA-Z%]*?|\{[^{}]*:[^{}]*?)([0-9]{5,})")
_COMPUTED_WIDTH: Final = re.compile(r"%[^a-zA-Z%]*\*|:[^{}]*\{")

_TEXTS: Final = frozenset({str, bytes})
_SIZED: Final = _TEXTS | {list, tuple, dict}
_NUMBERS: Final = frozenset({int, float})
_COLLECTIONS: Final = (list, tuple, set, frozenset)
_RECEIVERS: Final = _TEXTS | {int, bool}

# Filters that the syntax tree gets; no template can name them.
_STEPS: Final = " steps"
_CONCAT: Final = " concat"
_LITERAL: Final = " literal"


class TooExpensiveError(Exception):
    """A template needs more than its budget."""


class LimitedEnvironment(ImmutableSandboxedEnvironment):
    """The environment of templates that see nothing but a row."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, finalize: Callable[[object], object]) -> None:
        super().__init__(
            undefined=StrictUndefined,
            autoescape=False,
            keep_trailing_newline=True,
            finalize=lambda value: value if isinstance(value, Undefined) else finalize(value),
        )
        self._left = _MAX_CHARACTERS
        self._turn = threading.RLock()
        self.globals.clear()  # else `{{ range }}` would hide a missing column
        del self.filters["random"]  # a resumed job must build the same messages
        self.filters = {
            name: self._estimated(name, each) if name in _GROWING else self._counted(each)
            for name, each in self.filters.items()
        } | {_STEPS: self._steps, _CONCAT: self._concat, _LITERAL: self._literal}
        setattr(self, "concat", self._join)  # noqa: B010 - a method by its type

    def compile_text(self, source: str) -> Template:
        """Compile a template.

        Raises:
            TemplateSyntaxError: The source is not a template.
        """
        with self._turn:
            self._left = _MAX_CHARACTERS  # constant filters run now
            return self.from_string(_Limits().visit(self.parse(source)))

    def fill_in(self, template: Template, variables: Mapping[str, Any]) -> str:
        """Render a template.

        Raises:
            TooExpensiveError: It takes too many characters or steps.
        """
        with self._turn:
            self._left = _MAX_CHARACTERS
            return template.render(variables)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002
        """Apply an operator, unless the result would be too large."""
        kind = type(left)
        if kind is int and type(right) is int:
            self._check_int(operator, left, right)
        elif operator == "%" and kind in _TEXTS:
            self._check(_formatted(left, right))
        elif operator == "*":
            self._check(_size(left) * right if type(right) is int else 0)
            self._check(_size(right) * left if kind is int else 0)
        elif kind in _SIZED:
            self._check(len(left) + _length(right))
        result = self.binop_table[operator](left, right)
        if type(result) in _SIZED:
            self._spend(len(result))
        return result

    def call(self, context: Context, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function or a method, unless the result would be too large."""
        self._spend(_STEP)
        if args or kwargs:
            if isinstance(function, LoopContext):  # the next level of a recursive loop
                args = tuple(map(self._steps, args))
            else:
                self._spend(_size((args, kwargs)))
            method = getattr(function, "__wrapped__", function)  # Jinja wraps `str.format`
            receiver, name = getattr(method, "__self__", None), getattr(method, "__name__", "")
            if type(receiver) in _RECEIVERS and name in _GROWING:
                args = self._checked(name, receiver, args, kwargs)
        result = super().call(context, function, *args, **kwargs)
        if type(result) in _SIZED:
            self._spend(len(result))
        return result

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a filter that pays for its value and its result."""
        first = 1 if hasattr(function, "jinja_pass_arg") else 0

        @wraps(function)
        def counted(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            value, cost = args[first], _STEP
            if type(value) in _SIZED:
                cost += len(value)
            if type(result) in _SIZED:
                cost += len(result)
            self._spend(cost)
            return result

        return counted

    def _estimated(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a filter whose result is estimated first."""
        first = 1 if hasattr(function, "jinja_pass_arg") else 0
        counted = self._counted(function)

        @wraps(function)
        def estimated(*args: Any, **kwargs: Any) -> Any:
            value = args[first]
            if isinstance(value, Iterator):
                value = list(self._steps(value))
            rest = self._checked(name, value, args[first + 1 :], kwargs)
            return counted(*args[:first], value, *rest, **kwargs)

        return estimated

    def _checked(
        self, name: str, value: Any, args: Iterable[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Any, ...]:
        """Check the size of a result, and return the arguments, with iterators as lists."""
        args = tuple(
            list(self._steps(each)) if isinstance(each, Iterator) else each for each in args
        )
        given = (args, kwargs)
        if name in _FORMATS:
            self._check(_formatted(value, given))
        else:
            self._check((1 + _size(value)) * _size(given, numbers=name in _GROWS_BY_NUMBER))
        return args

    def _check_int(self, operator: str, left: int, right: int) -> None:
        bits = left.bit_length()
        if operator == "**":
            bits *= right
        elif operator == "*":
            bits += right.bit_length()
        if bits > _MAX_BITS:
            raise TooExpensiveError

    def _check(self, characters: int) -> None:
        if characters > self._left:
            raise TooExpensiveError

    def _spend(self, characters: int) -> None:
        self._left -= characters
        if self._left < 0:
            raise TooExpensiveError

    def _steps(self, value: Any) -> Iterable[Any]:
        """Return the items that a loop goes over, after paying for its steps."""
        if type(value) not in _SIZED:
            return self._paid_steps(value)
        self._spend(_STEP * len(value))
        items: Iterable[Any] = value
        return items

    def _paid_steps(self, value: Iterable[Any]) -> Iterator[Any]:
        for each in value:
            self._spend(_STEP)
            yield each

    def _concat(self, values: list[Any]) -> str:
        return self._join(map(str, values))

    def _literal(self, value: Any) -> Any:
        self._check(_size(value))
        return value

    def _join(self, pieces: Iterable[str]) -> str:
        parts = [*pieces]
        self._spend(sum(map(len, parts)))
        return "".join(parts)


class _Limits(NodeTransformer):
    """Puts filters around everything in a template that may grow and that no hook sees."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - a node's name
        self.generic_visit(node)
        node.iter = _filtered(node.iter, _STEPS)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), _CONCAT)

    def visit_List(self, node: nodes.List | nodes.Tuple | nodes.Dict) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        is_target = getattr(node, "ctx", "load") != "load"
        if is_target or node.find(nodes.Name) is None:
            return node
        return _filtered(node, _LITERAL)

    visit_Tuple = visit_Dict = visit_List  # noqa: N815


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _length(value: Any) -> int:
    return len(value) if type(value) in _SIZED else 0


def _size(value: Any, *, numbers: bool = False) -> int:
    """Count the characters and items in a value; with `numbers`, integers count as what they are.

    Stops above the limit: values may hold each other many times over.
    """
    size, left = 0, [value]
    while left and size <= _MAX_CHARACTERS:
        each = left.pop()
        size += 1
        kind = type(each)
        if kind in _TEXTS:
            size += len(each)
        elif kind is int:
            size += max(each, 0) if numbers else 0
        elif isinstance(each, _COLLECTIONS):
            left += each
        elif isinstance(each, Mapping):
            left += each
            left += each.values()
    return size


def _formatted(pattern: Any, values: object) -> int:
    """Return the most characters that a formatted text may have."""
    characters, fields, is_computed = _analyze(str(pattern))
    size = 1 if type(values) in _NUMBERS else _size(values, numbers=is_computed)
    return characters + (1 + fields) * size


@lru_cache
def _analyze(pattern: str) -> tuple[int, int, bool]:
    """Return a format's characters and widths, its fields, and whether values give widths."""
    pattern = pattern.replace("%%", " ")
    widths = sum(map(int, _WIDTH.findall(pattern)))
    fields = pattern.count("%") + pattern.count("{")
    return len(pattern) + widths, fields, _COMPUTED_WIDTH.search(pattern) is not None
