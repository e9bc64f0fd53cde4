"""The demonstration site: people, equipment, tags, definitions, stock, made through commands."""
