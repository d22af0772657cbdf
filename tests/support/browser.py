"""A headless Chromium, to use the page as a person does."""

import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.support.running import Running
from tests.support.waiting import wait_for

_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--hide-scrollbars",
    "--no-proxy-server",
)


class Browser(Running):
    """A browser; a context manager. `driver` is Selenium's.

    Args:
        profile: a folder for its profile; it must not exist yet.

    Raises:
        RuntimeError: Chromium is not installed; the text names the packages.
    """

    def __init__(self, profile: Path) -> None:
        binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
        if binary is None or driver is None:
            raise RuntimeError(
                "Chromium is not installed: apt-get install chromium chromium-driver (scripts/setup does it)"
            )
        options = Options()
        options.binary_location = binary
        for option in (*_OPTIONS, f"--user-data-dir={profile}"):
            options.add_argument(option)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self._options = options
        self._service = Service(driver)

    def start(self) -> None:
        self.driver = webdriver.Chrome(options=self._options, service=self._service)

    def stop(self) -> None:
        self.driver.quit()

    def window(self, width: int, height: int) -> None:
        """Resize the window."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def scheme(self, name: str) -> None:
        """Set the color scheme that the system prefers: `light` or `dark`."""
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def open(self, address: str) -> None:
        """Open an address and wait until the page has loaded its data."""
        self.driver.get(address)
        self.settled()

    def settled(self) -> None:
        """Wait until the page is no longer busy."""
        settled = "return document.querySelector('main')?.getAttribute('aria-busy') === 'false'"
        wait_for(lambda: self.run(settled), "the page", seconds=40)

    def run(self, script: str, *arguments: object) -> Any:  # noqa: ANN401 (whatever the script returns)
        """Run a script and return its result."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> WebElement:
        """Return the first element that matches a CSS selector."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str = "main") -> str:
        """Return the visible text of an element, or an empty string if it does not exist."""
        return str(self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector))

    def complaints(self) -> list[str]:
        """Return the errors and warnings in the console since the last call."""
        return [entry["message"] for entry in self._log("browser") if entry["level"] != "INFO"]

    def requested(self) -> list[str]:
        """Return the addresses that were requested since the last call."""
        found = []
        for entry in self._log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return found

    def _log(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.driver.get_log(kind)  # type: ignore[no-untyped-call]  # it has no types
        return found


def hosts(addresses: list[str]) -> set[str]:
    """Return the hosts of all network addresses."""
    parts = [urlsplit(address) for address in addresses]
    return {part.netloc for part in parts if part.scheme in ("http", "https", "ws", "wss")}
