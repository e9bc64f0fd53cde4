"""Flask: pages, JSON API, templates, static files."""
