"""Composition: bootstrap, command line, worker, gateway, web entry point, migrations."""
