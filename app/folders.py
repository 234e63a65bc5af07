"""Where the program keeps what belongs to the person and not to a project.

The environment variables KEYPHASE_CONFIG_DIR and KEYPHASE_CACHE_DIR move the folders (for tests and portable
use), and KEYPHASE_DATA_DIR that of added models, which `models.run.library` knows.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def settings_folder() -> Path:
    """Recent projects, layout, keys."""
    return Path(os.environ.get("KEYPHASE_CONFIG_DIR") or platformdirs.user_config_dir("keyphase"))


def cache_folder() -> Path:
    """Preview copies of videos: everything here can be made again."""
    return Path(os.environ.get("KEYPHASE_CACHE_DIR") or platformdirs.user_cache_dir("keyphase"))
