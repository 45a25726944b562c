#!/usr/bin/env python3
"""Waits until a cluster is ready, seen from outside: what stops both clocks of deploy.sh.

  ready.py MASTERS WORKERS URL...

The first URL is a dm-master: its member list must have a leader, so many masters alive and so many
workers online. The others must answer with status 200.
"""
import json
import sys
import time
import urllib.request

LIMIT = 120
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url):
    with OPENER.open(url, timeout=3) as answer:
        return answer.read()


def missing(masters, workers, dm, others):
    try:
        parts = {}
        for part in json.loads(get(dm + "/apis/v1alpha1/members"))["members"]:
            parts.update(part)
        alive = sum(1 for one in parts["master"]["masters"] or [] if one.get("alive"))
        online = sum(1 for one in parts["worker"]["workers"] or [] if one["stage"] != "offline")
        if not parts["leader"]["name"] or (alive, online) != (masters, workers):
            return f"{alive} masters alive, {online} workers online"
        for url in others:
            get(url)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return str(error)
    return ""


def main():
    masters, workers, urls = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    end = time.monotonic() + LIMIT
    while True:
        reason = missing(masters, workers, urls[0], urls[1:])
        if not reason:
            return 0
        if time.monotonic() > end:
            print(f"not ready after {LIMIT} s: {reason}", file=sys.stderr)
            return 1
        time.sleep(0.05)


sys.exit(main())
