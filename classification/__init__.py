"""From return codes and comments to a reason class; no input or output of its own but the file command.

Belongs here: `text` (entities, presets), `language` (which one), `lexicon` and `lexicons/` (words and rules as
data), `evidence` (what words speak for), `classifier` (the verdict), `files` (JSON lines). Does not belong: the
taxonomy and the codes (`data_contracts.reasons`), and where verdicts are kept (the pipeline).
"""

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "MODEL_VERSION":
        from classification.lexicon import model_version

        return model_version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
