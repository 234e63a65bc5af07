"""Writes `schema_REVISION.keyphase`: run once when a schema is released, never again for that schema."""

from pathlib import Path

from storage.schema import REVISION
from tests.example_project import full_project

if __name__ == "__main__":
    folder = Path(__file__).parent
    full_project(folder, f"schema_{REVISION}.keyphase").close()
