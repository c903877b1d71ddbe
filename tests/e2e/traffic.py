# SPDX-License-Identifier: Apache-2.0
"""The real data plane in front of real servers: shares, stickiness, shifts under load, the death of
HAProxy, metrics."""
import http.client
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from urllib.parse import unquote

import pytest
from asking import code_of, eventually
from backends import Backends, Balancer, Connection, Load, count, free_ports
from towpath import TOWPATH, Server

REQUESTS = 20000

pytestmark = pytest.mark.skipif(
    not (shutil.which("haproxy") or os.path.exists("/usr/sbin/haproxy")),
    reason="haproxy is not installed")


@pytest.fixture(scope="module")
def backends():
    b = Backends("blue", "blue2", "green", "green2")
    yield b
    b.close()


@pytest.fixture
def balancer(server, backends):
    return Balancer(server, backends, {"blue": ["blue"], "green": ["green"]},
                    weights={"blue": 100, "green": 0})


def master_pid(server):
    with open(os.path.join(server.data, "traffic", "haproxy.pid"), encoding="utf-8") as f:
        return int(f.read())


def worker_pid(server):
    path = os.path.join(server.data, "traffic", "haproxy.sock")
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(b"show info\n")
        text = s.makefile().read()
    found = re.search(r"^Pid: (\d+)$", text, re.M)
    if not found:
        raise OSError("it hung up")
    return int(found[1])


def test_shares_hold_from_the_first_request_on(balancer):
    worker = worker_pid(balancer.server)
    for percent in (1, 10, 25, 50, 90, 99):
        balancer.share({"blue": 100 - percent, "green": percent})
        # of the first thousand after the change already, and of all
        first = count(balancer.port, 1000)
        assert abs(first["green"] / 10 - percent) < 1, (percent, first)
        rest = count(balancer.port, REQUESTS - 1000)
        measured = (first["green"] + rest["green"]) * 100 / REQUESTS
        assert abs(measured - percent) < 0.1, (percent, measured)
    assert worker_pid(balancer.server) == worker  # no reload


def test_a_client_stays_in_its_group_while_that_has_traffic(balancer):
    balancer.share({"blue": 50, "green": 50}, sticky=3600)
    c = Connection(balancer.port)
    seen = {}
    while len(seen) < 2:
        _, headers, name = c.get()
        cookies = [v for k, v in headers if k == "set-cookie"]
        assert len(cookies) == 2 and cookies[1].startswith("AWSALBTGCORS=")
        assert "SameSite=None" in cookies[1] and "; Path=/" in cookies[0]
        seen[name] = re.match(r"AWSALBTG=([0-9A-F]{32}); Expires=.* GMT", cookies[0])[1]
    assert seen["blue"] != seen["green"]
    for name, cookie in seen.items():
        for _ in range(20):
            assert c.get(headers=f"Cookie: a=b; AWSALBTG={cookie}\r\n")[2] == name
    # who has none is shared by weight all the same
    counted = [c.get()[2] for _ in range(100)]
    assert 40 < counted.count("green") < 60
    # its group has left: it goes where the others go, and stays there
    balancer.share({"blue": 0, "green": 100}, sticky=3600)
    for _ in range(20):
        assert c.get(headers=f"Cookie: AWSALBTG={seen['blue']}\r\n")[2] == "green"
    c.close()


def test_a_client_stays_with_its_target_until_that_leaves(server, backends):
    b = Balancer(server, backends, {"blue": ["blue", "blue2"]})
    b.attribute("blue", "stickiness.enabled", "true")
    b.attribute("blue", "stickiness.lb_cookie.duration_seconds", "60")
    b.share({"blue": 1})
    c = Connection(b.port)
    seen = {}
    while len(seen) < 2:
        _, headers, name = c.get()
        found = [re.match(r"AWSALB=([0-9A-F]{32}); Expires=", v) for k, v in headers
                 if k == "set-cookie"]
        seen[name] = next(m[1] for m in found if m)
    for name, cookie in seen.items():
        for _ in range(20):
            assert c.get(headers=f"Cookie: AWSALB={cookie}\r\n")[2] == name
    b.deregister("blue", "blue")
    end, moved = time.monotonic() + 180, 0
    while moved < 20:  # in a row
        moved = moved + 1 if c.get(headers=f"Cookie: AWSALB={seen['blue']}\r\n")[2] == "blue2" else 0
        assert time.monotonic() < end
    c.close()


