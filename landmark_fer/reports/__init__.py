"""HTML reports of saved models, from Jinja2 templates."""
