"""The client: one method per thing to do, blocking, safe to share between threads."""

from octostar_runtime.client.doing import Doing


class Client(Doing):
    """Talk to the API at ``url`` (the address of the service, without ``/api``) with a bearer token.

    with Client("http://127.0.0.1:8080", token) as client:
        for run in client.all_runs("state:failed"):
            print(run.name, run.error)
    """