def test_two_hundred_shifts_lose_no_request(balancer):
    load = Load(balancer.port, connections=16)
    try:
        for i in range(200):
            percent = (0, 10, 50, 100)[i % 4]
            balancer.share({"blue": 100 - percent, "green": percent})
    finally:
        failed, requests, report = load.end()
    assert failed == 0 and requests > 1000, report


def test_it_is_back_at_once_when_it_is_killed(balancer):
    balancer.share({"blue": 25, "green": 75})
    first = master_pid(balancer.server)
    for victim in ("worker", "master"):
        before = worker_pid(balancer.server)
        os.kill(before if victim == "worker" else master_pid(balancer.server), signal.SIGKILL)
        end = time.monotonic() + 180
        while True:
            try:
                if worker_pid(balancer.server) != before:
                    # never without its targets
                    assert Connection(balancer.port).get()[0] == 200
                    break
            except OSError:
                pass
            assert time.monotonic() < end, balancer.server.stderr()
            time.sleep(0.01)
        counted = count(balancer.port, 1000)
        assert abs(counted["green"] / 10 - 75) < 1, counted
    assert master_pid(balancer.server) != first


def test_targets_learn_who_asked_and_how(balancer):
    c = Connection(balancer.port)
    for _ in range(2):  # what a client claims is added to, or replaced
        status, _, body = c.get("/headers", headers="X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n")
        sent = [line.split(": ", 1) for line in unquote(body.lower()).splitlines() if line]
        told = {name: [v for k, v in sent if k == name] for name, _ in sent}
        assert status == 200, body
        assert told["x-forwarded-for"] == ["192.0.2.7", "127.0.0.1"], body
        assert told["x-forwarded-proto"] == ["http"], body
        assert told["x-forwarded-port"] == [str(balancer.port)], body
    c.close()


def timed(server):
    """The numbers below 10,000 of the requests whose response times are noted."""
    path = os.path.join(server.data, "traffic", "haproxy.sock")
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(f"show acl {server.data}/traffic/maps/timed.list\n".encode())
        return int(re.search(r"0:(\d+)$", s.makefile().read(), re.M)[1]) + 1


