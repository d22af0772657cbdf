"""A stand-in for Grafana: the part of its HTTP API for folders, dashboards and data sources."""

import json
from http import HTTPStatus
from typing import Any

from tests.support.stand_in import Reply, Request, StandIn

TOKEN = "glsa_twelve12"  # noqa: S105 (a token of this stand-in)

Json = dict[str, Any]


class StandInGrafana(StandIn):
    """A Grafana whose state tests may read and change; the next requests are answered from `fail`.

    It keeps what it is given and adds what a Grafana adds: ids, versions, meta.
    """

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.clear()

    def clear(self) -> None:
        """Forget all objects and requests."""
        self.folders: dict[str, Json] = {}
        self.dashboards: dict[str, Json] = {}
        self.dashboard_folders: dict[str, str] = {}
        self.data_sources: dict[str, Json] = {}
        self.provisioned: set[str] = set()
        self.fail: list[Reply] = []
        self.requests.clear()

    @property
    def written(self) -> list[str]:
        """The paths of the requests that write."""
        return [request.path for request in self.requests if request.method != "GET"]

    def _answer(self, request: Request) -> Reply:  # noqa: PLR0911 (one per path, and the fallbacks)
        if self.fail:
            return self.fail.pop(0)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return reply(HTTPStatus.UNAUTHORIZED, {"message": "Invalid API key"})
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
        return reply(HTTPStatus.NOT_FOUND, {"message": "Not found"})

    @staticmethod
    def _keep(objects: dict[str, Json], body: Json) -> Reply:
        if body["uid"] in objects:
            return reply(HTTPStatus.CONFLICT, {"message": "one with the same uid already exists"})
        objects[body["uid"]] = {"id": len(objects) + 1, **body}
        return reply(HTTPStatus.OK, objects[body["uid"]])

    def _dashboard(self, uid: str) -> Json | None:
        if uid not in self.dashboards:
            return None
        meta = {"slug": uid, "folderUid": self.dashboard_folders[uid], "provisioned": uid in self.provisioned}
        return {"dashboard": self.dashboards[uid], "meta": meta}

    def _save(self, body: Json) -> Reply:
        uid = body["dashboard"]["uid"]
        if uid in self.provisioned:
            return reply(HTTPStatus.BAD_REQUEST, {"message": "Cannot save provisioned dashboard"})
        if body["folderUid"] not in self.folders:
            return reply(HTTPStatus.BAD_REQUEST, {"message": "folder not found"})
        before = self.dashboards.get(uid)
        if before is not None and not body.get("overwrite"):
            return reply(HTTPStatus.PRECONDITION_FAILED, {"status": "version-mismatch"})
        version = 1 if before is None else before["version"] + 1
        self.dashboards[uid] = {**body["dashboard"], "id": len(self.dashboards) + 1, "version": version}
        self.dashboard_folders[uid] = body["folderUid"]
        return reply(HTTPStatus.OK, {"uid": uid, "version": version, "status": "success"})


def reply(status: int, body: Json) -> Reply:
    """Return a reply in JSON."""
    return Reply(status=status, headers={"Content-Type": "application/json"}, body=json.dumps(body).encode())


def found(thing: Json | None, message: str) -> Reply:
    """Return an object, or 404 with a message if there is none."""
    if thing is None:
        return reply(HTTPStatus.NOT_FOUND, {"message": message})
    return reply(HTTPStatus.OK, thing)
