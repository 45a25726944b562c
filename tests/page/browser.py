#!/usr/bin/env python3
"""Looks at every page of dmgrd in a browser. Started by browser.sh.

  browser.py URL PASSWORD_FILE FOLDER   a cluster `orders` is up there, with tasks

The last line is `N passed, N failed`; the exit status is 1 when a page is not as it should be.
"""
import pathlib
import subprocess
import sys

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

LIMIT_S = 120
WIDE, NARROW = (1280, 900), (500, 900)
# What each page must show, by language.
PAGES = {
    "clusters": ("/", {"en": ("Clusters", "orders", "healthy 3/3"),
                       "zh": ("集群", "orders", "健康 3/3")}),
    "cluster": ("/clusters/orders", {"en": ("dm-master", "healthy", "task-0"),
                                     "zh": ("dm-worker", "健康", "task-0")}),
    "operations": ("/operations", {"en": ("Operations", "deploy", "succeeded", "100 %"),
                                   "zh": ("操作", "部署", "成功", "100 %")}),
    "tasks": ("/tasks", {"en": ("Tasks", "task-1", "running", "Lag"),
                         "zh": ("任务", "task-1", "运行中", "延迟")}),
    "unknown": ("/clusters/nobody", {"en": ("This cannot be shown",), "zh": ("无法显示",)}),
}
LOGIN = {"en": ("Log in", "Password"), "zh": ("登录", "密码")}
# Contrast by WCAG 2: the least of all texts with what is behind them.
LEAST_CONTRAST = """
const light = text => {
  const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const back = light(getComputedStyle(document.body).backgroundColor);
let least = 21;
for (const one of document.querySelectorAll('h1, h2, p, th, td, a, span, label, strong')) {
  const text = light(getComputedStyle(one).color);
  least = Math.min(least, (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05));
}
return [back, least];
"""


class Look:
    def __init__(self, url, folder):
        self.url, self.folder = url, folder
        self.passed, self.problems = 0, []
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        # Root has no sandbox, and a container little shared memory.
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage",
                         "--no-proxy-server", "--hide-scrollbars"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.browser = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)

    def check(self, what, is_so):
        if is_so:
            self.passed += 1
        else:
            self.problems.append(what)
            print(f"not so: {what}", flush=True)

    def await_that(self, what, condition):
        try:
            WebDriverWait(self.browser, LIMIT_S, 0.1).until(lambda _: condition())
            self.check(what, True)
        except Exception as error:  # pylint: disable=broad-except
            self.check(f"{what} ({type(error).__name__})", False)

    def text(self):
        return self.browser.find_element(By.TAG_NAME, "body").text

    def dress(self, scheme):
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def open(self, path, language):
        self.browser.get(f"{self.url}{path}?lang={language}")

    # Of a page that is not there the browser itself writes so.
    def check_console(self, name, is_refused=False):
        for entry in self.browser.get_log("browser"):
            is_status = is_refused and "404" in entry["message"]
            self.check(f"{name}: the console is silent, not: {entry['message']}", is_status)

    def look_at(self, name, path, language, scheme, words):
        title = f"{name}-{language}-{scheme}"
        self.dress(scheme)
        self.browser.set_window_size(*WIDE)
        self.open(path, language)
        for word in words:
            self.await_that(f"{title} shows {word}", lambda w=word: w in self.text())
        shown = self.browser.find_element(By.TAG_NAME, "html").get_attribute("lang")
        self.check(f"{title} is in its language", shown == language)
        back, contrast = self.browser.execute_script(LEAST_CONTRAST)
        self.check(f"{title} is {scheme}", (back > 0.5) == (scheme == "light"))
        self.check(f"{title} can be read: contrast {contrast:.1f}", contrast >= 4.5)
        for size, suffix in ((WIDE, ""), (NARROW, "-narrow")):
            self.browser.set_window_size(*size)
            beyond = self.browser.execute_script(
                "return document.documentElement.scrollWidth - document.documentElement.clientWidth")
            self.check(f"{title}{suffix} is no wider than the window, but {beyond}", beyond <= 0)
            self.browser.save_screenshot(str(self.folder / f"{title}{suffix}.png"))
        self.check_console(title, is_refused=name == "unknown")

    def log_in(self, user, password):
        self.open("/login", "en")
        self.browser.find_element(By.NAME, "user").send_keys(user)
        self.browser.find_element(By.NAME, "password").send_keys(password)
        self.browser.find_element(By.CSS_SELECTOR, "main button").click()

    # By the script of the page alone: nothing is loaded anew.
    def follow(self, begin):
        self.dress("light")
        self.browser.set_window_size(*WIDE)
        self.open("/operations", "en")
        before = self.browser.find_element(By.CSS_SELECTOR, "tbody a").get_attribute("href")
        self.browser.execute_script("window.stays = true")
        begin()

        def newest():
            try:
                link = self.browser.find_element(By.CSS_SELECTOR, "tbody a").get_attribute("href")
            except Exception:  # pylint: disable=broad-except
                return before  # The table is being replaced.
            return link

        self.await_that("the list shows an operation that has begun", lambda: newest() != before)
        self.check("the list was not loaded anew",
                   self.browser.execute_script("return window.stays === true"))
        self.browser.get(newest())
        self.browser.execute_script("window.stays = true")
        self.browser.save_screenshot(str(self.folder / "operation-live.png"))
        self.await_that("the operation is followed until it is over", lambda: self.browser
                        .execute_script("return document.querySelector('[data-over]') !== null"))
        self.check("the operation's page was not loaded anew",
                   self.browser.execute_script("return window.stays === true"))
        self.check("it succeeded", "succeeded" in self.text() and "100 %" in self.text())
        self.browser.save_screenshot(str(self.folder / "operation-over.png"))
        self.check_console("operation")
        return newest_path(self.browser.current_url)


def newest_path(url):
    return "/" + url.split("/", 3)[3].split("?")[0]


def every_dress():
    return [(language, scheme) for language in ("en", "zh") for scheme in ("light", "dark")]


def look_at_all(look, password):
    for language, scheme in every_dress():
        look.look_at("login", "/login", language, scheme, LOGIN[language])
    look.log_in("admin", "not-the-password")
    look.await_that("a wrong password is refused in words", lambda: look.browser.find_elements(
        By.CSS_SELECTOR, "[role=alert]"))
    look.browser.get_log("browser")
    look.log_in("admin", password)
    look.await_that("a login leads to the clusters",
                    lambda: look.browser.find_elements(By.LINK_TEXT, "orders"))
    for language, scheme in every_dress():
        for name, (path, words) in PAGES.items():
            look.look_at(name, path, language, scheme, words[language])

    def begin():
        subprocess.run(["bash", "-c", "ctl cluster restart orders --yes --detach"], check=True,
                       stdout=subprocess.DEVNULL)

    path = look.follow(begin)
    for language, scheme in every_dress():
        look.look_at("operation", path, language, scheme, ("orders", "100 %"))
    look.browser.find_element(By.CSS_SELECTOR, "header form button").click()
    look.await_that("a logout leads to the login",
                    lambda: look.browser.find_elements(By.NAME, "password"))


def main():
    url, password, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    look = Look(url, folder)
    try:
        look_at_all(look, pathlib.Path(password).read_text().strip())
    finally:
        look.browser.quit()
    print(f"pictures: {folder}")
    print(f"{look.passed} passed, {len(look.problems)} failed")
    return 1 if look.problems else 0


if __name__ == "__main__":
    sys.exit(main())
