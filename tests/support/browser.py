"""A headless Chromium, driven over its DevTools protocol: what a page looks like and does in a real browser."""

from __future__ import annotations

import asyncio
import base64
import shutil
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest

from tests.support.waiting import wait_until

T = TypeVar("T")

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
STEP_SEC = 30


@dataclass
class Tab:
    """One page."""

    wire: aiohttp.ClientWebSocketResponse
    complaints: list[str] = field(default_factory=list)  # console messages, refused loads, exceptions
    requested: list[str] = field(default_factory=list)  # every URL that was asked for
    _sent: int = 0

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command, and its answer; events that come before it are kept."""
        self._sent += 1
        await self.wire.send_json({"id": self._sent, "method": method, "params": params})
        while True:
            message = await self._next()
            if message.get("id") == self._sent:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    async def _next(self) -> dict[str, Any]:
        message: dict[str, Any] = await asyncio.wait_for(self.wire.receive_json(), STEP_SEC)
        method, params = message.get("method", ""), message.get("params", {})
        if method in {"Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"}:
            self.complaints.append(str(params)[:500])
        if method == "Network.requestWillBeSent":
            self.requested.append(params["request"]["url"])
        if method == "Page.javascriptDialogOpening":
            self.complaints.append(f"dialog: {params}")
            await self.wire.send_json(
                {"id": 10**6, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}}
            )
        return message

    async def visit(self, url: str, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Load a page in a window of this size, and wait until it is there."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call(f"{domain}.enable")
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        await self.call("Page.navigate", url=url)
        await self.loaded()

    async def loaded(self) -> None:
        """Wait until the page that is under way is there."""
        while (await self._next()).get("method") != "Page.loadEventFired":
            pass

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page (DevTools may; the page's own policy forbids scripts)."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return answer["result"].get("value")

    async def screenshot(self, path: Path) -> int:
        """The whole page as a PNG file; its size in bytes."""
        answer = await self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return path.write_bytes(base64.b64decode(answer["data"]))  # noqa: ASYNC240 - nobody else waits in a test


@dataclass(frozen=True)
class Browser:
    """A running Chromium."""

    port: int

    def run(self, act: Callable[[Tab], Awaitable[T]]) -> T:
        """Open a tab and do something in it."""
        return asyncio.run(self._run(act))

    async def _run(self, act: Callable[[Tab], Awaitable[T]]) -> T:
        base = f"http://127.0.0.1:{self.port}"
        async with aiohttp.ClientSession() as session, session.put(f"{base}/json/new?about:blank") as reply:
            target = await reply.json()
            async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as wire:
                return await act(Tab(wire))


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A browser for as long as the block runs; skips the test where there is none."""
    binary = next(filter(None, map(shutil.which, _NAMES)), None)
    if binary is None:
        pytest.skip("no Chromium on PATH; Debian has it in the package chromium")
    with tempfile.TemporaryDirectory(prefix="p33-browser-", ignore_cleanup_errors=True) as folder:
        log = Path(folder) / "browser.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [binary, *_OPTIONS, "--remote-debugging-port=0", f"--user-data-dir={folder}"], stdout=out, stderr=out
            )
        try:
            told = Path(folder) / "DevToolsActivePort"
            wait_until(lambda: told.exists() and told.read_text().strip(), "Chromium listens", timeout_sec=60)
            yield Browser(int(told.read_text().splitlines()[0]))
        finally:
            process.terminate()
            process.wait(20)
