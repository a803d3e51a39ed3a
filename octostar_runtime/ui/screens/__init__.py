"""The screens. Each reads one view of the snapshot, draws it, and hands what was asked for to ``actions``."""
