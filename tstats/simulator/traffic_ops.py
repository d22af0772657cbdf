"""The simulated Traffic Ops: versions, sessions and routes."""

import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import parse_qsl

import msgspec

from tstats.simulator.exchange import HttpRequest, HttpResponse, alert, json_response
from tstats.simulator.faults import Faults
from tstats.simulator.inventory import SimulatedInventory
from tstats.simulator.sessions import LoginSessions, SimulatedUser
from tstats.simulator.summaries import StatsSummaryTable

VERSIONS = ("3.0", "3.1", "4.0", "4.1", "5.0")

_PATH = re.compile(r"/api/(\d+\.\d+)/(.+?)/?")
_UNSERVED = (
    "The requested api version is not implemented by this server. If you are using a newer client with an "
    "older server, you will need to use an older client version or upgrade your server."
)


class SimulatedTrafficOps:
    """A Traffic Ops; safe for several threads.

    Attributes:
        sessions: the current sessions.
        summaries: the rows of stats_summary.
    """

    def __init__(
        self,
        inventory: SimulatedInventory,
        *,
        faults: Faults,
        versions: Collection[str] = VERSIONS,
        users: Iterable[SimulatedUser],
    ) -> None:
        self._inventory = inventory
        self._faults = faults
        self._versions = frozenset(versions)
        self.sessions = LoginSessions(users)
        self.summaries = StatsSummaryTable()
        self._methods = {route: frozenset({"GET"}) for route in inventory.routes} | {
            "ping": frozenset({"GET"}),
            "roles": frozenset({"GET"}),
            "user/current": frozenset({"GET"}),
            "user/login": frozenset({"POST"}),
            "stats_summary": frozenset({"GET", "POST"}),
        }

    def respond(self, request: HttpRequest) -> HttpResponse:
        """Return the response; as in Traffic Ops, the version is checked first, then path and session."""
        match = _PATH.fullmatch(request.path)
        if match is None:
            return _no_such_path(request)
        version, route = match.groups()
        if version not in self._versions:
            return alert(_UNSERVED, status=HTTPStatus.NOT_IMPLEMENTED)
        if request.method not in self._methods.get(route, ()):
            return _no_such_path(request)
        open_to_all = {"ping": _pong, "user/login": self._login}.get(route)
        if open_to_all is not None:
            return open_to_all(request)
        session = self.sessions.use(request.headers, calls=self._faults.session_calls)
        if session is None:
            return alert("unauthorized, please log in.", status=HTTPStatus.UNAUTHORIZED)
        response = self._in_session(request, version, route, session.user)
        return replace(response, headers=self.sessions.cookies(session))

    def _login(self, request: HttpRequest) -> HttpResponse:
        try:
            login = msgspec.json.decode(request.body, type=dict[str, object])
        except msgspec.DecodeError:
            return alert("unexpected EOF", status=HTTPStatus.BAD_REQUEST)
        session = self.sessions.login(str(login.get("u")), str(login.get("p")))
        if session is None:
            return alert("Invalid username or password.", status=HTTPStatus.UNAUTHORIZED)
        welcome = alert("Successfully logged in.", level="success")
        return replace(welcome, headers=self.sessions.cookies(session))

    def _in_session(
        self, request: HttpRequest, version: str, route: str, user: SimulatedUser
    ) -> HttpResponse:
        if route == "user/current":
            return json_response({"response": self._who(user, version)})
        if route == "stats_summary":
            if request.method == "POST":
                return self.summaries.post(request.body)
            return self.summaries.get(request.query, version)
        records = self._roles(version) if route == "roles" else self._inventory.routes[route](version)
        if route == "deliveryservices":
            records = [record for record in records if user.sees(str(record["xmlId"]))]
        for key, value in parse_qsl(request.query, keep_blank_values=True):
            # As in Traffic Ops, a parameter that is not a key of the records filters nothing.
            if all(key in record for record in records):
                records = [record for record in records if str(record[key]) == value]
        body: dict[str, object] = {"response": records}
        if route == "servers" and not version.startswith("5."):
            body["summary"] = {"count": len(records)}
        return json_response(body)

    def _who(self, user: SimulatedUser, version: str) -> dict[str, object]:
        position = self.sessions.users.index(user) + 1
        role = {"role": position, "roleName": user.role} if version.startswith("3.") else {"role": user.role}
        tenant = "root" if user.services is None else f"tenant of {user.name}"
        return {"id": position, "username": user.name, "tenant": tenant, "tenantId": position} | role

    def _roles(self, version: str) -> list[dict[str, object]]:
        """Return the records of the users' roles; the permissions of `admin` are implied, not listed."""
        key = "capabilities" if version.startswith("3.") else "permissions"
        permissions = {user.role: user.permissions for user in self.sessions.users}
        return [{"name": role, key: sorted(may)} for role, may in permissions.items()]


def _no_such_path(request: HttpRequest) -> HttpResponse:
    return alert(f"The requested path '{request.path}' does not exist.", status=HTTPStatus.NOT_FOUND)


def _pong(_: HttpRequest) -> HttpResponse:
    return json_response({"ping": "pong"})
