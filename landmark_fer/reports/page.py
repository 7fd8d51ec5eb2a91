"""The page of a report: one HTML file that needs nothing else, for screen, telephone and paper, light and dark."""

from html import escape

from landmark_fer.figures.palette import DARK, LIGHT

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
:root {{ {light} --panel: #f5f5f5; --mark: #e3eff7; }}
@media screen and (prefers-color-scheme: dark) {{
  :root {{ color-scheme: dark; {dark} --panel: #222427; --mark: #1d3340; }}
}}
* {{ box-sizing: border-box; }}
body {{ font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 62rem;
  margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }}
h1 {{ font-size: 1.6rem; line-height: 1.2; margin: .5rem 0; }}
h2 {{ font-size: 1.2rem; margin: 0 0 .5rem; padding-top: .75rem; border-top: 2px solid var(--line); }}
h3 {{ font-size: 1rem; margin: 1rem 0 .25rem; }}
p, ul, dl {{ margin: .5rem 0; max-width: 46rem; }} ul {{ padding-left: 1.2rem; }} li {{ margin: .3rem 0; }}
section {{ margin: 2rem 0; }}
.dim {{ color: var(--dim); font-size: .9rem; }}
.notice {{ border-left: 4px solid var(--dim); padding-left: .75rem; }}
.keys {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; margin: 1rem 0; }}
.keys div {{ background: var(--panel); border-radius: .4rem; padding: .6rem .75rem; }}
.keys b {{ display: block; font-size: 1.5rem; line-height: 1.2; }}
.keys span {{ color: var(--dim); font-size: .85rem; }}
dl div {{ display: grid; grid-template-columns: 10rem 1fr; gap: .75rem; padding: .15rem 0; }}
dt {{ color: var(--dim); }} dd {{ margin: 0; }}
.images {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem 1.5rem;
  align-items: start; margin: 1rem 0; }}
figure {{ margin: 0; break-inside: avoid; max-width: 33rem; }}
figcaption {{ font-size: .9rem; color: var(--dim); margin: 0 0 .25rem; }}
svg {{ display: block; width: 100%; height: auto; }}
svg text {{ font-family: system-ui, sans-serif; }}
.wide {{ overflow-x: auto; margin: .75rem 0; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .93rem; break-inside: avoid; }}
th, td {{ padding: .25rem .6rem; text-align: right; font-weight: normal; border-bottom: 1px solid var(--line);
  overflow-wrap: normal; white-space: nowrap; }}
th:first-child {{ text-align: left; padding-left: .25rem; }}
thead th {{ color: var(--dim); vertical-align: bottom; white-space: normal; }}
data {{ white-space: nowrap; }}
.marked {{ background: var(--mark); }} .marked th {{ font-weight: bold; }}
code, pre {{ font: .85rem/1.45 ui-monospace, monospace; }}
pre {{ background: var(--panel); border-radius: .4rem; padding: .75rem; white-space: pre-wrap; }}
summary {{ cursor: pointer; color: var(--dim); padding: .4rem 0; }}
svg, .marked, .keys div, pre {{ print-color-adjust: exact; -webkit-print-color-adjust: exact; }}
@media (max-width: 30rem) {{
  dl div {{ grid-template-columns: 1fr; gap: 0; padding: .3rem 0; }}
  th, td {{ padding: .25rem .35rem; }} table {{ font-size: .86rem; }}
}}
@media print {{
  @page {{ margin: 14mm; }}
  body {{ max-width: none; padding: 0; font-size: 10.5pt; }}
  section {{ margin: 1.2rem 0; }} h2, h3 {{ break-after: avoid; }} details {{ display: none; }}
  .images {{ grid-template-columns: 1fr 1fr; }} .wide {{ overflow: visible; }} th, td {{ padding: .15rem .4rem; }}
  .keys {{ grid-template-columns: repeat(4, 1fr); }}
}}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def render_page(title, parts):
    """Return a page as HTML.

    Parameters
    ----------
    title : str
        Plain text.
    parts : sequence of str
        HTML, in their order; empty ones are left out.
    """
    body = "\n".join(part for part in parts if part)
    return _PAGE.format(title=escape(title), body=body, light=LIGHT.css_variables(), dark=DARK.css_variables())


def key_numbers(rows):
    """Return the few numbers that a reader looks for first: (number, what it is) each, HTML."""
    inside = "\n".join(f"<div><b>{number}</b><span>{meaning}</span></div>" for number, meaning in rows)
    return f'<div class="keys">\n{inside}\n</div>'
