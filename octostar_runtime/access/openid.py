"""An OpenID Connect identity signs in once, and soon: from then on our own cookie counts, which the store can revoke.

``st.login`` leaves a cookie of Streamlit's own for 30 days that nobody can take back. Were it enough to be somebody,
signing a person out would mean nothing. So it only opens the door right after the provider has vouched for them.
Called from any thread.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping

from octostar_runtime.access.secret import digest
from octostar_runtime.clock import Clock
from octostar_runtime.errors import NotSignedIn

#: Seconds from the provider's ``iat`` within which an identity may sign in; also room for a clock that is off.
FRESH_S = 300.0
#: Identities remembered as used; far more than sign in within FRESH_S.
REMEMBERED = 10_000


class FreshIdentities:
    """Let each identity through once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._used: OrderedDict[str, None] = OrderedDict()

    def take(self, claims: Mapping[str, object]) -> None:
        """Use an identity up; NotSignedIn when too old or used already: ask the provider anew."""
        issued = claims.get("iat")
        if not isinstance(issued, int | float) or abs(self._clock.time() - issued) > FRESH_S:
            raise NotSignedIn("this sign-in at the provider is too long ago; sign in again")
        key = digest("\n".join(str(claims.get(name, "")) for name in ("iss", "sub", "iat", "exp", "nonce", "jti")))
        with self._lock:
            if key in self._used:
                raise NotSignedIn("this sign-in at the provider has been used; sign in again")
            self._used[key] = None
            while len(self._used) > REMEMBERED:
                self._used.popitem(last=False)
