"""A real headless Chromium, driven over its DevTools protocol with nothing but aiohttp."""

import asyncio
import base64
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowDown": 40}

Json = dict[str, Any]


def find_chromium() -> str | None:
    """The browser on this machine, if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


class Tab:
    """One page in the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, session: str) -> None:
        self.requests: list[str] = []  # every address that the page asked for
        self.errors: list[str] = []  # exceptions, console errors and what the CSP stopped
        self._socket = socket
        self._session = session
        self._next = 1000
        self._chosen: list[str] = []
        self._answers: dict[int, asyncio.Future[Json]] = {}
        self._reader = asyncio.create_task(self._read())

    async def call(self, method: str, **parameters: Any) -> Json:
        """One DevTools command."""
        self._next += 1
        answer = self._answers[self._next] = asyncio.get_running_loop().create_future()
        await self._socket.send_json(
            {"id": self._next, "method": method, "params": parameters, "sessionId": self._session}
        )
        found = await asyncio.wait_for(answer, 60)
        assert "error" not in found, (method, found)
        return dict(found["result"])

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression; promises are awaited."""
        found = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    async def until(self, script: str, seconds: float = 30) -> Any:
        """Wait until the expression is true, and answer it."""
        for _ in range(int(seconds / 0.05)):
            if value := await self.run(script):
                return value
            await asyncio.sleep(0.05)
        raise AssertionError(f"never true: {script}; errors: {self.errors}")

    async def open(
        self, url: str, width: int, height: int = 900, dark: bool = False, phone: bool = False, still: bool = False
    ) -> None:
        """Load `url` in a window of that size, with these preferences for colours and, if `still`, against movement."""
        for domain in ("Page", "Runtime", "Network", "DOM", "Log"):
            await self.call(f"{domain}.enable")
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone
        )
        await self.call("Emulation.setTouchEmulationEnabled", enabled=phone)
        wishes = {
            "prefers-color-scheme": "dark" if dark else "light",
            "prefers-reduced-motion": "reduce" if still else "no-preference",
        }
        features = [{"name": name, "value": value} for name, value in wishes.items()]
        await self.call("Emulation.setEmulatedMedia", features=features)
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def choose(self, selector: str, paths: Sequence[Path]) -> None:
        """Put files into an <input type=file>, as its dialog would."""
        root = (await self.call("DOM.getDocument"))["root"]["nodeId"]
        node = (await self.call("DOM.querySelector", nodeId=root, selector=selector))["nodeId"]
        await self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in paths])

    async def answer_chooser(self, paths: Sequence[Path]) -> None:
        """From now on the file dialog that a key or a click opens is answered with these files."""
        self._chosen = [str(path) for path in paths]
        await self.call("Page.setInterceptFileChooserDialog", enabled=True)

    async def drop(self, selector: str, path: Path) -> None:
        """Drag a file from outside over an element and let go."""
        box = await self.run(f"document.querySelector('{selector}').getBoundingClientRect().toJSON()")
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            await self.call("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    async def press(self, key: str, back: bool = False) -> None:
        """One key, down and up; `back`: with Shift."""
        code = KEYS[key]
        text = {"Enter": "\r", " ": " "}.get(key, "")
        for kind in ("keyDown", "keyUp"):
            await self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code="Space" if key == " " else key,
                windowsVirtualKeyCode=code,
                modifiers=8 if back else 0,
                text=text if kind == "keyDown" else "",
            )

    async def type(self, text: str) -> None:
        """Text into whatever has the focus."""
        await self.call("Input.insertText", text=text)

    async def screenshot(self) -> bytes:
        """The whole page as a PNG."""
        size = (await self.call("Page.getLayoutMetrics"))["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = await self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(shot["data"])

    async def close(self) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def _read(self) -> None:
        async for message in self._socket:
            event: Json = message.json()
            if event.get("id") in self._answers:
                self._answers.pop(event["id"]).set_result(event)
            elif event.get("method") == "Page.fileChooserOpened":
                node = event["params"]["backendNodeId"]
                parameters = {"files": self._chosen, "backendNodeId": node}
                await self._socket.send_json(
                    {"id": 1, "method": "DOM.setFileInputFiles", "params": parameters, "sessionId": self._session}
                )
            elif event.get("method") == "Network.requestWillBeSent":
                self.requests.append(event["params"]["request"]["url"])
            elif event.get("method") == "Runtime.exceptionThrown":
                self.errors.append(str(event["params"]["exceptionDetails"]))
            elif event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
                self.errors.append(event["params"]["entry"]["text"])


class Browser:
    """A running Chromium; `tab()` gives a fresh page with storage of its own."""

    def __init__(self, socket_url: str, client: aiohttp.ClientSession) -> None:
        self._url = socket_url
        self._client = client

    @asynccontextmanager
    async def tab(self) -> AsyncIterator[Tab]:
        async with self._client.ws_connect(self._url, max_msg_size=0) as socket:
            context = await _ask(socket, "Target.createBrowserContext")
            target = await _ask(socket, "Target.createTarget", url="about:blank", **context)
            session = await _ask(socket, "Target.attachToTarget", flatten=True, **target)
            tab = Tab(socket, session["sessionId"])
            try:
                yield tab
            finally:
                await tab.close()
                await _ask(socket, "Target.disposeBrowserContext", **context)


async def _ask(socket: aiohttp.ClientWebSocketResponse, method: str, **parameters: Any) -> Json:
    await socket.send_json({"id": 1, "method": method, "params": parameters})
    async for message in socket:
        found: Json = message.json()
        if found.get("id") == 1:
            assert "error" not in found, found
            return dict(found["result"])
    raise AssertionError("the browser closed the connection")


@asynccontextmanager
async def start_browser(program: str) -> AsyncIterator[Browser]:
    """Chromium with a new profile, ended and cleaned up afterwards."""
    with tempfile.TemporaryDirectory(prefix="candid-chromium-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            program,
            *FLAGS,
            f"--user-data-dir={profile}",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            port_file = Path(profile) / "DevToolsActivePort"
            for _ in range(600):
                if port_file.exists() and len(lines := port_file.read_text().split()) == 2:
                    break
                await asyncio.sleep(0.05)
            else:
                raise AssertionError("Chromium did not start")
            async with aiohttp.ClientSession() as client:
                yield Browser(f"ws://127.0.0.1:{lines[0]}{lines[1]}", client)
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # its own group: we started it
            await process.wait()
