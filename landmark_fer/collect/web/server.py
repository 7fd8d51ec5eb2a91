"""The web server of ``collect --web``; importing it does not import FastAPI."""

from landmark_fer.live.web.server import DEFAULT_ADDRESS, Server, page_facts, run_server


class CollectionServer(Server):
    """A server that records one visitor at a time.

    Parameters
    ----------
    service : CollectionService
    address, token
        As for `serve`.
    limits : Limits, optional
    """

    def __init__(self, service, *, address=DEFAULT_ADDRESS, token=None, limits=None):
        def make_application(token):
            from landmark_fer.collect.web.application import CollectionApplication

            return CollectionApplication(service, facts=page_facts(service.expressions), token=token, limits=limits)

        super().__init__(make_application, address=address, token=token, purpose="collect --web")


def serve_collection(service, *, address=DEFAULT_ADDRESS, token=None, on_ready=None):
    """Serve the page of `collect --web` until Ctrl-C; parameters and errors as for `serve`."""
    run_server(CollectionServer(service, address=address, token=token), on_ready)
