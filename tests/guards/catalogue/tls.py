"""Over TLS nothing is sent before the server's certificate and name are verified."""

from __future__ import annotations

from tests.guards.guard import Guard

WIRE = "integration/tls/test_unknown_authority.py"
URL_TESTS = "unit/test_redis_url.py"
CONFIG_TESTS = "unit/celery/test_config.py"
SETTINGS_TESTS = "unit/settings/test_derived.py"

TLS = (
    Guard(
        promise="the broker's certificate is verified by worker, beat and Flower",
        file="celery/config.py",
        old="        broker_use_ssl=broker.use_ssl or False,\n",
        new="",
        tests=(f"{WIRE}::test_an_unverified_server_is_sent_nothing[worker-of_broker]",),
    ),
    Guard(
        promise="the broker's certificate is verified by celery-exporter",
        file="cli/queue_metrics.py",
        old='        yield from ("--broker-ssl-option", f"{name}={text}")\n',
        new="        del text\n",
        tests=(f"{WIRE}::test_an_unverified_server_is_sent_nothing[celery-exporter-of_broker]",),
    ),
    Guard(
        promise="the certificate of a Redis server is of its host",
        file="redis_url.py",
        old='CERT_REQS: "required", CHECK_HOSTNAME: True, **',
        new='CERT_REQS: "required", CHECK_HOSTNAME: False, **',
        tests=(f"{URL_TESTS}::test_the_client_verifies_the_servers_certificate_and_name",),
    ),
    Guard(
        promise="a Redis server's certificate is of a known authority",
        file="redis_url.py",
        old='{CERT_REQS: "required", CHECK_HOSTNAME: True, **',
        new='{CERT_REQS: "none", CHECK_HOSTNAME: False, **',
        tests=(f"{WIRE}::test_nor_does_an_executor_send_it_anything",),
    ),
    Guard(
        promise="an AMQP broker's certificate is of its host",
        file="redis_url.py",
        old='"server_hostname": hostname, **found',
        new="**found",
        tests=(f"{CONFIG_TESTS}::test_over_tls_every_certificate_is_verified_with_its_host_name",),
    ),
    Guard(
        promise="no option in a URL turns the verification off",
        file="redis_url.py",
        old="        if given.get(name, allowed[0]).lower() not in allowed:\n",
        new="        if allowed is None:\n",
        tests=(f"{URL_TESTS}::test_a_url_that_weakens_tls_can_not_be_connected_to",),
    ),
    Guard(
        promise="an option given twice is not read by one library so and by the other so",
        file="redis_url.py",
        old="    if len(given) < len(options):\n",
        new="    if not options and given:\n",
        tests=(f"{SETTINGS_TESTS}::test_a_redis_url_that_can_not_work_is_refused_before_anything_connects",),
    ),
    Guard(
        promise="sentinels are reached by TLS when their primary is",
        file="celery/broker.py",
        old='    over_tls = {"ssl": True, **use_ssl} if use_ssl else {}\n',
        new="    over_tls: dict[str, Any] = {}\n",
        tests=(f"{CONFIG_TESTS}::test_the_sentinels_themselves_are_verified_too",),
    ),
    Guard(
        promise="an executor's sentinels are reached by TLS when their primary is",
        file="store/connection.py",
        old='    over_tls = {"ssl": True, **tls.for_redis()} if tls else {}\n',
        new="    over_tls: dict[str, Any] = {}\n",
        tests=(f"{URL_TESTS}::test_sentinels_and_their_primary_are_both_verified",),
    ),
    Guard(
        promise="no password goes in the clear where REDIS_TLS says otherwise",
        file="settings/model.py",
        old='        if checked is not None and info.data.get("redis_tls") and checked',
        new="        if checked is not None and not info.data and checked",
        tests=(f"{SETTINGS_TESTS}::test_a_url_without_tls_beside_redis_tls_is_refused",),
    ),
    Guard(
        promise="an option that one of the libraries dies of is refused by the settings",
        file="settings/urls.py",
        old="    if unknown:\n",
        new="    if False:\n",
        tests=(f"{SETTINGS_TESTS}::test_a_redis_url_that_can_not_work_is_refused_before_anything_connects",),
    ),
)
