"""Jinja2 templates of HTML pages and Markdown files."""

from functools import cache


def render_template(package, name, **values):
    """Return the text of a template with its values filled in.

    Parameters
    ----------
    package : str
        Dotted name of the package whose folder ``templates`` holds the template.
    name : str
        File name. In a template that ends in ``.html`` all values are escaped.
    **values
        Variables of the template. A variable that is missing raises an error.

    Returns
    -------
    str
    """
    return _environment(package).get_template(name).render(values)


@cache
def _environment(package):
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=PackageLoader(package),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
