"""Stories of the machines: databases, queues, certificates, hosts, alerts."""

from tracker.demo.files import lag_png
from tracker.demo.story import Note, Paper, Seen, Trash, change, story

REVIEW = """What happened between 12:41 and 14:17, and what we change. Please add what is missing.

**Timeline**

| time | what |
| --- | --- |
| 12:41 | a monthly report starts on replica 2 |
| 12:58 | first failed sign-ins |
| 13:05 | lag found |
| 13:16 | query cancelled |
| 13:24 | replica out of the pool |
| 14:17 | all green |

**Actions**

- [x] reports get a replica of their own
- [ ] statement timeout of 5 minutes on all replicas
- [ ] the load balancer leaves out a replica that lags by more than 30 s
- [ ] the mailer does not wait for a lookup"""

STORIES = (
    story(
        "rota",
        "OPS",
        "21 08:30",
        then=[
            (
                "20 13:15",
                "sasha",
                "It is in the wiki now, under *On call*. The pager still links to the spreadsheet.",
            ),
            ("19 09:10", "jane", change(status="closed", assignee="sasha")),
            ("19 09:11", "jane", "Changed the link in the pager. Thank you!"),
        ],
    ),
    story(
        "runbook",
        "OPS",
        "21 08:40",
        then=[
            (
                "15 09:45",
                "petra",
                "`tax` needs `pricing`, but `cart` does not need `tax`, so 2 and 3 may go together.",
            ),
            ("15 10:20", "sasha", change(assignee="sasha", status="in_progress", add_labels={"docs": ""})),
            (
                "8 14:50",
                "sasha",
                "Tried it on staging in that order: all up after four minutes. It is in the wiki.",
            ),
            ("8 14:51", "sasha", change(status="closed", resolution="resolved")),
        ],
    ),
    story(
        "disk-build3",
        "OPS",
        "20 08:12",
        by="sasha",
        source="guance",
        title="Disk usage on build-3 above 90 %",
        description="The image cache grew by 40 GB overnight.\n\n1. prune images\n2. alert at 80 % instead of 90 %",
        level="P2",
        project="Platform",
        labels={"host": "build-3"},
        resource_type="checker",
        resource_name="host disk used > 90 %",
        alert_id="evt-20771",
        then=[
            ("+35m", "sasha", "Pruned, 61 % now."),
            ("+36m", "sasha", change(status="closed")),
            ("12 08:20", "petra", change(status="open")),
            (
                "12 08:22",
                "petra",
                "Back at 93 % this morning, so the prune does not run by itself: the timer is "
                "disabled on all three build hosts.",
            ),
            ("12 11:48", "petra", change(status="closed", resolution="resolved")),
            ("12 11:49", "petra", "Enabled everywhere, and the alert is at 80 %."),
        ],
    ),
    story(
        "cert-expiry",
        "OPS",
        "19 07:30",
        by="sasha",
        source="guance",
        title="Certificate of api.example.com expires in 14 days",
        description="<p>Probe <b>tls-expiry</b> reports:</p><ul><li>subject: <code>api.example.com</code></li>"
        "<li>issuer: the internal CA</li><li>remaining: <b>14 days</b></li></ul>"
        "<p>It should have been renewed at 30 days.</p>",
        description_format="html",
        level="P1",
        project="Platform",
        environment="production",
        teams=["Platform"],
        labels={"component": "tls"},
        resource_type="checker",
        resource_name="tls-expiry",
        alert_id="evt-20804",
        then=[
            ("+2h", "jane", change(assignee="petra", status="in_progress")),
            (
                "18 15:30",
                "petra",
                "The renewal asks for a DNS record in a zone that we moved to another provider. New credentials "
                "are in place, the certificate is good for a year.",
            ),
            ("18 15:31", "petra", change(status="resolved"), "guance"),
        ],
    ),
    # An incident: five reports within forty minutes.
    story(
        "login-502",
        "OPS",
        "16 13:02",
        by="sasha",
        source="api",
        title="Sign-in answers 502 for some customers",
        description="Started at 12:58. About one in five.",
        level="P0",
        reason="error",
        project="Storefront",
        environment="production",
        channels=["Incidents"],
        labels={"incident": "db-replica"},
        service="accounts",
        error_type="OperationalError",
        error_message="canceling statement due to conflict with recovery",
        platform="BACKEND",
        track="logs",
        languages=["PYTHON"],
        fingerprint="accounts-recovery-conflict",
        then=[
            ("+1m", "sasha", Seen(641, "+74m")),
            ("+3m", "sasha", change(status="acknowledged", assignee="sasha")),
            ("+80m", "sasha", change(status="resolved")),
            ("+81m", "sasha", "Gone since the replica was taken out, see [[replica-lag]]."),
        ],
    ),
    story(
        "replica-lag",
        "OPS",
        "16 13:05",
        by="petra",
        title="Read replica 2 is 11 minutes behind",
        description="A report query has been running on it since 12:41 and holds back the replay.",
        level="P0",
        project="Platform",
        environment="production",
        teams=["Platform"],
        channels=["Incidents"],
        labels={"incident": "db-replica", "component": "postgres"},
        then=[
            ("+2m", "petra", change(status="in_progress", assignee="petra")),
            (
                "+11m",
                "petra",
                "Cancelled the query. Lag is at 9 minutes and falling, about a minute per minute.",
            ),
            ("+19m", "sasha", "The load balancer still sends it sign-ins. I am taking it out."),
            ("+24m", "petra", Paper("replica-2-lag.png", lag_png)),
            (
                "+26m",
                "jane",
                Note(
                    "Status page updated at 13:31: “Sign-in and order history are slow for some customers.” "
                    "I keep it until both are green for half an hour."
                ),
            ),
            ("+72m", "petra", "Caught up at 14:15, back in the pool at 14:17."),
            ("+73m", "petra", change(status="resolved", resolution="resolved")),
        ],
    ),
    story(
        "history-slow",
        "OPS",
        "16 13:17",
        by="tomas",
        title="Order history takes 20 seconds",
        description="For every account I tried, mine included.",
        level="P1",
        project="Storefront",
        environment="production",
        labels={"incident": "db-replica"},
        then=[
            ("+8m", "sasha", "Because of [[replica-lag]]."),
            ("+90m", "tomas", change(status="closed", resolution="negated")),
        ],
    ),
    story(
        "mail-backlog",
        "OPS",
        "16 13:33",
        by="sasha",
        source="api",
        title="Mail queue holds 18,000 messages",
        description="The mailer looks up each recipient on the replica and waits.",
        level="P1",
        project="Platform",
        environment="production",
        channels=["Incidents"],
        labels={"incident": "db-replica", "component": "mail"},
        service="mailer",
        then=[
            ("+50m", "sasha", "Draining at 400 a minute. The password mails go first, the newsletter waits."),
            ("+97m", "sasha", change(status="resolved")),
        ],
    ),
    story(
        "replica-review",
        "OPS",
        "15 09:00",
        by="jane",
        title="Review of the replica incident",
        description=REVIEW,
        level="P2",
        project="Platform",
        teams=["Platform"],
        labels={"incident": "db-replica", "review": ""},
        due=7,
        then=[
            (
                "+2h",
                "petra",
                "Why did nobody look for seven minutes? The lag alert went to the channel that we muted in "
                "spring. I would add that.",
            ),
            ("+3h", "jane", change(assignee="jane", status="in_progress")),
            (
                "14 10:10",
                "jane",
                change(title="Review of the replica incident: why sign-in failed for 80 minutes"),
            ),
            (
                "7 15:00",
                "sasha",
                "The statement timeout is set on both replicas. Load balancer: waiting for the vendor's "
                "release, they promise it for next week.",
            ),
            (
                "7 15:02",
                "sasha",
                change(
                    description=REVIEW.replace("- [ ] statement", "- [x] statement").replace(
                        "all replicas", "both replicas"
                    )
                ),
            ),
        ],
    ),
    story(
        "noisy-cpu",
        "OPS",
        "18 06:48",
        by="sasha",
        source="guance",
        title="CPU above 80 % for one minute on worker-7",
        description="Average over 60 s: 83.1 %.",
        level="P3",
        project="Platform",
        labels={"host": "worker-7", "noise": ""},
        resource_type="checker",
        resource_name="cpu > 80 %",
        fingerprint="cpu-80-worker-7",
        then=[
            ("+1h", "sasha", Seen(211, "12 09:10")),
            (
                "12 09:30",
                "sasha",
                "That is what a worker is for. Nobody has ever done anything about one of these.",
            ),
            ("12 09:31", "sasha", change(status="excluded"), "datadog"),
        ],
    ),
    story(
        "bot-404",
        "OPS",
        "17 07:05",
        by="sasha",
        source="api",
        title="404 for /wp-login.php and 60 paths like it",
        description="Scanners. There is nothing of that kind here.",
        level="P3",
        reason="error",
        project="Storefront",
        labels={"noise": ""},
        service="edge",
        error_type="NotFound",
        fingerprint="edge-404-scanners",
        track="logs",
        then=[
            ("+10m", "sasha", Seen(1_203, "2 12:00")),
            ("16 09:20", "sasha", change(status="ignored", resolution="ignored"), "versori"),
        ],
    ),
    story(
        "secret-in-log",
        "OPS",
        "12 15:44",
        by="jane",
        title="Access tokens appear in the debug log of the mailer",
        description="`requests` logs the full URL, and the unsubscribe link has the token in its query string. "
        "The log is kept for 14 days and eleven people can read it.",
        level="P0",
        project="Platform",
        environment="production",
        channels=["Security"],
        labels={"security": ""},
        service="mailer",
        then=[
            ("+5m", "jane", change(assignee="petra", status="in_progress")),
            ("+9m", "petra", "Debug logging is off. Working on the filter."),
            (
                "+20m",
                "jane",
                Note(
                    "I have asked for the list of who opened that index in the last 14 days. Until we know, "
                    "please keep this among ourselves."
                ),
            ),
            (
                "+95m",
                "petra",
                "Filter deployed: query strings are cut in every log line. The old index is deleted and the "
                "tokens are void, so links in mails of the last two weeks ask people to sign in.",
            ),
            (
                "11 10:00",
                "jane",
                Note(
                    "Two people opened it, both for the incident of last week. No report needed; legal agrees."
                ),
            ),
            ("11 10:04", "jane", change(status="resolved", resolution="resolved")),
        ],
    ),
    story(
        "secret-rotation",
        "OPS",
        "11 14:15",
        by="petra",
        title="Rotate the service secrets once a quarter, without a restart by hand",
        description="Last time it took a day: each service reads its secret at the start, so all of them have to be "
        "restarted in the right order ([[runbook]]).",
        level="P2",
        project="Platform",
        teams=["Platform"],
        labels={"security": "", "component": "secrets"},
        due=12,
        then=[
            (
                "10 11:20",
                "tomas",
                "A sidecar could write them to a file that the services watch. `cart` and `pricing` can do "
                "that today.",
            ),
            ("7 11:05", "jane", change(assignee="sasha")),
            ("5 09:40", "sasha", change(status="in_progress")),
            (
                "2 16:25",
                "sasha",
                "Done for `cart` in zones a and c. Zone b has an older image, I will do it with the next "
                "rollout.",
            ),
        ],
    ),
    story(
        "backup-restore",
        "OPS",
        "10 09:00",
        by="sasha",
        title="Monthly restore test failed: the dump is missing two schemas",
        description='```\npg_restore: error: could not find schema "pricing"\npg_restore: error: could not find '
        'schema "audit"\n```\n\nThe dump runs as a role that has no rights on schemas made in the last eight months.',
        level="P1",
        project="Platform",
        teams=["Platform"],
        labels={"component": "backup"},
        due=-5,
        then=[
            (
                "+30m",
                "jane",
                "So we have had no full backup for eight months? What else could we restore from?",
            ),
            (
                "+44m",
                "sasha",
                "The nightly snapshots of the volume are complete, I have restored one this morning to be sure. "
                "Only the logical dump is wrong.",
            ),
            ("+2h", "sasha", change(status="in_progress", assignee="sasha")),
            (
                "8 10:05",
                "sasha",
                "The role inherits now, and the test compares the list of schemas instead of the exit code. "
                "Restored last night's dump: 214 tables, all there.",
            ),
            ("8 10:06", "sasha", change(status="resolved", resolution="resolved")),
        ],
    ),
    story(
        "order-sync-409",
        "OPS",
        "13 12:20",
        by="sasha",
        source="versori",
        title="Order sync to the warehouse stops at the first 409",
        description="The warehouse answers 409 when it has an order already. The flow treats that as a failure and "
        "does not go on with the other 249 orders of the batch.",
        level="P1",
        reason="error",
        project="Order sync",
        environment="production",
        labels={"flow": "orders-to-warehouse"},
        annotations={"flow-version": "31", "batch": "2f8c"},
        then=[
            ("+1h", "sasha", change(status="acknowledged"), "versori"),
            (
                "+2h",
                "tomas",
                "409 with the same content means that it is there: go on. With another content it is a conflict "
                "that somebody has to see.",
            ),
            ("12 10:00", "tomas", change(status="in_progress", assignee="tomas")),
            ("11 16:45", "tomas", change(status="resolved", resolution="resolved"), "versori"),
        ],
    ),
    story(
        "gift-message",
        "OPS",
        "9 10:41",
        by="sasha",
        source="versori",
        title="Gift messages are cut at 60 characters on the way to the warehouse",
        description="Field mapping `gift.text` → `note1`. There is a `note2`, which we leave empty.",
        level="P3",
        project="Order sync",
        environment="production",
        labels={"flow": "orders-to-warehouse"},
        annotations={"flow-version": "32"},
    ),
    story(
        "carrier-429",
        "OPS",
        "6 08:25",
        by="sasha",
        source="versori",
        title="Carrier API answers 429 during the label run",
        description="Forty times between 06:00 and 06:10; every label was printed in the end.",
        level="P3",
        reason="error",
        project="Order sync",
        environment="production",
        labels={"flow": "labels"},
        fingerprint="carrier-429-labels",
        then=[
            ("+5m", "sasha", Seen(39, "+30m")),
            (
                "+2h",
                "tomas",
                "They allow ten a second and we send twelve. The retry does what it should; I would leave it.",
            ),
            ("+3h", "sasha", change(status="ignored", resolution="ignored"), "versori"),
        ],
    ),
    story(
        "probe-frankfurt",
        "OPS",
        "7 04:12",
        by="sasha",
        source="guance",
        title="Probe from Frankfurt cannot reach the shop",
        description="Three checks in a row timed out. Probes from Paris and Dublin are fine.",
        level="P1",
        project="Platform",
        environment="production",
        channels=["Incidents"],
        labels={"component": "edge"},
        resource_type="checker",
        resource_name="https shop.example.com",
        alert_id="evt-21377",
        then=[
            (
                "+9m",
                "sasha",
                "Their network, not ours: other sites in the same data centre do not answer either.",
            ),
            ("+50m", "sasha", change(status="closed", resolution="negated"), "guance"),
        ],
    ),
    story(
        "resizer-memory",
        "OPS",
        "8 07:14",
        by="sasha",
        source="guance",
        title="Image resizer is killed for memory",
        description="<p>Pod <code>resizer-5d7c</code> reached its limit of <b>512 MiB</b> and was restarted.</p>"
        "<table><tr><th>pod</th><th>restarts</th></tr><tr><td>resizer-5d7c</td><td>14</td></tr>"
        "<tr><td>resizer-9f20</td><td>12</td></tr></table>",
        description_format="html",
        level="P2",
        project="Platform",
        environment="production",
        labels={"component": "images"},
        service="images",
        resource_type="checker",
        resource_name="pod restarts > 3 / h",
        fingerprint="resizer-oom",
        then=[
            ("+4m", "sasha", Seen(25, "+9h")),
            (
                "+3h",
                "petra",
                "Photos of 48 megapixels from new phones. It now reads them in strips; 140 MiB at most.",
            ),
            ("7 13:30", "petra", change(status="resolved", assignee="petra"), "guance"),
        ],
    ),
    story(
        "image-cdn",
        "OPS",
        "6 12:50",
        by="sasha",
        source="api",
        title="Product images time out behind the CDN",
        description="Only large ones (over 2 MB), only in the evening. Our origin answers in 80 ms, so it is lost "
        "between the CDN's regions.",
        level="P2",
        reason="error",
        project="Storefront",
        environment="production",
        labels={"component": "cdn", "waiting-for": "vendor"},
        service="images",
        error_type="GatewayTimeout",
        error_message="504 from edge after 15.0 s",
        platform="BROWSER",
        track="rum",
        fingerprint="cdn-504-images",
        then=[
            ("+2m", "sasha", Seen(317, "1 17:20")),
            ("5 09:12", "sasha", "Opened a ticket with the vendor, with ten request ids."),
            ("5 09:13", "sasha", change(status="pending", assignee="sasha")),
            (
                "3 11:30",
                "sasha",
                "They see it too and blame a route between two regions. Next news on Thursday.",
            ),
        ],
    ),
    story(
        "staging-down",
        "OPS",
        "5 11:08",
        by="tomas",
        title="Staging does not start after the change of the base image",
        description="```\nImportError: libpq.so.5: cannot open shared object file: No such file or directory\n```",
        level="P2",
        project="Platform",
        environment="staging",
        labels={"component": "build"},
        then=[
            ("+12m", "sasha", "The slim image has no client library. Adding it back costs 4 MB."),
            ("+55m", "sasha", change(status="closed", assignee="sasha", resolution="resolved")),
        ],
    ),
    story(
        "pager-weekends",
        "OPS",
        "4 17:05",
        by="tomas",
        title="Weekend shifts have become hard to bear",
        description="Eleven pages last weekend, nine of them between midnight and six, and not one that could not have "
        "waited until Monday. I would rather say this without my name.",
        level="P2",
        is_anonymous=True,
        labels={"on-call": ""},
        then=[
            (
                "3 09:02",
                "jane",
                "Thank you for saying it. I have looked at all eleven: seven come from two rules, which page "
                "by day only from now on. For the rest I propose a look at every page on Mondays, until there are fewer "
                "than three a week.",
            ),
            ("3 09:03", "jane", change(status="acknowledged", assignee="jane")),
        ],
    ),
    story(
        "flaky-test",
        "OPS",
        "3 10:33",
        by="sasha",
        title="test_refund_partial fails about once in thirty runs",
        description="It compares two times to the millisecond.",
        level="P3",
        project="Checkout",
        labels={"flaky": "", "component": "tests"},
    ),
    story(
        "advisory",
        "OPS",
        "2 08:15",
        by="jane",
        title="Upgrade the image library: a crafted picture can crash the worker",
        description="The advisory was published this morning. We decode pictures from customers in `reviews` and "
        "`returns`, both in workers that restart by themselves, so P1 rather than P0.",
        level="P1",
        project="Platform",
        channels=["Security"],
        labels={"security": "", "component": "dependencies"},
        due=1,
        then=[
            ("+40m", "sasha", change(status="in_progress", assignee="sasha")),
            (
                "+4h",
                "sasha",
                "`reviews` is done. `returns` pins an old version because of a format we no longer take; I am "
                "removing that.",
            ),
        ],
    ),
    story(
        "alert-rule-test",
        "OPS",
        "2 13:30",
        by="sasha",
        source="api",
        title="Test of the new alert rule, please ignore",
        level="P3",
        then=[("+3m", "sasha", Trash())],
    ),
)
