"""The remedies for the ways in which an InfluxDB refuses a tool."""

import pytest

from tstats.influx.command_remedies import ToolServer, with_remedy

SOURCE = ToolServer(prefix="source", url="http://influx:80", user="me")
TARGET = ToolServer(prefix="target", url="http://influx:8086", user='o\'neill "x"', writes=True)
ONLY = ToolServer(url="http://influx:8086", user="me", writes=True)
AT_SOURCE, AT_TARGET = "http://influx:80/query", "http://influx:8086/query"
READ = (
    "refused with 403: error authorizing query: me not authorized to execute statement 'X', requires READ on"
)
ADMIN = (
    "refused with 403: error authorizing query: me not authorized to execute 'X', requires admin privilege"
)
TLS = "no TLS connection that can be trusted: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed:"


def advised(error: str, *servers: ToolServer) -> str:
    text = with_remedy(error, servers or (SOURCE, TARGET))
    assert text.startswith(error)
    return text.removeprefix(error)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (
            f"{AT_SOURCE} refused with 401: authorization failed",
            (
                "; at the source: check --source-user and its password"
                " (--source-password-file or SOURCE_INFLUX_PASSWORD)"
            ),
        ),
        (
            f"cache_stats.monthly.x: {AT_TARGET} {READ} cache_stats",
            '; at the target: an administrator can allow it: GRANT ALL ON cache_stats TO "o\'neill \\"x\\""',
        ),
        (
            f"{AT_SOURCE} {READ} daily_stats",
            "; at the source: an administrator can allow it: GRANT READ ON daily_stats TO me",
        ),
        (
            'http://influx:80/write refused with 403: "me" user is not authorized to write to database "x"',
            "; at the source: an administrator can allow it: GRANT READ ON x TO me",
        ),
        (
            "http://influx:80 has no database a or b",
            (
                "; at the source: a user sees only the databases that it may read; an administrator can"
                " allow it: GRANT READ ON a TO me"
            ),
        ),
        (
            f"the schema could not be synced: {AT_TARGET} {ADMIN}",
            (
                "; at the target: only an administrator may do this; once the schema exists, --no-schema"
                " works without one"
            ),
        ),
        (
            f"{AT_TARGET}: {TLS} self-signed certificate",
            "; at the target: --ca-cert FILE trusts the certificates in FILE, --insecure trusts any",
        ),
        (
            f"{AT_TARGET}: {TLS} Hostname mismatch, certificate is not valid for 'influx'",
            "; at the target: use the name that the certificate is for",
        ),
        (
            f"{AT_TARGET}: no TLS connection that can be trusted: [SSL: WRONG_VERSION_NUMBER]",
            "; at the target: if it does not speak https, write http:// in its URL",
        ),
    ],
)
def test_a_refusal_gets_the_server_and_the_remedy(error: str, remedy: str) -> None:
    assert advised(error) == remedy


@pytest.mark.parametrize(
    "error",
    [
        f"{AT_SOURCE} cannot be reached: Connection refused",
        f"http://elsewhere:80/query {READ} x",
        "field type conflict",
    ],
)
def test_an_error_without_a_known_remedy_stays_as_it_is(error: str) -> None:
    assert advised(error) == ""


def test_without_a_user_a_missing_database_is_not_a_matter_of_rights() -> None:
    nobody = ToolServer(prefix="source", url="http://influx:80")
    assert advised("http://influx:80 has no database a", nobody) == ""


def test_a_tool_with_one_server_has_options_without_prefix() -> None:
    text = advised(f"{AT_TARGET} refused with 401: authorization failed", ONLY)
    assert text == "; check --user and its password (--password-file or INFLUX_PASSWORD)"
    assert advised(f"{AT_TARGET} {ADMIN}", ONLY) == "; only an administrator may do this"
