"""What we take from ccxt: its hosts, its redirectable URLs, its import at a time of our choosing."""

from __future__ import annotations

import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from p33_tasks.errors import ConfigurationError
from p33_tasks.venues.binance_usdm.spec import SPEC
from p33_tasks.venues.build import build_venue, venue_source, venue_specs
from p33_tasks.venues.ccxt_classes import exchange_class
from p33_tasks.venues.transport import ApiKey, build_client
from tests.support.budgets import RecordingBudget

BASE = "http://127.0.0.1:8088"


def client(exchange_id="binanceusdm", *, testnet=False, base_url=None):
    return build_client(
        exchange_id=exchange_id,
        credentials=ApiKey(),
        testnet=testnet,
        base_url=base_url,
        timeout_ms=1000,
        options={},
    ).client


def hosts(urls):
    if isinstance(urls, dict):
        return set().union(*(hosts(url) for url in urls.values()))
    return {urlsplit(urls).netloc}


@pytest.mark.parametrize("testnet", [False, True])
def test_the_source_names_the_host_that_ccxt_reads_positions_from(testnet):
    url = client(testnet=testnet).urls["api"]["fapiPrivateV2"]
    assert venue_source("binanceusdm", testnet, None) == f"binanceusdm {urlsplit(url).netloc}"
    for exchange_id, spec in venue_specs().items():
        if testnet and spec.test_host is None:
            continue
        named, host, *_ = venue_source(exchange_id, testnet, None).split()
        assert named == exchange_id
        assert host in hosts(client(exchange_id, testnet=testnet).urls["api"])


@pytest.mark.parametrize("exchange_id", ["binanceusdm", "binance", "okx", "bybit", "kraken", "krakenfutures", "gate"])
@pytest.mark.parametrize("base_url", [BASE, f"{BASE}/"])
def test_a_base_url_redirects_every_url_of_any_venue_and_keeps_the_paths(exchange_id, base_url):
    plain, moved = client(exchange_id).urls["api"], client(exchange_id, base_url=base_url).urls["api"]
    assert hosts(moved) == {"127.0.0.1:8088"}
    assert paths(moved) == paths(plain)


def paths(urls):
    if isinstance(urls, dict):
        return {name: paths(url) for name, url in urls.items()}
    return urlsplit(urls).path.rstrip("/")


def test_testnet_means_the_demo_trading_hosts_only():
    urls = client(testnet=True).urls["api"]
    assert {host for host in hosts(urls) if not host.startswith("demo-")} == set()


def test_a_base_url_wins_over_testnet():
    assert hosts(client(testnet=True, base_url=BASE).urls["api"]) == {"127.0.0.1:8088"}


@pytest.mark.parametrize(
    ("base_url", "source"),
    [
        ("http://127.0.0.1:8088", "binanceusdm 127.0.0.1:8088"),
        ("https://proxy.example", "binanceusdm proxy.example"),
        ("https://Proxy.Example/", "binanceusdm proxy.example"),
        ("https://proxy.example/account-7/", "binanceusdm proxy.example/account-7"),
        ("https://user:pass@proxy.example", "binanceusdm proxy.example"),
        ("http://[::1]:8088", "binanceusdm [::1]:8088"),
    ],
)
def test_the_source_of_a_base_url_is_its_host_and_port(base_url, source):
    assert venue_source("binanceusdm", testnet=True, base_url=base_url) == source


def test_a_venue_without_a_strict_reader_is_refused_and_the_supported_ones_are_named():
    with pytest.raises(ConfigurationError, match=r"kraken.*binanceusdm"):
        venue_source("kraken", testnet=False, base_url=None)
    with pytest.raises(ConfigurationError, match=r"kraken.*binanceusdm"):
        build_venue(
            exchange_id="kraken", api_key="k", api_secret="s", testnet=False, base_url=None, budget=RecordingBudget()
        )


def test_clients_leave_pace_and_retries_to_us_and_ask_for_nothing_on_the_side():
    made = build_client(
        exchange_id="binanceusdm",
        credentials=ApiKey(),
        testnet=True,
        base_url=None,
        timeout_ms=4000,
        options=SPEC.ccxt_options,
    ).client
    assert (made.enableRateLimit, made.timeout, made.session.trust_env) == (False, 4000, False)
    assert made.options["maxRetriesOnFailure"] == 0
    assert (made.options["fetchCurrencies"], made.options["fetchMargins"]) == (False, False)
    assert made.options["leverageBrackets"] == {}
    assert all(adapter.max_retries.total == 0 for adapter in made.session.adapters.values())


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


def test_nothing_imports_ccxt_before_the_first_request():
    done = run(
        "import sys, importlib, pkgutil, p33_tasks.venues as package\n"
        "for module in pkgutil.walk_packages(package.__path__, 'p33_tasks.venues.'):\n"
        "    importlib.import_module(module.name)\n"
        "from p33_tasks.settings import load_settings\n"
        "load_settings({}).policy\n"
        "from p33_tasks.venues.build import build_venue, venue_source\n"
        "key = {'api_key': 'k', 'api_secret': 's'}\n"
        "build_venue(exchange_id='binanceusdm', **key, testnet=True, base_url=None, budget=None)\n"
        "venue_source('binanceusdm', True, None)\n"
        "sys.exit('ccxt' in sys.modules or 'requests' in sys.modules)"
    )
    assert done.returncode == 0, done.stderr


