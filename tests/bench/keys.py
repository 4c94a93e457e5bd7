"""How long it takes from a key to the row that shows what it did, in a real browser on N issues.

make bench-keys N=100000
"""

import argparse
import os
import statistics
import subprocess
import sys

from playwright.sync_api import sync_playwright

from tests.bench import data
from tests.bench.bars import Bar
from tests.bench.servers import served
from tests.browser.conftest import CHROMIUM, LAUNCH

PRESSES = 40
THREADS = 4
SIGN_IN = (
    "import django; django.setup(); from tests.bench.scenarios import signed_in; "
    "print(signed_in().cookies['sessionid'].value)"
)
# From the press to the frame that shows another status in the current row.
WATCH = """() => {
    const {key} = document.querySelector(".row[data-current]").dataset;
    const status = () => document.querySelector(`#issue-${key} .status`)?.textContent;
    const before = status();
    window.took = new Promise((resolve) => {
        addEventListener("keydown", () => {
            const began = performance.now();
            new MutationObserver((changes, observer) => {
                if (status() && status() !== before) {
                    observer.disconnect();
                    requestAnimationFrame(() => resolve(performance.now() - began));
                }
            }).observe(document.body, {subtree: true, childList: true, characterData: true});
        }, {capture: true, once: true});
    });
}"""
BARS = (
    Bar("a row shows what a key did, median", 100, statistics.median, unit=" ms"),
    Bar("a row shows what a key did, p90", 100, lambda took: sorted(took)[-PRESSES // 10], unit=" ms"),
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, metavar="N", help="issues; the data set is kept and used again")
    count = parser.parse_args().count
    url = data.copy_of(os.environ.get("DATABASE_URL", ""), count)
    try:
        data.run(url, "manage.py", "collectstatic", "--noinput", "--verbosity", "0")
        took = measured(url)
    finally:
        data.drop(url, count)
    lines = [f"{count:,} issues, {data.scheme(url)}, load {os.getloadavg()[0]:.1f}", ""]
    lines += ["| work | bar | measured | |", "| --- | --- | --- | --- |"]
    lines += [bar.row(took) for bar in BARS]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if all(bar.holds(bar.figure(took)) for bar in BARS) else 1


def measured(url):
    """The milliseconds that each of PRESSES took: an issue after the other is claimed or resolved."""
    session = data.run(url, "-c", SIGN_IN, stdout=subprocess.PIPE).stdout.strip()
    with served("product", url, THREADS) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=LAUNCH)
        home = f"http://127.0.0.1:{server.port}"
        page = browser.new_page(base_url=home, viewport={"width": 1440, "height": 900})
        page.context.add_cookies([{"name": "sessionid", "value": session, "url": home}])
        page.goto("/issues/?status=open")
        page.keyboard.press("j")
        took = []
        for press in range(PRESSES):
            page.evaluate(WATCH)
            page.keyboard.press("e1"[press % 2])
            took.append(page.evaluate("window.took"))
        browser.close()
    return took


if __name__ == "__main__":
    sys.exit(main())
