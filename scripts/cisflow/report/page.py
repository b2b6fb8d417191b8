"""The page of the report as a Jinja template.

Inputs: the values that :func:`cisflow.report.build.build_report` renders. Outputs: HTML with its styles inside.
"""

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>cisflow: {{ run }}</title>
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
@media (max-width: 800px) { .frame { display: block; } nav { position: static; } }
</style>
</head>
<body>
{% macro table(t) %}
<div class="scroll"><table>
<thead><tr>{% for c in t.columns %}<th{% if t.numeric[loop.index0] %} class="n"{% endif %}>{{ c }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in t.rows %}
<tr>{% for v in row %}<td{% if t.numeric[loop.index0] %} class="n"{% endif %}>{{ v }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
{% endmacro %}
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
{{ table(funnel) }}
{% endif %}
{% for s in sections %}
<h2 id="{{ s.name }}">{{ s.title }}</h2>
<p class="about">{{ s.about }}</p>
{% for t in s.tables %}
<h3>{{ t.title }}</h3>
{{ table(t) }}
{% if t.file %}<p class="files">{{ t.file }}</p>{% endif %}
{% endfor %}
{% for f in s.figures %}
<figure>
<img src="{{ f.image }}" alt="{{ f.title }}">
<figcaption><b>{{ f.title }}</b>{{ f.caption }}
<div class="files">{{ f.stem }}.svg, .png, .tsv</div></figcaption>
</figure>
{% endfor %}
{% endfor %}
<h2 id="versions">Versions</h2>
{{ table(versions) }}
<h2 id="settings">Settings</h2>
<p class="about">The resolved config of the run (settings.yaml).</p>
<pre>{{ settings }}</pre>
</main>
</div>
</body>
</html>
"""
