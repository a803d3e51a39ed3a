"""Taking the manager's lock without a convoy.

Who is switched away with the lock in hand waits for the interpreter before going on. A thread that blocks on the lock
meanwhile is handed it by the release, and owns it while it waits for the interpreter in its turn; then the others block
too, and from there on each run costs switches between threads. So where many threads come by, nobody stands in line:
who finds the lock taken sleeps a little, which lets its holder go on, and takes it when running.

The figures are in record 15, ``docs/decisions``.
"""

import threading
import time

#: Long enough for the holder to be given the interpreter, short beside the 5 ms for which a thread may keep it.
NAP_S = 0.0001
#: Naps until it is left to the lock itself, whose waiting always comes to an end.
NAPS = 20


def let_go_on(lock: threading.Lock) -> None:
    """Give the holder of a lock time to go on; return when it is seen free, or after some milliseconds.

    For before ``with lock``, which does the taking: it alone leaves nothing taken when a signal, or an exception from
    another thread, arrives at that moment. A lock whose new owner has not been given the interpreter yet is seen free.
    """
    for _ in range(NAPS):
        time.sleep(NAP_S)
        if not lock.locked():
            return


def take_after(lock: threading.Lock) -> None:
    """Take a lock that was found taken. For workers between two runs, where nothing arrives from outside."""
    for _ in range(NAPS):
        time.sleep(NAP_S)
        if lock.acquire(blocking=False):
            return
    lock.acquire()
