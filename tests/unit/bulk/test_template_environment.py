"""Templates that would take much memory or time are stopped; all others stay as Jinja has them."""

import re
import threading
import time
import tracemalloc

import pytest
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from cliq_async.bulk.template import MessageTemplate
from cliq_async.bulk.template_environment import LIMIT, LimitedEnvironment
from cliq_async.errors import ValidationError

ROW = {"user_id": "1", "name": "Ann", "n": 5, "big": "x" * 1000, "items": [3, 1, 2]}

EXPENSIVE = [
    "{{ 'x' * 10**9 }}",
    "{{ 10**9 * 'x' }}",
    "{{ [1] * 10**9 }}",
    "{% set x = 'x' * 10**9 %}a",
    "{{ name * (n * 10**9) }}",
    "{{ 10 ** (10 ** 10) }}",
    "{{ n ** 10000000 }}",
    "{{ 1 if (7 ** 10000) ** 10000 else 2 }}",
    "{{ 'x'.ljust(10**9) }}",
    "{{ 'x'.rjust(width=10**9) if false else 'x'.rjust(10**9) }}",
    "{{ 'x'.center(10**9) }}",
    "{{ 'x'.zfill(10**9) }}",
    "{{ '\t'.expandtabs(10**9) }}",
    "{{ name['ljust'](10**9) }}",
    "{{ (1).to_bytes(10**9, 'big') | length }}",
    "{{ name.replace('', 'x' * 10**5).replace('', 'x' * 10**5) }}",
    "{{ ('x' * 10**5).join('x' * 10**5) }}",
    "{{ ('x' * 10**5).translate({120: 'x' * 10**5}) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%.1000000000f' % 1.0 }}",
    "{{ '%*d' % (10**9, 1) }}",
    "{{ '%1000000000d' | format(1) }}",
    "{{ '%*d' | format(10**9, 1) }}",
    "{{ ('%(a)s' * 10**5) | format(a=big) }}",
    "{{ '{:>1000000000}'.format(1) }}",
    "{{ '{:>{}}'.format(1, 10**9) }}",
    "{{ ('{0}' * 10**5).format(big) }}",
    "{{ '{a:{b}}'.format_map({'a': 1, 'b': 10**9}) }}",
    "{{ name | center(10**9) }}",
    "{{ name | indent(10**9, first=true) }}",
    "{{ name | indent(width=10**9, first=true) }}",
    "{{ name | batch(10**9, 'x') | list }}",
    "{{ name | slice(10**9) | list | length }}",
    "{{ name | replace('', 'x' * 10**5) | replace('', 'x' * 10**5) }}",
    "{{ big | map('center', 10**5) | join }}",
    "{{ ('x' * 10**5) | join('x' * 10**5) }}",
    "{{ [1] | tojson(indent=10**9) }}",
    "{{ 1.5 | round(10**9, 'ceil') }}",
    "{{ ('x' * 10**6) | wordwrap(1, wrapstring='x' * 10**6) }}",
    "{% for a in 'x' * 10**6 %}{% endfor %}",
    "{% for a in big %}{% for b in big %}{% endfor %}{% endfor %}",
    "{% for a in big %}{% for b in big | reverse %}{{ b }}{% endfor %}{% endfor %}",
    "{% for a in [big] recursive %}{{ loop(big) if loop.depth < 5 }}{% endfor %}",
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "{% macro m() %}{{ big * 5000 }}{% endmacro %}{{ m() ~ m() ~ m() }}",
    "{% set a = big %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}",
    "{% set a = big %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
    "{% set a = [big] %}" + "{% set a = [a, a] %}" * 40 + "{{ a | string }}",
    "{% set a = [big] %}" + "{% set a = {1: a, 2: a} %}" * 40 + "{{ a == a }}",
]


@pytest.mark.parametrize("source", EXPENSIVE)
def test_expensive_template_is_stopped(source):
    template = MessageTemplate({"text": source})
    began = time.thread_time()
    with pytest.raises(ValidationError, match=re.escape(f"template: {LIMIT}, got ")):
        template(ROW)
    assert time.thread_time() - began < 5.0, (
        "a second at most, on a machine with nothing else to do"
    )


