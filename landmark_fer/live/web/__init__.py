"""Live recognition in the browser: a web server, its limits, and the page that it serves."""
