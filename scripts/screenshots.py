"""Takes the pictures of docs/page.md in headless Chromium: the page with a day of made-up traffic."""

import argparse
import tempfile
import time
from pathlib import Path

from tests.support.api_server import ApiServer
from tests.support.browser import Browser
from tests.support.cdn_traffic import WEEK, Traffic, caches
from tests.support.influxd import Influxd
from tests.support.rollups import make_databases
from tstats.config.settings import Settings
from tstats.core.time import DAY, HOUR, MINUTE
from tstats.influx.client import Endpoint, Influx

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
SERVICES = {
    "catalog-images": ("web", 0.07),
    "live-news": ("web", 0.18),
    "live-sports-01": ("web", 0.31),
    "shop-frontend": ("web", 0.12),
    "software-updates": ("web", 0.29),
    "vod-movies": ("video", 0.64),
    "vod-series": ("video", 0.33),
}
PICTURES = (
    # name, address, size, whether it is dark
    ("page-overview", "?range=24h", (1440, 1480), False),
    ("page-overview-dark", "?range=24h", (1440, 1480), True),
    ("page-delivery-service", "?view=deliveryservice&name=live-sports-01&range=24h", (1440, 1010), False),
    ("page-cache-group", "?view=cachegroup&name=berlin&range=6h", (1440, 960), True),
    ("page-days", "?view=days", (1440, 900), False),
    ("page-health", "?view=health", (1440, 1150), False),
    ("page-phone", "?range=24h", (360, 1500), False),
)


def main() -> None:
    """Fill a server, and save what the page shows of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=IMAGES, help="where the pictures go (docs/images)")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, Influxd(Path(scratch) / "influxd") as influxd:
        influx = Influx(Endpoint(url=influxd.url))
        fill(influx)
        settings = Settings(
            api_auth="none", influx_urls=[influxd.url], spool_directory=str(Path(scratch) / "spool")
        )
        with ApiServer(settings) as api, Browser(Path(scratch) / "browser") as browser:
            for name, address, size, dark in PICTURES:
                browser.window(*size)
                browser.scheme("dark" if dark else "light")
                browser.open(f"{api.url}/{address}&refresh=0")
                browser.driver.save_screenshot(str(folder / f"{name}.png"))
                print(f"{folder / name}.png")
        influx.close()


def fill(influx: Influx) -> None:
    """Write 25 hours in full detail, the same a week earlier for whole CDNs only, and 120 daily summaries."""
    make_databases(influx)
    now = time.time_ns() // MINUTE * MINUTE
    traffic = Traffic(
        caches(("berlin", "hamburg", "munich", "vienna", "zurich"), each=5),
        SERVICES,
        silent="edge-hamburg-03",
        silent_since=now - 40 * MINUTE,
        failing="shop-frontend",
    )
    start = now - DAY - HOUR
    traffic.write(influx, range(start - WEEK, now - WEEK + MINUTE, MINUTE), details=False)
    traffic.write(influx, range(start, now, MINUTE), details=True)
    traffic.write_now(influx, now)
    traffic.write_days(influx, now // DAY * DAY, 120)


if __name__ == "__main__":
    main()
