"""Dagster definitions, the command line and the publishing of releases: what runs when, and nothing of what data means."""