@pytest.mark.parametrize("source", [each for each in EXPENSIVE if each.startswith("{{")])
def test_expensive_value_is_not_even_built(source):
    template = MessageTemplate({"text": source})
    tracemalloc.start()
    try:
        with pytest.raises(ValidationError):
            template(ROW)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 * 2**20


def test_macro_that_calls_itself_forever_is_stopped():
    source = "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"
    with pytest.raises(ValidationError, match="template: a template that can be filled in"):
        MessageTemplate(source)(ROW)


NORMAL = [
    "Hello {{ name }}!\n",
    "{{ n + 1 }} {{ n * 3 }} {{ n ** 2 }} {{ n % 3 }} {{ 7 / 2 }} {{ -n }} {{ 2.5 * n }}",
    "{{ name + ' ' + name }} {{ name * 3 }} {{ name ~ n ~ none }} {{ [1] + items }}",
    "{{ 'Order %s: %05.2f' % (10**9, 1.5) }} {{ '%(a)s'|format(a=1) }}",
    "{{ '100 %% 12345678' % () }}",
    "{{ 'Order {}: {:>8.2f} {:{}}'.format(12345, 1.5, 'x', 5) }}",
    "{{ name.ljust(20) }}|{{ name | center(30) }}|{{ 'a\tb'.expandtabs() }}|{{ '7'.zfill(3) }}",
    "{{ big | truncate(20) }} {{ big | upper | length }} {{ big[:5] }} {{ (big * 200) | length }}",
    "{{ items | sort | join(', ') }} {{ items | map('string') | join('-') }} {{ items | sum }}",
    "{{ items | batch(2, 'x') | list }} {{ items | slice(2) | list }} {{ items | tojson(2) }}",
    "{{ items | select('odd') | list | length }} {{ ', '.join(items | map('string')) }}",
    "{{ name | replace('n', 'm') }} {{ name.replace('n', '') }} {{ big | wordwrap(100) }}",
    "{% for i in items %}{{ loop.index }}/{{ loop.length }} {{ i }}{{ loop.last }}{% endfor %}",
    "{% for i in items | reverse if i > 1 %}{{ loop.revindex }}{{ i }}{% else %}none{% endfor %}",
    "{% for i in [] %}x{% else %}none{% endfor %}",
    "{% for a, b in {'x': 1, 'y': n}.items() %}{{ a }}={{ b }} {% endfor %}",
    "{% for x in [[name, []], [n, [[1, []]]]] recursive %}{{ x[0] }}({{ loop(x[1]) }}){% endfor %}",
    "{% macro m(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}",
    "{% macro m(a) %}{{ a }}{{ caller() }}{% endmacro %}{% call m(n) %}body{% endcall %}",
    "{% set a, b = 1, n %}{{ a }}{{ b }}{% set c %}{{ name }}{% endset %}{{ c }}",
    "{% if n in [4, 5] and name in (name, 'x') %}yes{% endif %}{{ {'a': n}['a'] }} {{ (n, 1)[0] }}",
    "{% filter upper %}{{ name }}{% endfilter %} {% block b %}{{ name }}{% endblock %}",
    "{{ missing | default('colleague') }} {{ row['name'] }} {{ row.name }} {{ 1.256 | round(2) }}",
    "{% for i in 'x' * 4000 %}{{ i }}{% endfor %}",
]


@pytest.mark.parametrize("source", NORMAL)
def test_other_templates_are_as_they_were(source):
    options = {"undefined": StrictUndefined, "keep_trailing_newline": True}
    plain = ImmutableSandboxedEnvironment(**options).from_string(source)
    environment = LimitedEnvironment(lambda value: value)
    variables = {**ROW, "row": ROW}
    filled_in = environment.fill_in(environment.compile_text(source), variables)
    assert filled_in == plain.render(variables)


def test_budget_is_that_of_one_message():
    template = MessageTemplate("{% for i in 'x' * 4000 %}{{ i }}{% endfor %}")
    for _ in range(10):
        assert len(template(ROW)[1].text or "") == 4000


def test_threads_may_share_a_template():
    template = MessageTemplate("{{ 'x' * 4000 }}{% for i in 'x' * 900 %}{{ i }}{% endfor %}")
    texts = []
    threads = [
        threading.Thread(target=lambda: texts.extend(template(ROW)[1].text for _ in range(30)))
        for _ in range(4)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert texts == ["x" * 4900] * 120
