"""Child processes of this machine as a pool's engine.

The parent: ``engine.ProcessEngine`` hands a run to a ``child.Child`` and hears of it until its end; ``keeper.Keeper``
does what is due meanwhile. The child: ``serve.serve`` executes one run after the other. ``spawn`` starts a child
without running the app's script again. A child belongs to nobody but its slot, so what happens to one harms no other.
"""
