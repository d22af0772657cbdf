"""The Traffic Ops side: versions, sessions and routes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import msgspec

from tstats.simulator.exchange import Answer, Request, alert, json_answer
from tstats.simulator.sessions import Sessions
from tstats.simulator.summaries import Summaries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from tstats.simulator.faults import Faults
    from tstats.simulator.inventory import Inventory
    from tstats.simulator.sessions import User

VERSIONS = ("3.0", "3.1", "4.0", "4.1", "5.0")

_PATH = re.compile(r"/api/(\d+\.\d+)/(.+?)/?")
_UNSERVED = (
    "The requested api version is not implemented by this server. If you are using a newer client with an "
    "older server, you will need to use an older client version or upgrade your server."
)


class TrafficOps:
    """One Traffic Ops; safe for several threads.

    Attributes:
        sessions: who is logged in.
        summaries: the rows of stats_summary.
    """

    def __init__(
        self,
        inventory: Inventory,
        *,
        faults: Faults,
        versions: Collection[str] = VERSIONS,
        users: Iterable[User],
    ) -> None:
        self._inventory = inventory
        self._faults = faults
        self._versions = frozenset(versions)
        self.sessions = Sessions(users)
        self.summaries = Summaries()
        self._methods = {route: frozenset({"GET"}) for route in inventory.routes} | {
            "ping": frozenset({"GET"}),
            "roles": frozenset({"GET"}),
            "user/current": frozenset({"GET"}),
            "user/login": frozenset({"POST"}),
            "stats_summary": frozenset({"GET", "POST"}),
        }

    def answer(self, request: Request) -> Answer:
        """Answer as Traffic Ops does: first the version is checked, then the path, then the session."""
        match = _PATH.fullmatch(request.path)
        if match is None:
            return _no_such_path(request)
        version, route = match.groups()
        if version not in self._versions:
            return alert(_UNSERVED, status=501)
        if request.method not in self._methods.get(route, ()):
            return _no_such_path(request)
        open_to_all = {"ping": _pong, "user/login": self._login}.get(route)
        if open_to_all is not None:
            return open_to_all(request)
        session = self.sessions.use(request.headers, calls=self._faults.session_calls)
        if session is None:
            return alert("unauthorized, please log in.", status=401)
        answer = self._in_session(request, version, route, session.user)
        return replace(answer, headers=self.sessions.cookies(session))

    def _login(self, request: Request) -> Answer:
        try:
            login = msgspec.json.decode(request.body, type=dict[str, object])
        except msgspec.DecodeError:
            return alert("unexpected EOF", status=400)
        session = self.sessions.login(str(login.get("u")), str(login.get("p")))
        if session is None:
            return alert("Invalid username or password.", status=401)
        welcome = alert("Successfully logged in.", level="success")
        return replace(welcome, headers=self.sessions.cookies(session))

    def _in_session(self, request: Request, version: str, route: str, user: User) -> Answer:
        if route == "user/current":
            return json_answer({"response": self._who(user, version)})
        if route == "stats_summary":
            if request.method == "POST":
                return self.summaries.post(request.body)
            return self.summaries.get(request.query, version)
        records = self._roles(version) if route == "roles" else self._inventory.routes[route](version)
        if route == "deliveryservices":
            records = [record for record in records if user.sees(str(record["xmlId"]))]
        for key, value in parse_qsl(request.query, keep_blank_values=True):
            # As in Traffic Ops, a parameter that is no key of the records filters nothing.
            if all(key in record for record in records):
                records = [record for record in records if str(record[key]) == value]
        body: dict[str, object] = {"response": records}
        if route == "servers" and not version.startswith("5."):
            body["summary"] = {"count": len(records)}
        return json_answer(body)

    def _who(self, user: User, version: str) -> dict[str, object]:
        position = self.sessions.users.index(user) + 1
        role = {"role": position, "roleName": user.role} if version.startswith("3.") else {"role": user.role}
        tenant = "root" if user.services is None else f"tenant of {user.name}"
        return {"id": position, "username": user.name, "tenant": tenant, "tenantId": position} | role

    def _roles(self, version: str) -> list[dict[str, object]]:
        """Return the records of the roles that the users have; `admin` is not listed with what it may."""
        key = "capabilities" if version.startswith("3.") else "permissions"
        permissions = {user.role: user.permissions for user in self.sessions.users}
        return [{"name": role, key: sorted(may)} for role, may in permissions.items()]


def _no_such_path(request: Request) -> Answer:
    return alert(f"The requested path '{request.path}' does not exist.", status=404)


def _pong(_: Request) -> Answer:
    return json_answer({"ping": "pong"})
