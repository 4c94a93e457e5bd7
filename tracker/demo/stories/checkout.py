"""Stories of the shop: checkout, payments, refunds, the apps."""

from tracker.demo.files import checkout_log, refunds_csv
from tracker.demo.story import Note, Paper, Seen, Trash, change, story

STORIES = (
    story(
        "cart-typeerror",
        "OPS",
        "20 09:42",
        by="sasha",
        source="api",
        title="TypeError in checkout: 'NoneType' object is not subscriptable",
        description="""Happens for carts that are restored from the link in a reminder e-mail.

```python
Traceback (most recent call last):
  File "checkout/views.py", line 212, in review
    return render(request, "review.html", totals(cart))
  File "checkout/totals.py", line 88, in totals
    return sum(line.price for line in cart["items"])
TypeError: 'NoneType' object is not subscriptable
```
""",
        level="P0",
        reason="error",
        project="Checkout",
        environment="production",
        teams=["Payments"],
        channels=["Incidents"],
        labels={"team": "payments", "component": "cart"},
        service="checkout",
        error_type="TypeError",
        error_message="'NoneType' object is not subscriptable",
        file_path="checkout/totals.py",
        function_name="totals",
        languages=["PYTHON"],
        platform="BACKEND",
        track="logs",
        first_version="4.41.2",
        fingerprint="checkout-totals-nonetype",
        then=[
            ("+2m", "sasha", Seen(149, "+5h")),
            ("+4m", "sasha", change(status="acknowledged", assignee="tomas"), "datadog"),
            (
                "+19m",
                "tomas",
                "The reminder link carries a cart id whose lines have been cleaned up: we drop "
                "lines after 30 days but keep the cart. I will treat a cart without lines as empty.",
            ),
            ("+20m", "tomas", change(status="in_progress")),
            ("+25m", "sasha", Paper("checkout-worker.log", checkout_log)),
            (
                "+47m",
                "jane",
                "Is anybody charged twice because of this? If so we have to write to them today.",
            ),
            ("+58m", "tomas", "No. It fails before the payment is created; the log above ends at `totals`."),
            (
                "+5h",
                "tomas",
                change(
                    status="resolved",
                    resolution="next_release",
                    last_version="4.41.3",
                    add_labels={"fixed-in": "4.41.3"},
                ),
            ),
            ("4 10:12", "sasha", Seen(168, "1 16:30", "4.45.0"), "api"),
            (
                "4 10:20",
                "sasha",
                "It is back with 4.45.0. Same line, but this time for carts with a gift "
                "voucher and nothing else in them.",
            ),
            (
                "4 10:31",
                "jane",
                change(level="Customer-facing", remove_labels=["fixed-in"], add_labels={"regression": ""}),
            ),
            ("4 11:05", "tomas", change(status="in_progress")),
            (
                "3 15:40",
                "tomas",
                "The voucher is stored as a discount, so `items` is null again. A test for every "
                "shape of cart is in review, together with the fix:\n\n- [x] restored from e-mail\n- [x] voucher only\n"
                "- [x] shared cart\n- [ ] cart of a deleted account",
            ),
        ],
    ),
    story(
        "tax-timeouts",
        "OPS",
        "19 14:08",
        by="tomas",
        title="Retries hide a timeout of the tax service",
        description="Each checkout waits for three timeouts of two seconds before it falls back to the cached "
        "rate. Nobody notices, since in the end it works; the page just takes 6.4 s instead of 0.4 s.\n\n"
        "We should fail fast and show the cached rate at once.",
        level="P2",
        project="Checkout",
        environment="production",
        teams=["Payments"],
        labels={"team": "payments", "performance": ""},
        service="checkout",
        due=4,
        then=[
            ("18 09:31", "jane", "How many checkouts take that path?"),
            (
                "18 10:02",
                "tomas",
                "Last week:\n\n| day | checkouts | over 5 s |\n| --- | ---: | ---: |\n"
                "| Mon | 8,412 | 97 |\n| Tue | 8,930 | 104 |\n| Wed | 8,377 | 611 |\n| Thu | 9,015 | 88 |\n\n"
                "Wednesday was their maintenance window.",
            ),
            ("18 10:15", "jane", change(level="P1", assignee="tomas")),
            ("11 13:20", "tomas", change(status="in_progress")),
            (
                "6 16:44",
                "tomas",
                "The timeout is now 400 ms with one retry, behind the flag `tax_fail_fast`. "
                "It is on for 10 % of the traffic.",
            ),
            (
                "2 09:15",
                "tomas",
                "At 50 %. The slowest percent went from 6.4 s to 1.1 s; I will wait for one more "
                "maintenance window before I call this done.",
            ),
        ],
    ),
    story(
        "webhook-twice",
        "OPS",
        "18 11:27",
        by="sasha",
        title="Payment webhooks are processed twice",
        description="""The provider repeats a webhook when we answer later than 10 s. Both deliveries go through, so
the order has two `captured` events and the customer gets two confirmation mails.

```sql
SELECT order_id, count(*)
FROM payment_event
WHERE kind = 'captured' AND created_at > now() - interval '2 days'
GROUP BY order_id
HAVING count(*) > 1;
-- 43 rows
```

The money was taken once in all 43 cases; I compared with the provider's report.""",
        level="P1",
        project="Checkout",
        environment="production",
        teams=["Payments"],
        channels=["Incidents"],
        labels={"team": "payments", "component": "webhooks"},
        service="payments",
        then=[
            ("+8m", "jane", change(status="acknowledged", assignee="petra")),
            (
                "+16m",
                "petra",
                "I will look. The event id of the provider is in the header, we just do not store it.",
            ),
            (
                "+1h",
                "jane",
                Note(
                    "Support has six tickets about the double mail. I told them that nobody was charged "
                    "twice and that we will not write to all 43 unless somebody asks."
                ),
            ),
            ("17 10:10", "petra", change(status="in_progress")),
            (
                "17 15:32",
                "petra",
                "Plan:\n\n1. a table `webhook_seen` with the provider's id as primary key\n"
                "2. insert first, then work; a conflict means *done already* and answers 200\n3. rows older than "
                "90 days are dropped at night",
            ),
            (
                "16 09:50",
                "tomas",
                "Insert and work have to be one transaction, or a crash in between loses the event.",
            ),
            ("16 09:58", "petra", "Right, they are. I have put a test for that crash into the branch."),
            ("15 16:20", "petra", change(status="resolved", resolution="resolved")),
            ("14 09:05", "sasha", "None since the deployment; before it there were about twenty a day."),
        ],
    ),
    story(
        "declined-copy",
        "OPS",
        "17 16:02",
        by="sasha",
        title="Message after a declined card blames the customer",
        description="“You entered a wrong number” is shown for every refusal, also when the bank wants a "
        "confirmation in its app. Please say what we know and what to do next.",
        level="P3",
        project="Storefront",
        labels={"copy": "", "component": "checkout"},
        then=[
            (
                "16 11:11",
                "jane",
                "Proposal: “Your bank did not confirm this payment. Look into your banking app, "
                "or pay in another way.”",
            ),
            (
                "16 11:30",
                "sasha",
                change(title="Message after a declined card blames the customer for a wrong number"),
            ),
            ("12 14:00", "tomas", change(status="closed", resolution="resolved")),
            ("12 14:01", "tomas", "Shipped with both sentences, in all seven languages."),
        ],
    ),
    story(
        "refund-stuck",
        "OPS",
        "15 10:37",
        by="sasha",
        title="Refunds of partly shipped orders stay in “requested”",
        description="An order with three parcels, of which one came back: the refund is created with the amount of "
        "the whole order, the provider refuses it, and we never try again.\n\nThe list of orders is attached.",
        level="Customer-facing",
        project="Checkout",
        environment="production",
        teams=["Payments"],
        labels={"team": "payments", "component": "refunds"},
        service="payments",
        due=-1,
        then=[
            ("+3m", "sasha", Paper("refunds-stuck.csv", refunds_csv)),
            ("+25m", "jane", change(assignee="petra", status="acknowledged")),
            (
                "13 13:40",
                "petra",
                "The amount comes from `order.total`; it has to be the sum of the lines of that parcel. "
                "For the refunds that hang we need a script, I would not do 31 of them by hand.",
            ),
            (
                "13 14:10",
                "jane",
                Note(
                    "Legal says we have fourteen days from the return. The oldest one is twelve days "
                    "old, so please do that one by hand today."
                ),
            ),
            ("13 17:02", "petra", "Done for the oldest four."),
            ("7 11:00", "jane", change(assignee="tomas")),
            (
                "7 11:02",
                "jane",
                "@tomas takes over from Petra, who is leaving us this month. Her branch is `refund-by-parcel`.",
            ),
            ("5 10:26", "tomas", change(status="in_progress")),
            (
                "1 15:18",
                "tomas",
                "The script is reviewed and has run on staging: 27 refunds, all with the right "
                "amount. I run it on production tomorrow at nine, with @sasha watching.",
            ),
        ],
    ),
    story(
        "coupon-rounding",
        "OPS",
        "13 09:19",
        by="tomas",
        title="Coupon of 15 % rounds each line instead of the sum",
        description="Three items at 9.99 with 15 % off: we charge 25.47, the receipt says 25.48.\n\n"
        "`round()` is called per line in `pricing/discounts.py`. Finance wants the sum rounded, half up.",
        level="P2",
        project="Checkout",
        labels={"component": "pricing", "good-first-issue": ""},
        due=9,
        then=[
            (
                "12 10:40",
                "jane",
                "Before anybody changes this: do refunds use the same function? They must give the "
                "same cent.",
            ),
            (
                "12 11:15",
                "tomas",
                "They do not, they have their own copy. I will make it one function first.",
            ),
            (
                "8 14:31",
                "tomas",
                change(
                    description="Three items at 9.99 with 15 % off: we charge 25.47, the receipt "
                    "says 25.48.\n\n`round()` is called per line in `pricing/discounts.py` **and again in "
                    "`refunds/amounts.py`**. Finance wants the sum rounded, half up.\n\n- [x] one function for both\n"
                    "- [ ] round the sum\n- [ ] compare a month of orders before and after"
                ),
            ),
        ],
    ),
    story(
        "ios-photo-crash",
        "OPS",
        "14 08:51",
        by="sasha",
        source="api",
        title="App crashes when a review photo is rotated",
        description="Only on devices with 3 GB of memory or less. The picture is decoded at full size twice.",
        level="P1",
        reason="error",
        project="Mobile app",
        labels={"os": "ios", "component": "reviews"},
        service="ios-app",
        error_type="EXC_RESOURCE",
        error_message="RESOURCE_TYPE_MEMORY: high watermark memory limit exceeded (limit 1450 MB)",
        file_path="ReviewPhotoEditor.swift",
        function_name="rotate(by:)",
        is_crash=True,
        languages=["SWIFT"],
        platform="IOS",
        track="rum",
        first_version="8.14.0",
        last_version="8.16.1",
        fingerprint="ios-review-photo-memory",
        then=[
            ("+30m", "sasha", Seen(85, "1 17:10", "8.15.0")),
            ("13 10:00", "sasha", change(status="acknowledged"), "datadog"),
            ("13 10:01", "jane", change(assignee="tomas"), "datadog"),
            (
                "9 11:25",
                "tomas",
                "A fix by rotating the thumbnail and keeping the rotation as metadata is in 8.16.1, "
                "which the store is still looking at.",
            ),
            ("9 11:26", "tomas", change(status="pending", add_labels={"waiting-for": "app store"})),
        ],
    ),
    story(
        "android-slow-start",
        "OPS",
        "9 13:12",
        by="tomas",
        title="Android: cold start takes four seconds since 8.15",
        description="Measured on a mid-range phone, ten starts each:\n\n| version | median | slowest |\n"
        "| --- | ---: | ---: |\n| 8.14 | 1.6 s | 2.2 s |\n| 8.15 | 4.1 s | 5.8 s |\n\n"
        "The new consent library reads its configuration over the network before the first frame.",
        level="P2",
        project="Mobile app",
        labels={"os": "android", "performance": ""},
        platform="ANDROID",
        then=[
            (
                "8 09:45",
                "jane",
                "Can the consent screen come after the first frame? Nothing is measured before it anyway.",
            ),
            ("8 10:20", "tomas", "Yes, if we hold back the first page view until somebody has answered."),
            ("8 10:21", "tomas", change(status="acknowledged", assignee="tomas")),
            ("3 11:52", "tomas", "1.5 s in 8.17, which is in the store since this morning."),
            ("3 11:53", "tomas", change(status="resolved", last_version="8.17.0")),
        ],
    ),
    story(
        "keyboard-trap",
        "OPS",
        "11 10:48",
        by="jane",
        title="Date picker cannot be left with the keyboard",
        description="Tab goes round inside the calendar and Escape closes the whole delivery form. Found in the "
        "accessibility review; it blocks the release of the new delivery page.",
        level="P2",
        project="Storefront",
        labels={"accessibility": "", "component": "delivery"},
        due=2,
        then=[
            ("10 09:30", "sasha", change(status="in_progress", assignee="sasha")),
            (
                "3 16:10",
                "sasha",
                "Escape closes only the calendar now, Tab leaves it after the last day. Still open: the "
                "screen reader announces the month twice.",
            ),
        ],
    ),
    story(
        "search-discontinued",
        "OPS",
        "10 15:22",
        by="sasha",
        title="Search shows articles that are no longer sold",
        description="About 400 of them. They lead to a page that says “not found”. The index is built from the "
        "catalogue export, which has lost its `sold_until` column.",
        level="P2",
        project="Storefront",
        environment="production",
        labels={"component": "search"},
        then=[
            (
                "9 10:05",
                "tomas",
                "Probably the same cause as [[column-renamed]]: they renamed it to `valid_until`.",
            ),
            ("9 10:30", "sasha", "Confirmed. I have asked for a view with the old name."),
            ("8 11:12", "sasha", change(status="resolved", assignee="sasha")),
        ],
    ),
    story(
        "voucher-feature-flag",
        "OPS",
        "8 16:37",
        by="petra",
        title="Remove the flag `new_voucher_form`",
        description="It has been on for everybody since the summer. Two templates and about 120 lines can go.",
        level="P3",
        project="Storefront",
        labels={"cleanup": ""},
        then=[
            (
                "6 14:02",
                "petra",
                "I do not get to it before I leave; whoever takes it, the branch is `drop-voucher-flag`.",
            ),
            ("4 15:27", "tomas", "Rebased and merged, 131 lines less. Not what [[cart-typeerror]] is about."),
            ("4 15:28", "tomas", change(status="closed", assignee="tomas", resolution="resolved")),
        ],
    ),
    story(
        "password-mail",
        "OPS",
        "2 10:20",
        by="sasha",
        title="The link to set a new password has expired when the mail arrives",
        description="Only at one large mail provider, which holds our mails back for 30 to 50 minutes. The link is valid "
        "for 30.\n\n18 tickets since last week.",
        level="Customer-facing",
        project="Storefront",
        environment="production",
        labels={"component": "mail", "support": ""},
        service="mailer",
        then=[
            (
                "+25m",
                "tomas",
                "Two hours would be safe enough if the link works once only. Does anybody object?",
            )
        ],
    ),
    story(
        "sitemap",
        "OPS",
        "1 11:15",
        by="tomas",
        title="Sitemap still lists pages that are gone",
        description="Found while looking into [[withdrawn-policy]]: 37 of its 4,310 addresses answer 404.",
        level="P3",
        project="Storefront",
        labels={"component": "seo", "good-first-issue": ""},
    ),
    story(
        "wrong-delivery-date",
        "OPS",
        "-5h",
        by="sasha",
        title="Order confirmation shows the delivery date of the cheapest option",
        description="I chose express for tomorrow and the mail says Monday. The page is right, the mail is not.\n\n"
        "Three customers have written since this morning.",
        level="Customer-facing",
        project="Checkout",
        environment="production",
        labels={"component": "mail"},
        service="mailer",
        then=[
            ("+14m", "jane", change(status="acknowledged", assignee="tomas")),
            (
                "+41m",
                "tomas",
                "The template reads `delivery.default` instead of `delivery.chosen`. It came with "
                "yesterday's redesign of the mail.",
            ),
        ],
    ),
    story(
        "safari-blank",
        "OPS",
        "-55m",
        by="sasha",
        source="api",
        title="Payment page stays blank in Safari 17",
        description="The provider's form is loaded in a frame that our new `Content-Security-Policy` does not name. "
        "Other browsers fall back to the redirect.",
        level="P1",
        reason="error",
        project="Checkout",
        environment="production",
        channels=["Incidents"],
        labels={"browser": "safari", "component": "payment-form"},
        service="storefront",
        error_type="SecurityPolicyViolation",
        error_message="Refused to frame 'https://pay.example.net/' because it violates the directive \"frame-src 'self'\"",
        file_path="payment-form.js",
        function_name="mountFrame",
        languages=["JAVASCRIPT"],
        platform="BROWSER",
        track="rum",
        first_version="4.47.1",
        fingerprint="storefront-csp-frame",
        then=[("-52m", "sasha", Seen(11, "-4m"))],
    ),
    story(
        "cart-5xx",
        "OPS",
        "-14m",
        by="sasha",
        source="api",
        title="Cart service: 2.3 % of the requests answer 503",
        description="Started with the rollout of 4.47.1. Only pods in zone b.",
        level="P0",
        reason="error",
        project="Checkout",
        environment="production",
        teams=["Payments", "Platform"],
        channels=["Incidents"],
        labels={"component": "cart", "zone": "b"},
        service="cart",
        error_type="ServiceUnavailable",
        error_message="upstream connect error or disconnect/reset before headers",
        platform="BACKEND",
        track="trace",
        first_version="4.47.1",
        fingerprint="cart-503-zone-b",
        then=[
            ("-13m", "sasha", Seen(53, "-1m")),
            ("-9m", "sasha", change(status="acknowledged", assignee="sasha")),
            (
                "-6m",
                "sasha",
                "Zone b is drained, the rate falls. The pods there came up with the old secret, see "
                "[[secret-rotation]].",
            ),
        ],
    ),
    story(
        "double-report",
        "OPS",
        "20 10:05",
        by="petra",
        title="Checkout is broken for carts from e-mail",
        description="A customer on the phone gets an error page when she opens her reminder mail.",
        then=[
            ("+6m", "sasha", "The same as [[cart-typeerror]]."),
            ("+7m", "petra", Trash()),
        ],
    ),
)
