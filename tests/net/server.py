#!/usr/bin/env python3
"""A web server that misbehaves on purpose: server.py DIR PORTFILE LOG [CERT]

/HOW/.../FILE serves DIR/FILE in the manner HOW; one line a request goes to LOG:
"HOW FILE RANGE STATUS". Manners that change their mind count the requests for
one path. /FILE by ftp cuts every transfer of a whole file in its middle. The
ports, http ftp https, are in PORTFILE. Standard library only; ends when its
stdin does.
"""
import base64
import gzip
import os
import socket
import socketserver
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DIR, PORTFILE, LOG = sys.argv[1:4]
CERT = sys.argv[4] if len(sys.argv) > 4 else None
lock = threading.Lock()
seen = {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def note(self, status):
        with lock, open(LOG, "a") as log:
            log.write(f"{self.how} {self.file} {self.headers.get('Range', '-')} {status}\n")

    def head(self, status, length, **headers):
        self.note(status)
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def refuse(self, status, **headers):
        body = b"<html>an error page, not the file</html>"
        self.head(status, len(body), **headers)
        self.wfile.write(body)

    def hang_up(self):
        self.wfile.flush()
        self.close_connection = True

    def part(self, data, etag, ranges=True, if_range=True, length=None, **more):
        """The head, then the bytes asked for (not yet written)."""
        start, asked = 0, self.headers.get("Range")
        if asked and ranges:
            start = int(asked.split("=")[1].split("-")[0])
            if if_range and self.headers.get("If-Range", etag) != etag:
                start = 0
        if etag:
            more["ETag"] = etag
        if start >= len(data) > 0:
            self.refuse(416, Content_Range=f"bytes */{len(data)}")
            return b""
        if start:
            more["Content_Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        body = data[start:]
        self.head(206 if start else 200, len(body) if length is None else length, **more)
        return body

    def do_GET(self):
        path = self.path.split("?")[0]
        if "://" in path:  # we are a proxy
            path = "/" + path.split("/", 3)[3]
        words = path.strip("/").split("/")
        self.how, self.file = words[0], words[-1]
        with lock:
            turn = seen[path] = seen.get(path, -1) + 1
        try:
            with open(os.path.join(DIR, self.file), "rb") as f:
                data = f.read()
        except OSError:
            return self.refuse(404)
        try:
            getattr(self, "how_" + self.how, lambda *a: self.refuse(404))(data, turn, words)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def how_ok(self, data, turn, words):
        self.wfile.write(self.part(data, '"v1"'))

    def how_cut(self, data, turn, words):
        """At most N bytes each time, then the connection ends."""
        self.wfile.write(self.part(data, '"v1"')[: int(words[1])])
        self.hang_up()

    def how_anonymous(self, data, turn, words):
        """Cut once, and neither ETag nor date."""
        body = self.part(data, None)
        self.wfile.write(body if turn else body[: len(body) // 2])
        self.hang_up()

    def how_norange(self, data, turn, words):
        """Cut once; knows no ranges."""
        body = self.part(data, '"v1"', ranges=False)
        self.wfile.write(body if turn else body[: len(body) // 2])
        self.hang_up()

    def how_stall(self, data, turn, words):
        body = self.part(data, '"v1"')
        self.wfile.write(body if turn else body[: len(body) // 2])
        self.wfile.flush()
        if not turn:
            time.sleep(5)
            self.hang_up()

    def how_short(self, data, turn, words):
        """Always promises more than it has."""
        self.wfile.write(self.part(data, '"v1"', length=len(data) + 1000, ranges=False))
        self.hang_up()

    def how_long(self, data, turn, words):
        """Has more than it promises."""
        self.wfile.write(self.part(data, '"v1"', length=len(data) // 2, ranges=False))
        self.hang_up()

    def how_huge(self, data, turn, words):
        self.wfile.write(self.part(data, '"v1"', length=1 << 60, ranges=False))
        self.hang_up()

    def how_redirect(self, data, turn, words):
        self.refuse(302, Location="/ok/" + self.file)

    def how_loop(self, data, turn, words):
        self.refuse(302, Location=self.path)

    def how_tofile(self, data, turn, words):
        self.refuse(302, Location="file://" + os.path.join(DIR, self.file))

    def how_busy(self, data, turn, words):
        if turn:
            self.how_ok(data, turn, words)
        else:
            self.refuse(503, Retry_After="1")

    def how_down(self, data, turn, words):
        self.refuse(500)

    def how_recover(self, data, turn, words):
        """Five times nothing."""
        if turn < 5:
            self.refuse(500)
        else:
            self.how_ok(data, turn, words)

    def how_patience(self, data, turn, words):
        self.refuse(429, Retry_After="4000")

    def how_change(self, data, turn, words):
        """Half of an older version first."""
        if turn:
            self.wfile.write(self.part(data, '"v2"'))
        else:
            self.wfile.write(self.part(bytes(len(data)), '"v1"')[: len(data) // 2])
            self.hang_up()

    def how_sly(self, data, turn, words):
        """The same, and the server does not know If-Range."""
        if turn:
            self.wfile.write(self.part(data, '"v2"', if_range=False))
        else:
            self.wfile.write(self.part(bytes(len(data)), '"v1"')[: len(data) // 2])
            self.hang_up()

    def how_gzip(self, data, turn, words):
        body = gzip.compress(data, mtime=0)
        self.head(200, len(body), Content_Encoding="gzip")
        self.wfile.write(body)

    def how_chunked(self, data, turn, words):
        self.head(200, None, Transfer_Encoding="chunked")
        for i in range(0, len(data), 1 << 18):
            piece = data[i : i + (1 << 18)]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
            time.sleep(0.02)
        self.wfile.write(b"0\r\n\r\n")

    def how_slow(self, data, turn, words):
        """The first request takes some seconds."""
        body = self.part(data, '"v1"')
        for i in range(0, len(body), 1 << 16):
            self.wfile.write(body[i : i + (1 << 16)])
            self.wfile.flush()
            time.sleep(0 if turn else 0.1)

    def how_steady(self, data, turn, words):
        """Every request takes about a second."""
        body = self.part(data, '"v1"')
        for i in range(0, len(body), len(body) // 8 + 1):
            self.wfile.write(body[i : i + len(body) // 8 + 1])
            self.wfile.flush()
            time.sleep(0.1)

    def how_wrong(self, data, turn, words):
        self.wfile.write(self.part(bytes(len(data)), '"v1"'))

    def how_page(self, data, turn, words):
        self.part(b"", None, Content_Type="text/html; charset=utf-8", length=11)
        self.wfile.write(b"please pay!")

    def how_secret(self, data, turn, words):
        if self.headers.get("Authorization") == "Basic " + base64.b64encode(b"me:pa55").decode():
            self.how_ok(data, turn, words)
        else:
            self.refuse(401, WWW_Authenticate='Basic realm="x"')


class FTP(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write((line + "\r\n").encode())

    def handle(self):
        start, passive = 0, None
        self.say("220 here")
        for line in self.rfile:
            command, _, value = line.decode().strip().partition(" ")
            path = os.path.join(DIR, os.path.basename(value))
            if command in ("USER", "CWD", "TYPE"):
                self.say("230 fine" if command == "USER" else "200 fine")
            elif command == "PWD":
                self.say('257 "/"')
            elif command == "EPSV":
                passive = socket.create_server(("127.0.0.1", 0))
                self.say(f"229 passive (|||{passive.getsockname()[1]}|)")
            elif command == "SIZE":
                self.say(f"213 {os.path.getsize(path)}")
            elif command == "REST":
                start = int(value)
                self.say("350 fine")
            elif command == "RETR":
                with open(path, "rb") as f:
                    data = f.read()
                with lock, open(LOG, "a") as log:
                    log.write(f"ftp {value} {start}\n")
                self.say("150 coming")
                with passive.accept()[0] as to:
                    to.sendall(data[start:] if start else data[: len(data) // 2])
                self.say("226 done" if start else "426 cut")
                start = 0
            elif command == "QUIT":
                return self.say("221 bye")
            else:
                self.say("502 unknown")


class FTPServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


def serve(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return str(server.server_address[1])


ports = [serve(ThreadingHTTPServer(("127.0.0.1", 0), Handler)), serve(FTPServer(("127.0.0.1", 0), FTP))]
if CERT:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERT)
    https = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    https.socket = context.wrap_socket(https.socket, server_side=True)
    ports.append(serve(https))
with open(PORTFILE + ".new", "w") as f:
    f.write("\n".join(ports) + "\n")
os.rename(PORTFILE + ".new", PORTFILE)
sys.stdin.read()
