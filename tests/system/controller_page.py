"""A controller's /status.json that a test writes itself; the program is not there."""
import http.server
import json
import threading


class ControllerPage(http.server.ThreadingHTTPServer):
    def __init__(self, address, port=8794, plans=()):
        self.plans = list(plans)
        super().__init__((address, port), self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def stop(self):
        self.shutdown()
        self.server_close()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"source": "cutover", "plans": self.server.plans}).encode()
            self.send_response(200 if self.path == "/status.json" else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *unused):
            pass
