"""Grafana's HTTP API: folders, dashboards and data sources, by their uids."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec
import requests
from requests.auth import AuthBase

from tstats.core.secret import Secret
from tstats.errors import RefusedError, ServerError
from tstats.transport.http import fetch
from tstats.transport.retry import ONCE, RetryPolicy
from tstats.transport.session import DirectSession

_MOST_BYTES = 64 << 20
_EXISTS = {HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED}
_NOT_ALLOWED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


class _Bearer(AuthBase):
    """The token of a service account. As `auth`, it takes precedence over a .netrc; a header would not."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return request


class Grafana:
    """A Grafana as one of its service accounts sees it; for one thread at a time.

    Args:
        url: the base URL, including any path that Grafana is served under.
        token: the token of the service account.
        timeout: how many seconds a whole response may take.
        ca_cert: a file of certificates to trust instead of the system's.
        retry: how often to repeat a request that gets no response.
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
        self._session = DirectSession()
        self._session.verify = ca_cert or True
        self._session.auth = _Bearer(token)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def folder(self, uid: str) -> Mapping[str, Any] | None:
        """Return a folder, or None if it does not exist.

        Raises:
            UnreachableError: Grafana cannot be reached or fails.
            RefusedError: the token is wrong, or its account lacks the permission.
            ServerError: the response cannot be used.
        """
        return self._get(f"folders/{quote(uid, safe='')}")

    def create_folder(self, uid: str, title: str) -> None:
        """Create a folder; one that exists by now is left as it is.

        Raises:
            UnreachableError, RefusedError, ServerError: as `folder`.
        """
        try:
            self._call("POST", "folders", {"uid": uid, "title": title})
        except RefusedError as refusal:
            # An earlier attempt whose response was lost may have created it.
            if refusal.status not in _EXISTS or self.folder(uid) is None:
                raise

    def dashboard(self, uid: str) -> tuple[Mapping[str, Any], str] | None:
        """Return a dashboard's JSON model and the uid of its folder, or None if it does not exist.

        Raises:
            UnreachableError, RefusedError, ServerError: as `folder`.
        """
        found = self._get(f"dashboards/uid/{quote(uid, safe='')}")
        if found is None:
            return None
        model, meta = found.get("dashboard"), found.get("meta")
        if not isinstance(model, dict) or not isinstance(meta, dict):
            raise ServerError(f"{self.url} returned no dashboard for {uid}")
        return model, str(meta.get("folderUid") or "")

    def save_dashboard(self, model: Mapping[str, object], *, folder: str, message: str) -> None:
        """Create a dashboard, or replace the one with its uid, whatever its version.

        Args:
            model: its JSON model.
            folder: the uid of its folder.
            message: the comment in its version history.

        Raises:
            UnreachableError, RefusedError, ServerError: as `folder`.
        """
        body = {"dashboard": model, "folderUid": folder, "message": message, "overwrite": True}
        self._call("POST", "dashboards/db", body)

    def has_data_source(self, uid: str) -> bool:
        """Return whether a data source exists.

        Raises:
            UnreachableError, RefusedError, ServerError: as `folder`.
        """
        return self._get(f"datasources/uid/{quote(uid, safe='')}") is not None

    def create_data_source(self, settings: Mapping[str, object]) -> None:
        """Create a data source; one that exists by now is left as it is.

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
            if refusal.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        try:
            return msgspec.json.decode(body, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise ServerError(f"{self.url}/api/{path} returned no JSON object: {error}") from None

    def _call(self, method: str, path: str, json: object = None) -> bytes:
        url = f"{self.url}/api/{path}"

        def request() -> bytes:
            return fetch(
                self._session,
                method,
                url,
                seconds=self._timeout,
                most_bytes=_MOST_BYTES,
                json=json,
            )

        try:
            return self._retry.call(f"{method} {url}", request)
        except RefusedError as refusal:
            if refusal.status in _NOT_ALLOWED:
                raise RefusedError(
                    f"{refusal}; check the token and the role of its service account"
                    " (Editor, or Admin for data sources)",
                    status=refusal.status,
                ) from None
            raise
