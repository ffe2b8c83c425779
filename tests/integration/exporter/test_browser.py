"""The operator's page in a real browser: nothing runs, nothing is loaded from elsewhere, everything can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from p33_tasks.store.connection import connect
from tests.integration.exporter.conftest import Exporter
from tests.integration.exporter.world import HOSTILE_PLAN_ID, MIXED, World, mixed
from tests.support.browser import Browser, Tab, running_browser
from tests.support.redis_server import RedisServer, running_redis

SIZES = [(1280, 900), (390, 844), (320, 640)]
# The width is given: on a phone innerWidth grows with a page that doesn't fit.
TOO_WIDE = """[...document.querySelectorAll('body *')].filter(e => !e.closest('.hidden, thead, svg')
  && (e.getBoundingClientRect().right > WIDTH + 1 || e.getBoundingClientRect().left < -1))
  .map(e => e.tagName + '.' + e.className).slice(0, 5)"""
CONTRAST = """(() => {
  const parse = c => { const n = c.match(/[\\d.]+/g).map(Number); return {rgb: n.slice(0, 3), a: n.length > 3 ? n[3] : 1} };
  const lum = rgb => { const [r, g, b] = rgb.map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 });
    return .2126 * r + .7152 * g + .0722 * b };
  const back = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.a > 0) return c.rgb }
    return [255, 255, 255] };
  let worst = [99, ''];
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || e.closest('style')) continue;
    const [a, b] = [lum(parse(getComputedStyle(e).color).rgb), lum(back(e))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < worst[0]) worst = [ratio, e.tagName + '.' + e.className + ': ' + e.textContent.slice(0, 40)];
  }
  return worst })()"""  # noqa: E501 - JavaScript


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as found:
        yield found


@pytest.fixture(scope="module")
def exporter(redis_server: RedisServer, exporters: Callable[..., Exporter]) -> Exporter:
    mixed(connect(redis_server.url()))
    return exporters(**redis_server.environment, P33_ALLOWLIST=",".join((*MIXED, "LTCUSDT")))


def addresses(exporter: Exporter) -> dict[str, str]:
    hostile = exporter.get("/").text.partition('href="/plan/%3Cscript')[2].partition('"')[0]
    return {
        "home": f"{exporter.url}?refresh=off",
        "denied": f"{exporter.url}plan/9f2c71b0cafe0005",
        "allowed": f"{exporter.url}plan/abc5f1f59a4df545",
        "hostile": f"{exporter.url}plan/%3Cscript{hostile}",
        "unknown": f"{exporter.url}plan/never-seen",
        "missing": f"{exporter.url}nowhere",
    }


@pytest.mark.parametrize("page", ["home", "denied", "allowed", "hostile", "unknown", "missing"])
def test_a_page_fits_every_window_runs_nothing_and_loads_nothing(
    browser: Browser, exporter: Exporter, tmp_path: Path, page: str
) -> None:
    url = addresses(exporter)[page]

    async def look(tab: Tab) -> None:
        for width, height in SIZES:
            await tab.visit(url, width=width, height=height)
            assert await tab.evaluate("document.documentElement.scrollWidth") <= width
            assert await tab.evaluate(TOO_WIDE.replace("WIDTH", str(width))) == [], width
            assert await tab.evaluate("document.scripts.length") == 0
            assert await tab.evaluate("getComputedStyle(document.body).margin") == "0px", "its style was refused"
            assert await tab.screenshot(tmp_path / f"{page}-{width}.png") > 5_000
        ours = [complaint for complaint in tab.complaints if "status of 404" not in complaint]
        assert ours == []
        assert {address for address in tab.requested if not address.startswith((exporter.url, "data:"))} == set()

    browser.run(look)


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_can_be_read_in_light_and_dark(browser: Browser, exporter: Exporter, *, dark: bool) -> None:
    """WCAG AA: a contrast of 4.5 or more, for every piece of text."""

    async def look(tab: Tab) -> None:
        for url in addresses(exporter).values():
            await tab.visit(url, dark=dark)
            ratio, where = await tab.evaluate(CONTRAST)
            assert ratio >= 4.5, where
        light = await tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (light == "rgb(15, 18, 21)") is dark

    browser.run(look)


def test_a_hostile_plan_id_is_shown_and_does_nothing(browser: Browser, exporter: Exporter) -> None:
    async def look(tab: Tab) -> None:
        await tab.visit(addresses(exporter)["home"])
        text = await tab.evaluate("document.body.innerText")
        assert "<script>alert(1)</script>" in text
        assert "\u202e" not in text
        assert "\x1b" not in text
        assert "hold: venue announced a delisting; asked desk <b>now</b>" in text
        # The link leads to the same plan.
        await tab.visit(await tab.evaluate("document.querySelector('a[href*=\"%3Cscript\"]').href"))
        assert HOSTILE_PLAN_ID[:25] in await tab.evaluate("document.body.innerText")
        assert "Denied: unknown_action" in await tab.evaluate("document.querySelector('h1').innerText")
        assert tab.complaints == []

    browser.run(look)


def test_a_plan_is_found_by_typing_its_id(browser: Browser, exporter: Exporter) -> None:
    async def look(tab: Tab) -> None:
        await tab.visit(addresses(exporter)["home"])
        await tab.evaluate("document.querySelector('#id').value = '9f2c71b0cafe0005'; document.forms[0].submit()")
        await tab.loaded()
        assert "reconcile_required_qty_mismatch" in await tab.evaluate("document.querySelector('h1').innerText")
        assert tab.complaints == []

    browser.run(look)


def test_six_hundred_symbols_stay_readable_on_a_phone(
    browser: Browser, exporters: Callable[..., Exporter], tmp_path: Path
) -> None:
    with running_redis() as server:
        symbols = tuple(f"S{i}USDT" for i in range(600))
        world = World(connect(server.url()), symbols)
        world.refresh({symbol: "0" if i > 30 else "1.5" for i, symbol in enumerate(symbols)})
        world.read_streams()
        exporter = exporters(**server.environment, P33_ALLOWLIST=",".join(symbols))

        async def look(tab: Tab) -> None:
            await tab.visit(f"{exporter.url}?refresh=off", width=390, height=844)
            assert await tab.evaluate("document.documentElement.scrollWidth") <= 390
            assert "31 would allow, 569 flat" in await tab.evaluate("document.querySelector('h1').innerText")
            assert await tab.evaluate("document.querySelectorAll('tbody tr').length") == 71
            assert "Show 529 more" in await tab.evaluate("document.body.innerText")
            await tab.visit(f"{exporter.url}?refresh=off&all=1", width=390, height=844)
            assert await tab.evaluate("document.querySelectorAll('tbody tr').length") == 600

        browser.run(look)


def test_without_redis_the_page_says_so_in_a_browser_too(
    browser: Browser, exporters: Callable[..., Exporter], tmp_path: Path
) -> None:
    exporter = exporters(REDIS_HOST="127.0.0.1", REDIS_PORT="1")

    async def look(tab: Tab) -> None:
        await tab.visit(exporter.url, width=390, height=844, dark=True)
        assert await tab.evaluate("document.querySelector('h1').innerText") == "■ Redis does not answer"
        assert await tab.evaluate("document.querySelector('meta[http-equiv=refresh]').content") == "10"
        assert (await tab.evaluate(CONTRAST))[0] >= 4.5
        await tab.screenshot(tmp_path / "away.png")

    browser.run(look)
