#!/usr/bin/env python3
"""Starts a service as systemd does and waits until it is ready.

  notified.py SOCKET TIMEOUT COMMAND...

The time-out, in seconds, counts from the start and anew from each word that the start goes on
(EXTEND_TIMEOUT_USEC, which says for how long). Prints how long the start took, and the longest time
without a word. Ends the service.
"""
import os
import re
import socket
import subprocess
import sys
import time

EXTEND = re.compile(r"^EXTEND_TIMEOUT_USEC=(\d+)$", re.M)


def wait_ready(service, listening, timeout):
    began = heard = time.monotonic()
    longest, end = 0, began + timeout
    while True:
        listening.settimeout(1)
        try:
            text = listening.recv(4096).decode()
        except TimeoutError:
            if service.poll() is not None:
                return f"the service ended with {service.returncode}"
            if time.monotonic() < end:
                continue
            return f"the start timed out {time.monotonic() - heard:.1f} s after the last word"
        now = time.monotonic()
        longest, heard = max(longest, now - heard), now
        if "READY=1" in text:
            print(f"ready after {now - began:.1f} s, at most {longest:.1f} s without a word")
            return ""
        if extended := EXTEND.search(text):
            end = max(end, now + int(extended[1]) / 1e6)


def main():
    path, timeout, command = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(path)
        service = subprocess.Popen(command, env={**os.environ, "NOTIFY_SOCKET": path})
        try:
            problem = wait_ready(service, listening, timeout)
        finally:
            service.kill()
            service.wait()
    if problem:
        print(problem)
    return 1 if problem else 0


sys.exit(main())
