"""Repeatable measurements, each against something that is not ours.

Belongs here: what is run by hand and reported in docs. Does not belong: tests, or anything the product imports.
"""
