"""The pages, one module each with `show(page)`. Belongs here: what stands on a page. Does not belong: SQL, HTML."""
