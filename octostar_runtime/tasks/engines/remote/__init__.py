"""What every engine that executes runs in other processes shares: packing, the child's side, the parent's side.

Parent                                            child
``packing.pack_call`` at submit()      →          ``execution.Execution``: unpacks, executes, returns an ``Ending``
``receiver.Receiver.apply``            ←  News    ``relay.Relay``: what the task's handle tells, in few messages
``receiver.settle``                    ←  Ending

How the bytes travel is the engine's own affair: it hands ``Execution`` a function that sends one :class:`News`, and
calls ``Execution.cancel()`` when the parent says so.
"""
