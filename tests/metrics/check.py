"""What two judges that are not ours say about /metrics: promtool, and the OpenMetrics parser of prometheus-client.

    check.py VESTIBULE

Runs the demo, sends it requests of every kind, and shows the page to both. promtool also reads the alerts of
docs/metrics.md. The last line is "N passed, N failed".
"""

import pathlib
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families

ROOT = pathlib.Path(__file__).parents[2]
failures = []
passed = 0


def check(what, fault):
    """Counts one check; `fault` is empty when all is well."""
    global passed
    if fault:
        failures.append(what)
        print(f"FAILED: {what}\n{fault}")
    else:
        passed += 1
        print(f"ok: {what}")


def four_ports():
    """The first of four ports in a row that nobody listens on."""
    for first in range(21180, 22180, 10):
        sockets = []
        try:
            for port in range(first, first + 4):
                one = socket.socket()
                sockets.append(one)
                one.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
    sys.exit("no four ports in a row are free")


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def fetch(url, method="GET", **fields):
    opener = urllib.request.build_opener(Stay)
    request = urllib.request.Request(url, method=method)
    for name, value in fields.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()


def promtool(*arguments, text=None):
    """What it complains about; nothing when it ended well and said nothing."""
    done = subprocess.run(["promtool", *arguments], input=text, capture_output=True, text=True, check=False)
    return f"exit code {done.returncode}\n{done.stdout}{done.stderr}" if done.returncode else done.stderr


def demo(binary):
    port = four_ports()
    process = subprocess.Popen(
        [binary, "demo", "--port", str(port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    # Its banner is there when it serves.
    for line in process.stdout:
        if "admin" in line:
            break
    return process, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"


def main(binary):
    process, gateway, admin = demo(binary)
    try:
        fetch(f"{gateway}/public")
        fetch(f"{gateway}/public", x_forwarded_user="root")
        fetch(f"{gateway}/", method="DELETE")
        fetch(f"{gateway}/", accept="text/html", sec_fetch_mode="navigate", sec_fetch_dest="document")
        fetch(f"{gateway}/%2e%2e/")
        plain = fetch(f"{admin}/metrics")
        opened = fetch(f"{admin}/metrics", accept="application/openmetrics-text; version=1.0.0")
    finally:
        process.terminate()
        process.wait(timeout=30)

    fault = promtool("check", "metrics", text=plain)
    done = "" if "vestibule_decisions_total" in plain else "the page has no decisions"
    check("promtool check metrics is silent", fault or done)

    try:
        families = {family.name: family for family in text_string_to_metric_families(opened)}
        wrong = [f"{name} has no help" for name, family in families.items() if not family.documentation]
        if "http_server_request_duration_seconds" not in families:
            wrong.append("no durations")
    except ValueError as error:
        wrong = [str(error)]
    check("the OpenMetrics parser of prometheus-client takes the page", "\n".join(wrong))

    page = (ROOT / "docs/metrics.md").read_text()
    alerts = re.search(r"```yaml\n(groups:.*?)```", page, re.DOTALL).group(1)
    rules = ROOT / "tests/.tools/alerts.yml"
    rules.write_text(alerts)
    check("promtool check rules takes the alerts of docs/metrics.md", promtool("check", "rules", str(rules)))
    used = set(re.findall(r"\b(?:vestibule|http)_[a-z0-9_]+", alerts)) - {"http_route", "http_response_status_code"}
    names = set(re.findall(r"^([a-z0-9_]+)[{ ]", plain, re.MULTILINE)) | set(
        re.findall(r"^# TYPE ([a-z0-9_]+)", plain, re.MULTILINE)
    )
    check("the alerts name metrics that exist", "\n".join(sorted(used - names)))

    print(f"{passed} passed, {len(failures)} failed")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
