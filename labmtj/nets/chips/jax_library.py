"""JAX and optax, imported when training starts: they come with the extra `train`."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from labmtj.errors import InputError


def library() -> tuple[Any, Any, Any]:
    """jax, jax.numpy and optax. Raises InputError if the extra is not installed."""
    try:
        jax, jnp, optax = (importlib.import_module(name) for name in ("jax", "jax.numpy", "optax"))
    except ModuleNotFoundError as missing:
        raise InputError(f"training needs {missing.name}: pip install 'labmtj[train]'") from missing
    return jax, jnp, optax


def installed() -> None:
    """Raise InputError if the extra is not installed; nothing is imported."""
    for name in ("jax", "optax"):
        if importlib.util.find_spec(name) is None:
            raise InputError(f"training needs {name}: pip install 'labmtj[train]'")