def test_preloading_imports_one_exchange_and_freezes_what_the_children_will_share():
    """All of ccxt is 34 MB more in each worker."""
    done = run(
        "import gc, sys\n"
        "from p33_tasks.venues.transport import preload\n"
        "preload('binanceusdm')\n"
        "assert 'ccxt.binanceusdm' in sys.modules\n"
        "assert 'ccxt.okx' not in sys.modules\n"
        "assert gc.get_freeze_count() > 10_000, gc.get_freeze_count()"
    )
    assert done.returncode == 0, done.stderr


def test_an_exchange_that_another_thread_still_imports_is_waited_for():
    """Its module stands in ``sys.modules`` already, without its class."""
    done = run(
        "import sys\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from p33_tasks.venues.ccxt_classes import exchange_class\n"
        "with ThreadPoolExecutor(1) as pool:\n"
        "    other = pool.submit(exchange_class, 'gate')\n"
        "    while 'ccxt.gate' not in sys.modules and not other.done():\n"
        "        pass\n"
        "    assert not other.done()\n"
        "    assert exchange_class('gate') is other.result()"
    )
    assert done.returncode == 0, done.stderr


def test_a_look_for_what_any_module_may_have_imports_nothing():
    done = run(
        "import sys\n"
        "from p33_tasks.venues.ccxt_classes import exchange_class\n"
        "exchange_class('gate')\n"
        "assert not hasattr(sys.modules['ccxt'], '__warningregistry__')\n"
        "assert 'ccxt.okx' not in sys.modules"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("exchange_id", venue_specs())
def test_requests_to_a_venue_import_no_other_exchange(exchange_id):
    """Also those that are signed, or fail."""
    done = run(
        "import sys\n"
        "from p33_tasks.demo.exchange.fronts.front import DEMO_KEY\n"
        "from p33_tasks.demo.exchange.fronts.registry import FRONTS\n"
        "from p33_tasks.errors import ExchangeUnavailableError\n"
        "from p33_tasks.venues.build import build_venue\n"
        "from tests.support.budgets import RecordingBudget\n"
        f"exchange, nobody, budget = {exchange_id!r}, 'http://127.0.0.1:1', RecordingBudget()\n"
        "key = FRONTS[exchange].demo_key if exchange in FRONTS else DEMO_KEY\n"
        "venue = build_venue(exchange_id=exchange, api_key=key.key, api_secret=key.secret, password='p',\n"
        "                    testnet=False, base_url=nobody, budget=budget)\n"
        "for ask in (venue.fetch_positions, venue.fetch_markets):\n"
        "    try:\n"
        "        ask(['SIM000USDT'])\n"
        "    except ExchangeUnavailableError:\n"
        "        continue\n"
        "    sys.exit('an answer')\n"
        "print(*(name for name in sys.modules if name.startswith('ccxt.') and name.count('.') == 1))"
    )
    assert done.returncode == 0, done.stderr
    shared = {"ccxt.base", "ccxt.abstract", "ccxt.static_dependencies"}
    modules = (made.__module__ for made in exchange_class(exchange_id).__mro__)  # its own, and those of its parents
    own = {name for name in modules if name.startswith("ccxt.") and name.count(".") == 1}
    assert set(done.stdout.split()) - shared == own


@pytest.mark.parametrize("exchange_id", [*venue_specs(), "no_such_exchange"])
def test_whoever_imports_ccxt_afterwards_finds_all_of_it(exchange_id):
    done = run(
        "import contextlib\n"
        "from p33_tasks.venues.ccxt_classes import base_error, exchange_class\n"
        "with contextlib.suppress(ModuleNotFoundError):\n"
        f"    made = exchange_class({exchange_id!r})\n"
        "    made({'apiKey': 'k', 'secret': 's'})\n"
        "import ccxt\n"
        f"assert {exchange_id!r} == 'no_such_exchange' or ccxt.{exchange_id} is made\n"
        "assert issubclass(ccxt.binanceusdm, ccxt.binance) and issubclass(ccxt.okx, ccxt.Exchange)\n"
        "assert issubclass(ccxt.NetworkError, base_error())\n"
        "assert set(ccxt.exchanges) <= set(dir(ccxt)) and len(ccxt.exchanges) > 50\n"
        "assert not hasattr(ccxt, 'no_such_exchange')"
    )
    assert done.returncode == 0, done.stderr


def test_where_all_of_ccxt_is_imported_already_its_classes_are_used():
    done = run(
        "import ccxt\n"
        "from p33_tasks.venues.ccxt_classes import base_error, exchange_class\n"
        "assert exchange_class('okx') is ccxt.okx and base_error() is ccxt.BaseError"
    )
    assert done.returncode == 0, done.stderr
