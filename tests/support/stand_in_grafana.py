"""Stands in for a Grafana: the part of its HTTP API that brings folders, dashboards and data sources."""

import json
from typing import Any

from tests.support.stand_in import Reply, Request, StandIn

TOKEN = "glsa_twelve12"  # noqa: S105 (a token of this stand-in)

Json = dict[str, Any]


class StandInGrafana(StandIn):
    """Its state is there to be looked at and changed; `fail` answers the next requests.

    It keeps what it is given and adds what a Grafana adds: ids, versions, meta.
    """

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.clear()

    def clear(self) -> None:
        """Begin anew, with nothing in it and nothing asked of it."""
        self.folders: dict[str, Json] = {}
        self.dashboards: dict[str, Json] = {}
        self.dashboard_folders: dict[str, str] = {}
        self.data_sources: dict[str, Json] = {}
        self.provisioned: set[str] = set()
        self.fail: list[Reply] = []
        self.requests.clear()

    @property
    def written(self) -> list[str]:
        """The paths of all that was not only read."""
        return [request.path for request in self.requests if request.method != "GET"]

    def _answer(self, request: Request) -> Reply:  # noqa: PLR0911 (one a path, and the fallbacks)
        if self.fail:
            return self.fail.pop(0)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return reply(401, {"message": "Invalid API key"})
        body: Json = json.loads(request.body) if request.body else {}
        match request.method, request.path.removeprefix("/api/").split("/"):
            case "GET", ["folders", uid]:
                return found(self.folders.get(uid), "folder not found")
            case "POST", ["folders"]:
                return self._keep(self.folders, body)
            case "GET", ["dashboards", "uid", uid]:
                return found(self._dashboard(uid), "Dashboard not found")
            case "POST", ["dashboards", "db"]:
                return self._save(body)
            case "GET", ["datasources", "uid", uid]:
                return found(self.data_sources.get(uid), "Data source not found")
            case "POST", ["datasources"]:
                return self._keep(self.data_sources, body)
        return reply(404, {"message": "Not found"})

    @staticmethod
    def _keep(things: dict[str, Json], body: Json) -> Reply:
        if body["uid"] in things:
            return reply(409, {"message": "one with the same uid already exists"})
        things[body["uid"]] = {"id": len(things) + 1, **body}
        return reply(200, things[body["uid"]])

    def _dashboard(self, uid: str) -> Json | None:
        if uid not in self.dashboards:
            return None
        meta = {"slug": uid, "folderUid": self.dashboard_folders[uid], "provisioned": uid in self.provisioned}
        return {"dashboard": self.dashboards[uid], "meta": meta}

    def _save(self, body: Json) -> Reply:
        uid = body["dashboard"]["uid"]
        if uid in self.provisioned:
            return reply(400, {"message": "Cannot save provisioned dashboard"})
        if body["folderUid"] not in self.folders:
            return reply(400, {"message": "folder not found"})
        before = self.dashboards.get(uid)
        if before is not None and not body.get("overwrite"):
            return reply(412, {"status": "version-mismatch"})
        version = 1 if before is None else before["version"] + 1
        self.dashboards[uid] = {**body["dashboard"], "id": len(self.dashboards) + 1, "version": version}
        self.dashboard_folders[uid] = body["folderUid"]
        return reply(200, {"uid": uid, "version": version, "status": "success"})


def reply(status: int, body: Json) -> Reply:
    """An answer in JSON."""
    return Reply(status=status, headers={"Content-Type": "application/json"}, body=json.dumps(body).encode())


def found(thing: Json | None, without: str) -> Reply:
    """The answer to a question for a thing that may not be there."""
    return reply(404, {"message": without}) if thing is None else reply(200, thing)
