"""The Superset bundle. Belongs here: its declaration, its files, trying it out."""
