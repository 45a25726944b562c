#!/usr/bin/env python3
"""A small S3: PUT, GET, HEAD and DELETE of one object, each with a signature that is worked out here
again (AWS Signature Version 4, by the standard library's hmac).

  s3_server.py FOLDER ACCESS_KEY SECRET_KEY REGION   writes its port to FOLDER/port once it serves

The bucket is "bucket"; its objects lie in FOLDER/objects, one file each. While FOLDER/slow holds a
number above 0, a request is answered with 503 SlowDown and the number goes down by one.
FOLDER/requests has a line for each request: method, path, status.
"""
import datetime
import hashlib
import hmac
import http.server
import pathlib
import sys
import urllib.parse
from xml.sax import saxutils

FOLDER = pathlib.Path(sys.argv[1])
ACCESS, SECRET, REGION = sys.argv[2:5]
BUCKET = "bucket"


def escape(text):
    """As a server in Go does."""
    return saxutils.escape(text, {"'": "&#39;", '"': "&#34;"})


def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Refused(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def check_signature(self, body):
        kind, _, rest = self.headers.get("Authorization", "").partition(" ")
        if kind != "AWS4-HMAC-SHA256":
            raise Refused(403, "AccessDenied", "no signature")
        fields = dict(part.strip().split("=", 1) for part in rest.split(","))
        access, day, region, service, end = fields["Credential"].split("/")
        # As versitygw says it.
        if access == "STRANGER":
            raise Refused(404, "XAdminUserNotFound", "no user has this access key")
        if access != ACCESS:
            raise Refused(403, "InvalidAccessKeyId", "the access key does not exist")
        if (region, service, end) != (REGION, "s3", "aws4_request"):
            raise Refused(400, "AuthorizationHeaderMalformed", f"the region is {REGION}")
        signed = fields["SignedHeaders"].split(";")
        if signed != sorted(signed) or not {"host", "x-amz-date", "x-amz-content-sha256"} <= set(signed):
            raise Refused(403, "AccessDenied", f"signed are {signed}")
        claimed = self.headers["x-amz-content-sha256"]
        if claimed != hashlib.sha256(body).hexdigest():
            raise Refused(400, "XAmzContentSHA256Mismatch", "the body has another hash")
        moment = self.headers["x-amz-date"]
        then = datetime.datetime.strptime(moment, "%Y%m%dT%H%M%SZ")
        if abs(datetime.datetime.utcnow() - then) > datetime.timedelta(minutes=15):
            raise Refused(403, "RequestTimeTooSkewed", "the clocks differ")
        path, _, query = self.path.partition("?")
        headers = "".join(f"{name}:{' '.join(self.headers[name].split())}\n" for name in signed)
        path = urllib.parse.quote(urllib.parse.unquote(path), safe="/-_.~")
        canonical = "\n".join([self.command, path, query, headers, ";".join(signed), claimed])
        scope = f"{day}/{REGION}/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", moment, scope,
                          hashlib.sha256(canonical.encode()).hexdigest()])
        key = f"AWS4{SECRET}".encode()
        for part in (day, REGION, "s3", "aws4_request"):
            key = sign(key, part)
        if not hmac.compare_digest(sign(key, text).hex(), fields["Signature"]):
            raise Refused(403, "SignatureDoesNotMatch", "the signature is another one")

    def answer(self, status, body=b"", size=None):
        with open(FOLDER / "requests", "a", encoding="utf-8") as log:
            log.write(f"{self.command} {self.path} {status}\n")
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if size is None else size))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            slow = FOLDER / "slow"
            left = int(slow.read_text(encoding="utf-8")) if slow.exists() else 0
            if left > 0:
                slow.write_text(str(left - 1), encoding="utf-8")
                raise Refused(503, "SlowDown", "reduce your request rate")
            self.check_signature(body)
            if not self.path.startswith(f"/{BUCKET}/"):
                raise Refused(404, "NoSuchBucket", "the bucket doesn't exist & isn't made")
            file = FOLDER / "objects" / self.path.lstrip("/").replace("/", "+")
            if self.command == "PUT":
                file.write_bytes(body)
                self.answer(200)
            elif self.command == "DELETE":
                file.unlink(missing_ok=True)
                self.answer(204)
            elif not file.exists():
                raise Refused(404, "NoSuchKey", "the key does not exist")
            else:
                self.answer(200, file.read_bytes())
        except Refused as refused:
            text = ('<?xml version="1.0" encoding="UTF-8"?>\n<Error>'
                    f"<Code>{refused.code}</Code><Message>{escape(refused.message)}</Message></Error>")
            self.answer(refused.status, text.encode())

    do_PUT = do_GET = do_HEAD = do_DELETE = serve

    def log_message(self, *_):
        pass


(FOLDER / "objects").mkdir(exist_ok=True)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
(FOLDER / "port.new").write_text(str(server.server_port), encoding="utf-8")
(FOLDER / "port.new").rename(FOLDER / "port")
server.serve_forever()
