"""The `bw:` elements: one definition, from which the XSD and the editor's descriptor come."""
