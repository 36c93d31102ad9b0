"""Compiles schemas/binary.pyx while the package is built, where there is a C compiler.

A hook of hatchling, the build backend: it imports nothing of the project. Without a compiler, or
where compiling fails, the package is built without it and everything works, only slower
(schemas/DECISIONS.md 1); `make install` says so.
Source: Hatch, "Build hooks, Custom build hook".
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MODULE = "schemas.binary"
SOURCE = "schemas/binary.pyx"


class CompilingHook(BuildHookInterface[Any]):
    """Puts the compiled module beside its source, from where the wheel takes it."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; `version` is "editable" or "standard", and both are the same here."""
        if self.target_name != "wheel":
            return
        try:
            compiled = _compiled(Path(self.root))
        # What setuptools, Cython and compilers raise is not one family, SystemExit is among them.
        except (Exception, SystemExit) as error:
            self.app.display_warning(f"{SOURCE} is not compiled: {type(error).__name__}: {error}")
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["artifacts"].append(f"/{compiled}")


def _compiled(root: Path) -> str:
    """The compiled module's path below `root`."""
    from Cython.Build import cythonize
    from setuptools import Extension
    from setuptools.command.build_ext import build_ext
    from setuptools.dist import Distribution

    before = Path.cwd()
    os.chdir(root)
    try:
        with tempfile.TemporaryDirectory(prefix="millrace-") as scratch:
            extension = Extension(MODULE, [SOURCE], extra_compile_args=["-O2", "-g0"])
            made = cythonize([extension], build_dir=scratch, quiet=True)  # type: ignore[no-untyped-call]
            command = build_ext(Distribution({"ext_modules": made}))
            command.inplace, command.build_temp = True, scratch
            command.ensure_finalized()
            command.run()
            return str(command.get_ext_filename(MODULE))
    finally:
        os.chdir(before)
