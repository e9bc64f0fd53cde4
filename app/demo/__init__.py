"""The headless batch: the story of the demo plant, through the commands that the screens use."""
