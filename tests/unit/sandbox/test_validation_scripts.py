import pytest

from cliq_async.sandbox.validation import compiles


@pytest.mark.parametrize(
    "script",
    [
        "return Map();",
        'response = {"text": "a } in a text"};\nreturn response;',
        r'info "an escaped \" quote (";',
        "// an apostrophe in a comment isn't a quote (\nreturn 1;",
        "/* nor is one here: isn't { */ return 1;",
        "day = '2026-01-01 [';",
        'url = "https://example.com/(";',
        "if (a[0] == {1, 2}) { return 1; }",
        "",
    ],
)
def test_script_whose_parts_are_closed_compiles(script):
    assert compiles(script)


@pytest.mark.parametrize(
    "script",
    [
        "response = Map(;",
        "return {1, 2;",
        "return 1};",
        "return (1];",
        "([)]",
        'info "no end;',
        "info 'no end;",
        "/* no end",
        'info "a" + "b;',
    ],
)
def test_script_with_an_open_part_does_not_compile(script):
    assert not compiles(script)


def test_a_long_script_takes_no_long_time():
    for part in ("/*", '"', "'\\", "(", "//"):
        compiles(part * 120_000)
