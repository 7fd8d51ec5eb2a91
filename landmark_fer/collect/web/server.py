"""The server of ``collect --web``. Importing it needs none of the packages that it serves with."""

from landmark_fer.live.web.server import DEFAULT_ADDRESS, Server, page_facts, run_server


class DeskServer(Server):
    """A server before whose page one visitor at a time is recorded.

    Parameters
    ----------
    desk : CollectionServer
        What is recorded, and where it goes.
    address, token : as for `serve`
    limits : Limits, optional
    """

    def __init__(self, desk, *, address=DEFAULT_ADDRESS, token=None, limits=None):
        def make_application(token):
            from landmark_fer.collect.web.application import CollectingApplication

            return CollectingApplication(desk, facts=page_facts(desk.expressions), token=token, limits=limits)

        super().__init__(make_application, address=address, token=token, purpose="collect --web")


def serve_desk(desk, *, address=DEFAULT_ADDRESS, token=None, ready=None):
    """Serve the page of a desk until Ctrl-C; parameters and errors as for `serve`."""
    run_server(DeskServer(desk, address=address, token=token), ready)
