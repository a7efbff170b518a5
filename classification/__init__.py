"""From return codes and comments to a reason class; no input or output of its own."""
