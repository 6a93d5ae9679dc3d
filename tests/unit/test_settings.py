import pytest

from shared.settings import Console, read
from shared.use_cases.attempts import LONGEST_REST, MOST_ATTEMPTS, rest

AZURE = {
    "COSMOS__accountEndpoint": "https://store.example/",
    "SERVICEBUS__fullyQualifiedNamespace": "bus.example",
    "AzureWebJobsStorage__accountName": "blobs",
    "TOKEN_ISSUER": "https://issuer.example",
    "PASSPORT_KEYS": "-----BEGIN PRIVATE KEY-----\\none\\n-----END PRIVATE KEY-----",
    "PASSPORT_ISSUER": "https://api.example",
    "CODE_SECRET": "secret",
    "PUBLIC_URL": "https://api.example/api/v1/",
    "TOKEN_AUDIENCE": "automotive-cloud",
    "TOKEN_JWKS_URL": "https://issuer.example/keys",
}


def test_in_azure_there_is_no_key_and_no_connection_string() -> None:
    settings = read(AZURE)
    assert (settings.cosmos_key, settings.servicebus_connection, settings.storage_connection) == (None, None, None)
    assert settings.storage_endpoint == "https://blobs.blob.core.windows.net"
    assert settings.handover_after_seconds == 60
    assert (settings.public_url, settings.smtp_host, settings.webhook_networks) == (
        "https://api.example/api/v1",
        None,
        (),
    )


def test_there_is_a_console_where_it_is_a_client_of_the_issuer() -> None:
    assert read(AZURE).console is None
    set_up = AZURE | {"CONSOLE_CLIENT_ID": "client", "TILES_URL": "https://tiles.example/{z}/{x}/{y}.png"}
    expected = Console("https://issuer.example", "client", "openid", "https://tiles.example/{z}/{x}/{y}.png")
    assert read(set_up).console == expected


def test_everything_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(RuntimeError) as caught:
        read({"COSMOS__accountEndpoint": ""})
    for name in AZURE:
        assert name in str(caught.value)


def test_a_message_rests_longer_each_time_and_is_tried_for_about_two_hours() -> None:
    rests = [rest(attempt) for attempt in range(MOST_ATTEMPTS - 1)]
    assert rests == sorted(rests)
    assert (rests[0], max(rests)) == (1.0, LONGEST_REST)
    assert 3600 < sum(rests) < 3 * 3600
