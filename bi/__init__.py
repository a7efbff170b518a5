"""What BI tools and analysts get beside the marts. Belongs here: bundles, notebooks. Does not belong: figures."""
