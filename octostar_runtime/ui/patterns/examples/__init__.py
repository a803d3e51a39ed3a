"""Small whole scripts, shown as they run. The ones that end in ``_dont`` are wrong on purpose."""