def flood(port, requests, ahead=500):
    """As many requests a second as one connection takes: the answers are told apart by their first words alone."""
    with socket.create_connection(("127.0.0.1", port), 20) as s:
        for _ in range(requests // ahead):
            s.sendall(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n" * ahead)
            got = b""
            while got.count(b"HTTP/1.1 200") < ahead or not got.endswith(b"blue"):
                some = s.recv(1 << 16)
                assert some, got[-1000:]
                got += some


def test_response_times_of_many_requests_are_a_sample(balancer):
    end = time.monotonic() + 60
    assert timed(balancer.server) == 10000
    while timed(balancer.server) == 10000:
        assert time.monotonic() < end
        flood(balancer.port, 8000)
    cw = balancer.server.client("cloudwatch")

    def total(metric, statistic):
        now = time.time()
        return sum(p[statistic] for p in cw.get_metric_statistics(
            Namespace="AWS/ApplicationELB", MetricName=metric, StartTime=now - 300, EndTime=now + 60,
            Period=60, Dimensions=balancer.dimension("blue"), Statistics=[statistic])["Datapoints"])

    def about_all():
        requests, times = total("RequestCount", "Sum"), total("TargetResponseTime", "SampleCount")
        return requests > 4000 and requests * 0.7 < times < requests * 1.3

    # each stands for so many that together they are about all; the last ones are counted within a second
    eventually(about_all)
    eventually(lambda: timed(balancer.server) == 10000, what="they are few again and all noted")


def test_metrics_by_the_second(balancer):
    slow = Connection(balancer.port)  # begins before the others and ends after them
    slow.send(path="/slow", headers="Content-Length: 1\r\n")
    count(balancer.port, 299)
    assert slow.receive()[0] == 408
    slow.close()
    c = Connection(balancer.port)
    for _ in range(7):
        assert c.get("/500")[0] == 500
    c.close()
    cw = balancer.server.client("cloudwatch")

    def read(metric, period, *statistics, extended=()):
        now = time.time()
        more = {"Statistics": list(statistics)} if statistics else {}
        if extended:
            more["ExtendedStatistics"] = list(extended)
        return cw.get_metric_statistics(
            Namespace="AWS/ApplicationELB", MetricName=metric, StartTime=now - 1200,
            EndTime=now + 60, Period=period, Dimensions=balancer.dimension("blue"),
            **more)["Datapoints"]

    def total(metric, period, statistic="Sum"):
        return sum(p[statistic] for p in read(metric, period, statistic))

    # each is counted when it happens, so that the last second of one may be another's next one
    for metric, period, statistic, wanted in (
            ("RequestCount", 1, "Sum", 307), ("HTTPCode_Target_2XX_Count", 60, "Sum", 299),
            ("HTTPCode_Target_5XX_Count", 1, "Sum", 7), ("TargetResponseTime", 60, "SampleCount", 307)):
        eventually(lambda: total(metric, period, statistic) >= wanted, what=metric)
        assert total(metric, period, statistic) == wanted, metric
    times = read("TargetResponseTime", 60, "Average", "SampleCount", "Maximum",
                 extended=("p50", "p90", "p99"))
    assert 1.9 <= max(p["Maximum"] for p in times) < 60  # seconds
    for p in times:
        e = p["ExtendedStatistics"]
        assert 0 <= e["p50"] <= e["p90"] <= e["p99"] <= p["Maximum"] * 1.1

    def hosts():
        found = sorted(read("HealthyHostCount", 1, "Maximum"), key=lambda p: p["Timestamp"])
        return found[-1]["Maximum"] if found else 0

    eventually(lambda: hosts() == 1, what="the healthy host is counted")


def asked(address, port, path="/", host="shop.example:81"):
    """(status, headers, body) of one request."""
    c = http.client.HTTPConnection(address, port, timeout=60)
    c.request("GET", path, headers={"Host": host})
    r = c.getresponse()
    return r.status, r.headers, r.read().decode()


def test_redirects(server):
    """To another address made of the request's parts; a rule without any change would lead to itself."""
    elb, port = server.client("elbv2"), free_ports(1)[0]
    lb = elb.create_load_balancer(Name="lb", Subnets=["s"])["LoadBalancers"][0]["LoadBalancerArn"]

    def redirect(status, **to):
        return [{"Type": "redirect", "RedirectConfig": dict(StatusCode=status, **to)}]

    listener = elb.create_listener(LoadBalancerArn=lb, Protocol="HTTP", Port=port, DefaultActions=redirect(
        "HTTP_301", Protocol="HTTPS", Port="443"))["Listeners"][0]
    assert listener["DefaultActions"][0]["RedirectConfig"] == {
        "Protocol": "HTTPS", "Host": "#{host}", "Port": "443", "Path": "/#{path}", "Query": "#{query}",
        "StatusCode": "HTTP_301"}
    for i, (path, to) in enumerate({
            "/old/*": {"Path": "/new/#{path}", "Query": "from=50%&#{query}"},
            "/away": {"Host": "www.#{host}", "Port": "8443", "Path": "/", "Query": ""}}.items()):
        elb.create_rule(ListenerArn=listener["ListenerArn"], Priority=i + 1, Actions=redirect("HTTP_302", **to),
                        Conditions=[{"Field": "path-pattern", "Values": [path]}])

    def location(path):
        status, headers, _ = asked("127.0.0.1", port, path)
        return status, headers["Location"]

    assert location("/") == (301, "https://shop.example:443/")
    assert location("/a%20b?x=1&y=%27") == (301, "https://shop.example:443/a%20b?x=1&y=%27")
    assert location("/old/a?x=1") == (302, f"http://shop.example:{port}/new/old/a?from=50%&x=1")
    assert location("/away?x=1") == (302, "http://www.shop.example:8443/")
    for bad, code in (({}, "InvalidLoadBalancerAction"), ({"Query": "a=b"}, "InvalidLoadBalancerAction"),
                      ({"Host": "#{hots}"}, "ValidationError"), ({"Port": "70000"}, "ValidationError"),
                      ({"Path": "no-slash"}, "ValidationError"), ({"Host": "a\r\nb"}, "ValidationError")):
        assert code_of(elb.modify_listener, ListenerArn=listener["ListenerArn"],
                       DefaultActions=redirect("HTTP_301", **bad)) == code, bad
    assert location("/") == (301, "https://shop.example:443/")


def test_addresses_of_load_balancers():
    """Those that face the internet and the internal ones listen at addresses of their own; a port is a listener's
    alone at each."""
    with Server("--balancer-address", "127.0.0.2", "--internal-balancer-address", "127.0.0.3") as server:
        elb, port = server.client("elbv2"), free_ports(1)[0]

        def listen(lb, text):
            return elb.create_listener(LoadBalancerArn=lb["LoadBalancerArn"], Protocol="HTTP", Port=port, DefaultActions=[
                {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", "MessageBody": text}}])

        made = [elb.create_load_balancer(Name=scheme, Scheme=scheme, Subnets=["s"])["LoadBalancers"][0]
                for scheme in ("internet-facing", "internal")]
        assert [lb["DNSName"] for lb in made] == ["127.0.0.2", "127.0.0.3"]
        for lb in made:
            listen(lb, lb["Scheme"])
        for lb in made:
            assert asked(lb["DNSName"], port)[2] == lb["Scheme"]
        with pytest.raises(OSError):
            asked("127.0.0.1", port)
        assert code_of(lambda: listen(made[0], "again")) == "DuplicateListener"
        server.restart("--balancer-address", "::")
        found = server.client("elbv2").describe_load_balancers(Names=["internet-facing"])["LoadBalancers"][0]
        assert found["DNSName"] == socket.gethostname()
        eventually(lambda: all(reached(a, port) for a in ("127.0.0.1", "::1")))
    refused = subprocess.run([TOWPATH, "serve", "--balancer-address", "lb.example"], text=True, check=False,
                             capture_output=True)
    assert refused.returncode and "--balancer-address 'lb.example' is no IP address" in refused.stderr


def reached(address, port):
    try:
        return asked(address, port)[0] == 200
    except OSError:
        return False


def test_conditions(server, backends):
    """Each field that a rule may look at: what falls under it and what does not."""
    balancer = Balancer(server, backends, {"blue": ["blue"]})

    def add(priority, *conditions):
        return balancer.elb.create_rule(
            ListenerArn=balancer.listener, Priority=priority, Conditions=list(conditions),
            Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": f"4{priority:02}"}}])

    add(10, {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "version", "Value": "v1*"}]}})
    add(11, {"Field": "query-string", "QueryStringConfig": {"Values": [{"Value": "any"}]}})
    add(12, {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Beta", "Values": ["y?s"]}},
        {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8", "127.0.0.0/8"]}})
    add(13, {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Far", "Values": ["*"]}},
        {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8", "2001:db8::/32"]}})
    add(14, {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.example.com"]}},
        {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a/*", "/b"]}})

    def status(path, headers=""):
        return Connection(balancer.port).get(path, headers)[0]

    for path in ("/?version=v1", "/?a=1&VERSION=V12&b=2"):
        assert status(path) == 410, path
    for path in ("/?version=v2", "/?aversion=v1", "/?version=", "/?x=many", "/version=v1"):
        assert status(path) == 200, path
    assert status("/?x=any&y") == status("/?any") == 411
    assert (status("/", "X-Beta: yes\r\n"), status("/", "X-Beta: yeees\r\n")) == (412, 200)
    assert status("/", "X-Far: 1\r\n") == 200
    assert [asked("127.0.0.1", balancer.port, p, h)[0] for p, h in (
        ("/a/1", "www.example.com"), ("/b", "x.example.com:8080"), ("/c", "www.example.com"), ("/b", "example.com"))] == [
            414, 414, 200, 200]
    for bad in ({"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.1"]}}, {"Field": "source-ip"},
                {"Field": "query-string", "Values": ["a"]}, {"Field": "query-string", "QueryStringConfig": {"Values": [{}]}}):
        assert code_of(lambda bad=bad: add(20, bad)) == "ValidationError", bad


def test_attributes_tags_and_priorities(server, backends):
    """What may be set takes effect; what may not is refused by name."""
    balancer = Balancer(server, backends, {"blue": ["blue"], "green": ["green"]}, weights={"blue": 1, "green": 0})
    elb, arn = balancer.elb, balancer.arn

    def attributes(**new):
        made = elb.modify_load_balancer_attributes(
            LoadBalancerArn=arn, Attributes=[{"Key": k.replace("__", "."), "Value": v} for k, v in new.items()])["Attributes"]
        assert made == elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        return {a["Key"]: a["Value"] for a in made}

    assert attributes(idle_timeout__timeout_seconds="1")["idle_timeout.timeout_seconds"] == "1"

    def served_and_closed():
        c = Connection(balancer.port)
        try:
            return c.get()[2] == "blue" and c.socket.recv(1) == b""
        except ConnectionError:  # it took this client a second to ask
            return False
    eventually(served_and_closed, what="closed a second later, not after a minute")
    for bad in ({"idle_timeout__timeout_seconds": "0"}, {"deletion_protection__enabled": "yes"}, {"no__such": "1"}):
        assert code_of(lambda bad=bad: attributes(**bad)) == "InvalidConfigurationRequest"
    with pytest.raises(elb.exceptions.ClientError, match="access_logs.s3.enabled = true is not implemented"):
        attributes(access_logs__s3__enabled="true")
    attributes(deletion_protection__enabled="true")
    assert code_of(elb.delete_load_balancer, LoadBalancerArn=arn) == "OperationNotPermitted"
    attributes(deletion_protection__enabled="false")

    rules = [elb.create_rule(
        ListenerArn=balancer.listener, Priority=i + 1, Conditions=[{"Field": "path-pattern", "Values": ["/x*"]}],
        Actions=balancer.forward({group: 1}), Tags=[{"Key": "group", "Value": group}])["Rules"][0]["RuleArn"]
        for i, group in enumerate(("blue", "green"))]
    balancer.await_healthy("green", 1)
    assert Connection(balancer.port).get("/x")[2] == "blue"
    assert code_of(elb.set_rule_priorities, RulePriorities=[{"RuleArn": rules[0], "Priority": 2}]) == "PriorityInUse"
    elb.set_rule_priorities(RulePriorities=[{"RuleArn": r, "Priority": 2 - i} for i, r in enumerate(rules)])
    assert Connection(balancer.port).get("/x")[2] == "green"

    things = [arn, balancer.listener, rules[0], balancer.groups["blue"]]
    elb.add_tags(ResourceArns=things, Tags=[{"Key": "team", "Value": "shop"}, {"Key": "tier", "Value": "1"}])
    elb.remove_tags(ResourceArns=things, TagKeys=["tier", "none"])
    for found in elb.describe_tags(ResourceArns=things)["TagDescriptions"]:
        tags = {t["Key"]: t["Value"] for t in found["Tags"]}
        assert tags.pop("team") == "shop" and tags == ({"group": "blue"} if found["ResourceArn"] == rules[0] else {})
    twice = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    assert code_of(elb.add_tags, ResourceArns=[arn], Tags=twice) == "DuplicateTagKeys"
    assert code_of(elb.add_tags, ResourceArns=[arn[:-1] + "x"], Tags=twice[:1]) == "LoadBalancerNotFound"


# ---- HTTPS ----


def certificate(name):
    """(certificate, private key) as PEM, of a host; it vouches for itself."""
    with tempfile.TemporaryDirectory() as d:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", f"{d}/key", "-out", f"{d}/crt", "-days", "30", "-subj", f"/CN={name}",
                        "-addext", f"subjectAltName=DNS:{name}"], check=True, capture_output=True)
        return tuple(pathlib.Path(d, f).read_text(encoding="utf-8") for f in ("crt", "key"))


def spoken(port, name, trusted, most=None):
    """What a client that trusts this certificate alone gets from this host: (TLS version, first line)."""
    context = ssl.create_default_context(cadata=trusted)
    if most:
        context.maximum_version = most
    with socket.create_connection(("127.0.0.1", port), 60) as plain:
        with context.wrap_socket(plain, server_hostname=name) as s:
            s.sendall(f"GET /headers HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
            text = b"".join(iter(lambda: s.recv(4096), b"")).decode()
            return s.version(), text


def test_https(server, backends):
    """A listener shows the certificate of the host that is asked for; keys lie in no file; what is in use stays."""
    iam, elb = server.client("iam"), server.client("elbv2")
    balancer = Balancer(server, backends, {"blue": ["blue"]})
    port = free_ports(1)[0]
    made = {n: certificate(n) for n in ("shop.example", "blog.example")}
    arns = {n: iam.upload_server_certificate(ServerCertificateName=n, Path="/web/", CertificateBody=body, PrivateKey=key)[
        "ServerCertificateMetadata"]["Arn"] for n, (body, key) in made.items()}
    assert arns["shop.example"].endswith(":server-certificate/web/shop.example")

    def listen(**more):
        return elb.create_listener(**{**dict(LoadBalancerArn=balancer.arn, Protocol="HTTPS", Port=port, DefaultActions=(
            balancer.forward({"blue": 1}))), **more})["Listeners"][0]

    shop, blog = ({"CertificateArn": arns[n]} for n in ("shop.example", "blog.example"))
    assert code_of(listen) == "ValidationError"
    assert code_of(listen, Certificates=[shop, blog]) == "ValidationError"
    assert code_of(listen, Certificates=[{"CertificateArn": arns["shop.example"] + "x"}]) == "CertificateNotFound"
    assert code_of(listen, Certificates=[shop], SslPolicy="no") == "SSLPolicyNotFound"
    assert code_of(listen, Certificates=[shop], Protocol="HTTP") == "InvalidConfigurationRequest"
    listener = listen(Certificates=[shop], SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06")
    assert listener["Certificates"] == [shop]
    arn = listener["ListenerArn"]

    version, text = spoken(port, "shop.example", made["shop.example"][0])
    assert version == "TLSv1.3" and "x-forwarded-proto: https" in text.lower() and f"x-forwarded-port: {port}" in text.lower()
    with pytest.raises(ssl.SSLCertVerificationError):
        spoken(port, "blog.example", made["blog.example"][0])
    elb.add_listener_certificates(ListenerArn=arn, Certificates=[blog])
    assert spoken(port, "blog.example", made["blog.example"][0])[0] == "TLSv1.3"
    assert elb.describe_listener_certificates(ListenerArn=arn)["Certificates"] == [
        dict(shop, IsDefault=True), dict(blog, IsDefault=False)]
    assert elb.describe_listeners(ListenerArns=[arn])["Listeners"][0]["Certificates"] == [shop]
    h2 = subprocess.run(["curl", "-sk", "--http2", "-o", os.devnull, "-w", "%{http_version}", f"https://127.0.0.1:{port}/"],
                        capture_output=True, text=True, check=True).stdout
    assert h2 == "2"

    # keys: sealed in the database, and for a moment in a file that is gone once HAProxy has read it
    secret = "".join(made["shop.example"][1].split("\n")[1:-2])[20:60].encode()
    held = [p for p in pathlib.Path(server.data).rglob("*") if p.is_file() and secret in p.read_bytes()]
    assert held == []
    assert code_of(iam.delete_server_certificate, ServerCertificateName="shop.example") == "DeleteConflict"
    assert code_of(elb.remove_listener_certificates, ListenerArn=arn, Certificates=[shop]) == "OperationNotPermitted"
    elb.remove_listener_certificates(ListenerArn=arn, Certificates=[blog])
    assert elb.describe_listener_certificates(ListenerArn=arn)["Certificates"] == [dict(shop, IsDefault=True)]
    elb.remove_listener_certificates(ListenerArn=arn, Certificates=[blog])  # is gone already
    elb.modify_listener(ListenerArn=arn, Certificates=[blog], SslPolicy="ELBSecurityPolicy-2016-08")
    assert spoken(port, "blog.example", made["blog.example"][0])[0] == "TLSv1.2"
    iam.delete_server_certificate(ServerCertificateName="shop.example")

    # after another key that seals, and the death of HAProxy, it is there again
    server.stop()
    server.towpath("key", "rotate")
    pid = master_pid(server)
    os.kill(worker_pid(server), signal.SIGKILL)
    eventually(lambda: not os.path.exists(f"/proc/{pid}"))
    server.start()
    eventually(lambda: reached("127.0.0.1", balancer.port))
    assert spoken(port, "blog.example", made["blog.example"][0])[0] == "TLSv1.2"
    server.client("elbv2").modify_listener(ListenerArn=arn, Protocol="HTTP")
    assert asked("127.0.0.1", port)[0] == 200


def test_server_certificates(server):
    """What is kept is a certificate, its chain and its key, or is refused by name."""
    iam = server.client("iam")
    (body, key), (other, _) = certificate("a.example"), certificate("b.example")

    def upload(name="a", **more):
        return iam.upload_server_certificate(**{**dict(ServerCertificateName=name, CertificateBody=body, PrivateKey=key),
                                                **more})

    assert code_of(upload, CertificateBody=other) == "KeyPairMismatch"
    assert code_of(upload, CertificateBody="no certificate") == "MalformedCertificate"
    assert code_of(upload, CertificateChain="no chain") == "MalformedCertificate"
    m = upload(CertificateChain=other, Tags=[{"Key": "team", "Value": "shop"}])["ServerCertificateMetadata"]
    assert (m["Path"], m["ServerCertificateName"]) == ("/", "a") and m["ServerCertificateId"].startswith("ASCA")
    assert code_of(upload) == "EntityAlreadyExists"
    got = iam.get_server_certificate(ServerCertificateName="a")["ServerCertificate"]
    assert got["CertificateBody"] == body and got["CertificateChain"] == other and "PrivateKey" not in got
    assert got["ServerCertificateMetadata"]["Expiration"].timestamp() > time.time() + 29 * 86400
    upload("b", Path="/x/")
    names = lambda **q: [c["ServerCertificateName"] for c in iam.list_server_certificates(**q)[  # noqa: E731
        "ServerCertificateMetadataList"]]
    assert names() == ["a", "b"] and names(PathPrefix="/x/") == ["b"]
    iam.tag_server_certificate(ServerCertificateName="a", Tags=[{"Key": "k", "Value": "v"}])
    iam.untag_server_certificate(ServerCertificateName="a", TagKeys=["team"])
    assert iam.list_server_certificate_tags(ServerCertificateName="a")["Tags"] == [{"Key": "k", "Value": "v"}]
    iam.delete_server_certificate(ServerCertificateName="a")
    assert code_of(iam.get_server_certificate, ServerCertificateName="a") == "NoSuchEntity"
