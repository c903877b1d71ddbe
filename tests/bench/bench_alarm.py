"""Alarms: from the end of a period to the alarm's new state"""
import os
import sys
import time

ROUNDS = 5
PERIOD = 10


def run(bench):
    os.environ["TOWPATH"] = bench.towpath
    sys.path.insert(0, os.path.join(bench.root, "tests", "lib"))
    from backends import Backends, Balancer, Connection
    import towpath
    towpath.TOWPATH = bench.towpath
    backends = Backends("blue")
    delays = []
    try:
        with towpath.Server() as server:
            balancer = Balancer(server, backends, {"blue": ["blue"]})
            cw = server.client("cloudwatch")
            cw.put_metric_alarm(
                AlarmName="errors", Namespace="AWS/ApplicationELB",
                MetricName="HTTPCode_Target_5XX_Count", Dimensions=balancer.dimension("blue"),
                Statistic="Sum", Period=PERIOD, EvaluationPeriods=1, Threshold=1,
                ComparisonOperator="GreaterThanOrEqualToThreshold",
                TreatMissingData="notBreaching")

            def state():
                return cw.describe_alarms(AlarmNames=["errors"])["MetricAlarms"][0]

            for _ in range(ROUNDS):
                while state()["StateValue"] != "OK":
                    time.sleep(0.2)
                begun = time.time()
                c = Connection(balancer.port)
                assert c.get("/500")[0] == 500
                c.close()
                while state()["StateValue"] != "ALARM":
                    time.sleep(0.2)
                changed = state()["StateUpdatedTimestamp"].timestamp()
                ended = (begun // PERIOD + 1) * PERIOD
                delays.append((changed - ended) * 1000)
    finally:
        backends.close()
    bench.row("end of a breaching period to state ALARM, median", bench.median(delays), "ms",
              goal="well under 1,000 ms", beside="requests counted by HAProxy included")
    bench.row("end of a breaching period to state ALARM, slowest", max(delays), "ms")
