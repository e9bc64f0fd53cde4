"""Set-up and upkeep of a checkout; nothing of this is shipped."""
