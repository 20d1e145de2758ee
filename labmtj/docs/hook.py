"""Builds the pages of the documentation when a wheel or an editable install of labmtj is made.

Hatchling loads this file by its path in a build environment that has Sphinx (pyproject.toml names it) but not labmtj.
Documentation that cannot be built is no reason not to install: then a warning is all, and `labmtj docs` says what to
do.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, cast

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class DocumentationHook(BuildHookInterface[Any]):
    """Runs Sphinx unless the built pages are already those of the sources."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what is not current."""
        try:
            building = _building(Path(self.root) / "labmtj/docs/building.py")
            if building.is_current():
                return
            version_built: str = cast("Any", self).metadata.version
            for line in building.build(version_built, strict=False):
                self.app.display_warning(line)
        except Exception as error:
            self.app.display_warning(f"the documentation was not built, labmtj is installed without it: {error}")


def _building(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("labmtj_docs_building", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
