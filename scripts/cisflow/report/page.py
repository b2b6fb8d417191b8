"""The pages as Jinja templates: what they share, the report of a run, and quality reports.

Inputs: the values that :mod:`cisflow.report.build` and :mod:`cisflow.report.quality` render.
Outputs: HTML with its styles inside.
"""

PARTS = """\
{% macro styles() %}
<style>
:root { --ink: #1d2733; --soft: #5b6875; --line: #d9e0e6; --accent: #0072b2; --back: #ffffff; --panel: #f5f7f9; }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.55 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color: var(--ink); background: var(--back); }
.frame { display: grid; grid-template-columns: 200px minmax(0, 1fr); max-width: 1240px; margin: 0 auto; }
nav { position: sticky; top: 0; align-self: start; padding: 28px 16px; font-size: 14px; }
nav a { display: block; padding: 3px 0; color: var(--soft); text-decoration: none; }
nav a:hover, nav a:focus { color: var(--accent); }
main { padding: 20px 28px 80px; min-width: 0; }
h1 { font-size: 26px; margin: 8px 0 2px; }
h2 { font-size: 20px; margin: 44px 0 4px; padding-top: 8px; border-top: 2px solid var(--line); }
h3 { font-size: 15.5px; margin: 26px 0 6px; }
p.about, .meta { color: var(--soft); margin: 2px 0 10px; }
figure { margin: 20px 0 28px; padding: 14px 16px; background: var(--panel); border-radius: 8px; }
figure img { display: block; max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
figcaption { margin-top: 10px; }
figcaption b { display: block; }
.files { color: var(--soft); font-size: 12.5px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; white-space: nowrap; }
td:last-child { white-space: normal; }
.n { text-align: right; }
ul.headlines { padding-left: 20px; }
pre { background: var(--panel); padding: 12px; border-radius: 8px; overflow-x: auto; font-size: 12.5px; }
p.verdict { margin: 14px 0; padding: 12px 16px; border-left: 6px solid; border-radius: 4px; background: var(--panel); font-size: 16.5px; }
.ok { border-color: #009e73; } .warn { border-color: #e69f00; } .fail { border-color: #d55e00; }
.mark { display: inline-block; min-width: 3em; padding: 0 6px; border-left: 6px solid; font-weight: 600; }
@media (max-width: 800px) { .frame { display: block; } nav { position: static; } }
</style>
{% endmacro %}
{% macro table(t) %}
<div class="scroll"><table>
<thead><tr>{% for c in t.columns %}<th{% if t.numeric[loop.index0] %} class="n"{% endif %}>{{ c }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in t.rows %}
<tr>{% for v in row %}<td{% if t.numeric[loop.index0] %} class="n"{% endif %}>{{ v }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
{% endmacro %}
{% macro figure(f) %}
<figure>
<img src="{{ f.image }}" alt="{{ f.title }}">
<figcaption><b>{{ f.title }}</b>{{ f.caption }}
<div class="files">{{ f.stem }}.svg, .png, .tsv</div></figcaption>
</figure>
{% endmacro %}
"""

PAGE = """\
{% import "parts" as parts %}
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>cisflow: {{ run }}</title>
{{ parts.styles() }}</head>
<body>
<div class="frame">
<nav aria-label="Sections">
<a href="#summary">Summary</a>
{% if funnel %}<a href="#funnel">Funnel</a>{% endif %}
{% for s in sections %}<a href="#{{ s.name }}">{{ s.title }}</a>{% endfor %}
<a href="#versions">Versions</a>
<a href="#settings">Settings</a>
</nav>
<main>
<h1 id="summary">cisflow: run {{ run }}</h1>
<p class="meta">cisflow {{ version }}, seed {{ seed }}. Every figure lies beside its table under <code>figures/</code> of this run.</p>
{% if headlines %}
<ul class="headlines">{% for h in headlines %}<li>{{ h }}</li>{% endfor %}</ul>
{% endif %}
{% if funnel %}
<h2 id="funnel">Funnel</h2>
<p class="about">What every filter let through, from reads to training rows; summed over bins.</p>
{{ parts.table(funnel) }}
{% endif %}
{% for s in sections %}
<h2 id="{{ s.name }}">{{ s.title }}</h2>
<p class="about">{{ s.about }}</p>
{% for v in s.verdicts %}
<p class="verdict {{ v.verdict }}">{{ v.sentence }} <a href="{{ v.page }}">Quality report of {{ v.library }}</a></p>
{% endfor %}
{% for t in s.tables %}
<h3>{{ t.title }}</h3>
{{ parts.table(t) }}
{% if t.file %}<p class="files">{{ t.file }}</p>{% endif %}
{% endfor %}
{% for f in s.figures %}
{{ parts.figure(f) }}
{% endfor %}
{% endfor %}
<h2 id="versions">Versions</h2>
{{ parts.table(versions) }}
<h2 id="settings">Settings</h2>
<p class="about">The resolved config of the run (settings.yaml).</p>
<pre>{{ settings }}</pre>
</main>
</div>
</body>
</html>
"""

QUALITY_PAGE = """\
{% import "parts" as parts %}
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>cisflow: {{ title }}</title>
{{ parts.styles() }}</head>
<body>
<div class="frame">
<nav aria-label="Sections">
<a href="#verdict">Verdict</a>
<a href="#checks">Checks</a>
{% for s in sections %}<a href="#{{ s.name }}">{{ s.title }}</a>{% endfor %}
</nav>
<main>
<h1 id="verdict">{{ title }}</h1>
<p class="meta">Run {{ run }}, cisflow {{ version }}. {{ about }}</p>
<p class="verdict {{ verdict }}">{{ sentence }}</p>
<ul class="headlines">{% for h in headlines %}<li>{{ h }}</li>{% endfor %}</ul>
<h2 id="checks">Checks</h2>
<p class="about">What was looked at, the value from which on it is warned about, and what was found.</p>
<div class="scroll"><table>
<thead><tr><th>verdict</th><th>check</th>{% if bins %}<th>bin</th>{% endif %}<th class="n">value</th><th class="n">threshold</th><th>in words</th></tr></thead>
<tbody>
{% for v in checks %}
<tr><td><span class="mark {{ v.verdict }}">{{ v.verdict }}</span></td><td>{{ v.check }}</td>{% if bins %}<td>{{ v.bin }}</td>{% endif %}<td class="n">{{ v.value }}</td><td class="n">{{ v.threshold }}</td><td>{{ v.sentence }}</td></tr>
{% endfor %}
</tbody></table></div>
{% for s in sections %}
<h2 id="{{ s.name }}">{{ s.title }}</h2>
{% if s.text %}<p>{{ s.text }}</p>{% endif %}
{% for f in s.figures %}
{{ parts.figure(f) }}
{% endfor %}
{% endfor %}
</main>
</div>
</body>
</html>
"""
