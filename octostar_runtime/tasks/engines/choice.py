"""Which engine a pool gets, and one clear line when it cannot have it."""

from importlib import import_module
from importlib.util import find_spec

from octostar_runtime.errors import SettingsError
from octostar_runtime.settings import PoolSettings
from octostar_runtime.tasks.engine import Engine
from octostar_runtime.tasks.engines.threads import ThreadEngine

#: engine → the optional extra that brings what it needs, and the modules that show whether it is there
EXTRAS = {"process": ("processes", ("pebble", "cloudpickle")), "dask": ("dask", ("distributed", "cloudpickle"))}
#: engine → where its class is; imported only when a pool asks for it. Each is called as ``(pool_name, settings)``
HOMES = {"process": ("processes.engine", "ProcessEngine"), "dask": ("dask.engine", "DaskEngine")}


def check_installed(pool: str, settings: PoolSettings) -> None:
    """Refuse an engine whose optional extra is not installed; SettingsError names the pool and the extra."""
    extra, modules = EXTRAS.get(settings.engine, ("", ()))
    if any(find_spec(module) is None for module in modules):
        raise SettingsError(
            f"pool {pool!r}: its engine {settings.engine!r} needs pip install 'octostar-runtime[{extra}]'"
        )


def make_engine(pool: str, settings: PoolSettings) -> Engine:
    """Return a new engine for a pool; SettingsError names the pool and what to do."""
    kind = settings.engine
    if kind == "threads":
        return ThreadEngine()
    home = HOMES.get(kind)
    if home is None:
        raise SettingsError(f'pool {pool!r}: there is no engine {kind!r}; use "threads", "process" or "dask"')
    check_installed(pool, settings)
    module, name = home
    engine: Engine = getattr(import_module(f"{__package__}.{module}"), name)(pool, settings)
    return engine
