"""Grafana's HTTP API: folders, dashboards and data sources, by their uids."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec
import requests
from requests.auth import AuthBase

from tstats.core.secret import Secret
from tstats.errors import RefusedError, ServerError
from tstats.transport.http import fetch
from tstats.transport.retry import ONCE, RetryPolicy

_MOST_BYTES = 64 << 20
_NOT_FOUND = 404
_EXISTS = (409, 412)
_WITHOUT_RIGHT = (401, 403)


class _Session(requests.Session):
    """One that follows no redirect: a POST would become a GET, and seem done."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target:
            resp.close()
            raise RefusedError(
                f"{resp.url} leads to {target}; give the URL of Grafana as it is served",
                status=resp.status_code,
            )
        return None


class _Bearer(AuthBase):
    """The token of a service account. As `auth`, it goes before a .netrc; a header would not."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return request


class Grafana:
    """A Grafana, as an account of it sees it; used by one thread at a time.

    Args:
        url: its base URL, with the path below which it is served.
        token: of a service account.
        timeout: seconds for one answer as a whole.
        ca_cert: a file of certificates to trust instead of the system's.
        retry: how long to go on when it does not answer.
    """

    def __init__(
        self,
        url: str,
        *,
        token: Secret,
        timeout: float = 30.0,
        ca_cert: str = "",
        retry: RetryPolicy = ONCE,
    ) -> None:
        self.url = url.rstrip("/")
        self._timeout = timeout
        self._retry = retry
        self._session = _Session()
        self._session.verify = ca_cert or True
        self._session.auth = _Bearer(token)

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def folder(self, uid: str) -> Mapping[str, Any] | None:
        """A folder; None where there is none.

        Raises:
            UnreachableError: Grafana cannot be reached or fails.
            RefusedError: the token is wrong, or its account may not.
            ServerError: an answer that cannot be used.
        """
        return self._get(f"folders/{quote(uid, safe='')}")

    def make_folder(self, uid: str, title: str) -> None:
        """Make a folder; one that is there by now is left as it is.

        Raises:
            UnreachableError, RefusedError, ServerError: as `folder`.
        """
        try:
            self._call("POST", "folders", {"uid": uid, "title": title})
        except RefusedError as refusal:
            # A first try whose answer was lost has made it.
            if refusal.status not in _EXISTS or self.folder(uid) is None:
                raise

    def dashboard(self, uid: str) -> tuple[Mapping[str, Any], str] | None:
        """A dashboard and the uid of its folder; None where there is none.

        Raises:
            UnreachableError, RefusedError, ServerError: as `folder`.
        """
        found = self._get(f"dashboards/uid/{quote(uid, safe='')}")
        if found is None:
            return None
        board, meta = found.get("dashboard"), found.get("meta")
        if not isinstance(board, dict) or not isinstance(meta, dict):
            raise ServerError(f"{self.url} answered no dashboard for {uid}")
        return board, str(meta.get("folderUid") or "")

    def save_dashboard(self, board: Mapping[str, object], *, folder: str, message: str) -> None:
        """Create a dashboard, or replace the one of its uid, whatever its version.

        Args:
            board: its JSON.
            folder: the uid of the folder that it is to be in.
            message: stands beside it in its history.

        Raises:
            UnreachableError, RefusedError, ServerError: as `folder`.
        """
        body = {"dashboard": board, "folderUid": folder, "message": message, "overwrite": True}
        self._call("POST", "dashboards/db", body)

    def has_data_source(self, uid: str) -> bool:
        """Whether there is a data source.

        Raises:
            UnreachableError, RefusedError, ServerError: as `folder`.
        """
        return self._get(f"datasources/uid/{quote(uid, safe='')}") is not None

    def make_data_source(self, settings: Mapping[str, object]) -> None:
        """Make a data source; one that is there by now is left as it is.

        Raises:
            UnreachableError, RefusedError, ServerError: as `folder`.
        """
        try:
            self._call("POST", "datasources", settings)
        except RefusedError as refusal:
            if refusal.status not in _EXISTS or not self.has_data_source(str(settings["uid"])):
                raise

    def _get(self, path: str) -> Mapping[str, Any] | None:
        try:
            body = self._call("GET", path)
        except RefusedError as refusal:
            if refusal.status == _NOT_FOUND:
                return None
            raise
        try:
            return msgspec.json.decode(body, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise ServerError(f"{self.url}/api/{path} answered no JSON object: {error}") from None

    def _call(self, method: str, path: str, json: object = None) -> bytes:
        url = f"{self.url}/api/{path}"

        def ask() -> bytes:
            return fetch(
                self._session,
                method,
                url,
                seconds=self._timeout,
                most_bytes=_MOST_BYTES,
                json=json,
            )

        try:
            return self._retry.call(f"{method} {url}", ask)
        except RefusedError as refusal:
            if refusal.status in _WITHOUT_RIGHT:
                text = f"{refusal}; check the token and the role of its service account (Editor, or Admin"
                raise RefusedError(f"{text} for data sources)", status=refusal.status) from None
            raise
