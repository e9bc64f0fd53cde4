"""Step kinds: the interface and the kinds that belong to no pillar. A new kind is one file."""
