"""Dagster definitions, the command line and publishing: what runs when. Nothing here says what data means."""
