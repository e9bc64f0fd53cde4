"""The past of the demonstration plant, made by running its recipe under the demonstration clock."""
