"""Over TLS nothing is sent before the server's certificate and name are verified."""

from __future__ import annotations

from tests.guards.changes import instead, without
from tests.guards.guard import Guard

WIRE = "integration/tls/test_unknown_authority.py"
URL_TESTS = "unit/test_redis_url.py"
CONFIG_TESTS = "unit/celery/test_config.py"
SETTINGS_TESTS = "unit/settings/test_derived.py"

TLS = (
    Guard(
        promise="the broker's certificate is verified by worker, beat and Flower",
        within="config.make_app",
        change=without("broker_use_ssl=broker.use_ssl or False,"),
        tests=(f"{WIRE}::test_an_unverified_server_is_sent_nothing[worker-of_broker]",),
    ),
    Guard(
        promise="the broker's certificate is verified by celery-exporter",
        within="queue_metrics._options",
        change=instead('yield from ("--broker-ssl-option", f"{name}={text}")', "del text"),
        tests=(f"{WIRE}::test_an_unverified_server_is_sent_nothing[celery-exporter-of_broker]",),
    ),
    Guard(
        promise="the certificate of a Redis server is of its host",
        within="Tls.for_redis",
        change=instead("True, **", "False, **"),
        tests=(f"{URL_TESTS}::test_the_client_verifies_the_servers_certificate_and_name",),
    ),
    Guard(
        promise="a Redis server's certificate is of a known authority",
        within="Tls.for_redis",
        change=instead('"required", CHECK_HOSTNAME: True', '"none", CHECK_HOSTNAME: False'),
        tests=(f"{WIRE}::test_nor_does_an_executor_send_it_anything",),
    ),
    Guard(
        promise="an AMQP broker's certificate is of its host",
        within="Tls.for_amqp",
        change=without('"server_hostname": hostname,'),
        tests=(f"{CONFIG_TESTS}::test_over_tls_every_certificate_is_verified_with_its_host_name",),
    ),
    Guard(
        promise="no option in a URL turns the verification off",
        within="redis_url.split_tls",
        change=instead("given.get(name, allowed[0]).lower() not in allowed", "allowed is None"),
        tests=(f"{URL_TESTS}::test_a_url_that_weakens_tls_can_not_be_connected_to",),
    ),
    Guard(
        promise="an option given twice is not read by one library so and by the other so",
        within="redis_url.split_tls",
        change=instead("len(given) < len(options)", "not options and given"),
        tests=(f"{SETTINGS_TESTS}::test_a_redis_url_that_can_not_work_is_refused_before_anything_connects",),
    ),
    Guard(
        promise="sentinels are reached by TLS when their primary is",
        within="broker.broker_of",
        change=instead('over_tls = {"ssl": True, **use_ssl} if use_ssl else', "over_tls: dict[str, Any] ="),
        tests=(f"{CONFIG_TESTS}::test_the_sentinels_themselves_are_verified_too",),
    ),
    Guard(
        promise="an executor's sentinels are reached by TLS when their primary is",
        within="connection._sentinel_master",
        change=instead('over_tls = {"ssl": True, **tls.for_redis()} if tls else', "over_tls: dict[str, Any] ="),
        tests=(f"{URL_TESTS}::test_sentinels_and_their_primary_are_both_verified",),
    ),
    Guard(
        promise="no password goes in the clear where REDIS_TLS says otherwise",
        within="Variables._state_url",
        change=instead('info.data.get("redis_tls")', "not info.data"),
        tests=(f"{SETTINGS_TESTS}::test_a_url_without_tls_beside_redis_tls_is_refused",),
    ),
    Guard(
        promise="an option that one of the libraries dies of is refused by the settings",
        within="urls._check_options",
        change=instead("if unknown:", "if False:"),
        tests=(f"{SETTINGS_TESTS}::test_a_redis_url_that_can_not_work_is_refused_before_anything_connects",),
    ),
)
