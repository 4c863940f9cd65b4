"""Where the parts are put together, and nowhere else."""

from collections.abc import Iterable
from functools import partial
from uuid import uuid4
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, Response, request
from prometheus_client import CollectorRegistry

from bukken_contract.logs import REQUEST_ID, begin_request
from bukken_database.connections import reader_engine
from bukken_database.readiness import Readiness
from query_api import changes, errors, exports, health, inquiries, metrics, openapi, routes
from query_api.own_writes import Reads
from query_api.parsing import sent_path
from query_api.settings import Settings


def create_app(settings: Settings) -> Flask:
    """The query side as a WSGI app.

    Opens no connection and starts no thread: that is for the process that serves, which finds
    `begin` (to be called) and `database` (to be closed) in the app's extensions.
    """
    app = Flask("query_api", static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False  # what is served is told by one table: `Allow`
    app.url_map.merge_slashes = False  # a redirect would be an answer no other part gives
    app.wsgi_app = _routed_as_sent(app.wsgi_app)  # type: ignore[method-assign, assignment] # as Flask shows it
    engine = reader_engine(settings, application="query-api")
    registry = CollectorRegistry()
    database = Reads(engine, settings=settings, registry=registry)
    readiness = Readiness(admin_url=settings.envoy_admin_url)
    begin = partial(health.begin_to_watch, engine, readiness=readiness)
    app.extensions |= {"begin": begin, "database": database}
    app.register_blueprint(health.endpoints(readiness))
    app.register_blueprint(metrics.endpoints(registry))
    app.register_blueprint(routes.listings(database))
    app.register_blueprint(changes.changes(database))
    app.register_blueprint(exports.exports(database))
    app.register_blueprint(inquiries.inquiries(database))
    app.register_blueprint(openapi.openapi())
    errors.register(app)
    app.before_request(_tie_logs_to_the_request)
    app.after_request(_complete_headers)
    return app


def _routed_as_sent(wsgi_app: WSGIApplication) -> WSGIApplication:
    """The app sees every path percent-encoded: see `sent_path`."""

    def as_sent(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return wsgi_app({**environ, "PATH_INFO": sent_path(environ)}, start_response)

    return as_sent


def _tie_logs_to_the_request() -> None:
    """Envoy gives the id, but on a laptop there may be no Envoy."""
    given, trace = request.headers.get("X-Request-ID"), request.headers.get("traceparent")
    if not begin_request(request_id=given, traceparent=trace):
        begin_request(request_id=str(uuid4()), traceparent=trace)


def _complete_headers(response: Response) -> Response:
    """Of every answer, errors included.

    `private, no-cache`: kept by the one who asked alone, and asked for again each time, which
    costs a 304; unless the route is stricter. No `Vary`: nothing in a request's headers changes
    what a listing looks like.
    """
    response.headers.setdefault("Cache-Control", "private, no-cache")
    response.headers["X-Request-ID"] = REQUEST_ID.get()
    return response
