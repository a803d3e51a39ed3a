"""Steps that bring a store's schema up to this release's, run at start by :mod:`octostar_runtime.store.migrating`."""
