from bukken_local import guide

WIDEST = {
    "url": "http://127.0.0.1:65535",
    "token_url": "http://127.0.249.10:8089/oauth2/token",
    "pods": [
        {
            "name": "command-api-2",
            "ingress_url": "http://127.0.249.21:8080",
            "admin_url": "http://127.0.249.121:9901",
        }
    ],
    "database": dict.fromkeys(("writer", "reader", "primary", "standby"), ("127.0.249.3", 15432)),
    "logs": "/somewhere",
}


def test_the_table_of_addresses_fits_a_terminal() -> None:
    """No row is wider than the 80 columns of a terminal nobody has widened, and columns align."""
    rows = list(guide.addresses(WIDEST))

    assert max(map(len, rows)) <= 80
    assert {row[17] + row[18] for row in rows} == {" h", " 1", " /"}
