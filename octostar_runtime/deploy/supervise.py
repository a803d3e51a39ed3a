"""Run supervisord in this process: ``python -m octostar_runtime.deploy.supervise CONF``, exec'ed by the launcher.

``supervisord -n`` in all but the exit code, which tells whether an essential program had to be given up.
"""

import sys

from supervisor import supervisord

from octostar_runtime.deploy import essential


def main(conf: str) -> int:
    """Supervise until stopped; 0 when somebody asked for it."""
    supervisord.main(["-n", "-c", conf])
    return essential.GAVE_UP if essential.failed_program() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
