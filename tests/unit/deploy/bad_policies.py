"""Files that are no policies, and what is said of each."""

from __future__ import annotations

BAD: list[tuple[str, list[str]]] = [
    (
        "[[intake]\n",
        [
            "policy.toml:1: is not TOML: expected ']]' at the end of an array declaration",
        ],
    ),
    (
        "a = 1\na = 2\n",
        [
            "policy.toml:2: is not TOML: cannot overwrite a value",
        ],
    ),
    (
        'name = "x"\n[[hold]]\nname =',
        [
            "policy.toml:3: is not TOML: invalid value",
        ],
    ),
    (
        "intakes = 1\n",
        [
            "policy.toml:1: intakes: there is no such key; did you mean intake?",
        ],
    ),
    (
        '[[intake]]\nname = "a"\n',
        [
            'policy.toml:1: intake[1]: when is missing, e.g. when = { channel = "json" }',
        ],
    ),
    (
        '[[intake]]\nwhen = { channel = "json" }\n',
        [
            'policy.toml:1: intake[1]: name is missing, e.g. name = "large-orders"',
        ],
    ),
    (
        '[[intake]]\nname = "A b"\nwhen = { channel = "json" }\n',
        [
            "policy.toml:2: intake[1].name: 'A b' is no name: small letters, digits and "
            "hyphens, at most 64",
        ],
    ),
    (
        '[[intake]]\nname = "risk"\nwhen = { channel = "json" }\n',
        [
            "policy.toml:2: intake[1].name: 'risk' is the name of a table",
        ],
    ),
    (
        "[[intake]]\n"
        'name = "a"\n'
        'when = { channel = "json" }\n'
        "\n"
        "[[hold]]\n"
        'name = "a"\n'
        'when = { channel = "csv" }\n',
        [
            "policy.toml:6: hold[1].name: another rule is called 'a', on line 2",
        ],
    ),
    (
        '[[intake]]\nname = "a"\nwhen = {}\n',
        [
            "policy.toml:3: intake[1].when: has no condition",
        ],
    ),
    (
        '[[intake]]\nname = "a"\nwhen = "always"\n',
        [
            "policy.toml:3: intake[1].when: 'always' is no table of conditions, e.g. { "
            'channel = "json" }',
        ],
    ),
    (
        '[[intake]]\nname = "a"\nwehn = { channel = "json" }\n',
        [
            'policy.toml:1: intake[1]: when is missing, e.g. when = { channel = "json" }',
            "policy.toml:3: intake[1].wehn: there is no such key; did you mean when?",
        ],
    ),
    (
        '[[intake]]\nname = "a"\nwhen = { chanel = "json" }\n',
        [
            "policy.toml:3: intake[1].when.chanel: there is no such condition; did you mean"
            " channel?",
        ],
    ),
    (
        '[[intake]]\nname = "a"\nwhen = { channel_over = "json" }\n',
        [
            "policy.toml:3: intake[1].when.channel_over: channel cannot be compared like "
            "this; there are channel, channel_in, channel_not_in, channel_starts_with, "
            "channel_matches",
        ],
    ),
    (
        '[[intake]]\nname = "a"\nwhen = { guest = "yes" }\n',
        [
            "policy.toml:3: intake[1].when.guest: 'yes' is not true or false",
        ],
    ),
    (
        '[[intake]]\nname = "a"\nwhen = { channel = 4 }\n',
        [
            "policy.toml:3: intake[1].when.channel: 4 is no text; write it in quotation marks",
        ],
    ),
    (
        '[[intake]]\nname = "a"\nwhen = { channel_in = "json" }\n',
        [
            "policy.toml:3: intake[1].when.channel_in: 'json' is no list; write it in "
            'brackets, e.g. ["json"]',
        ],
    ),
    (
        '[[intake]]\nname = "a"\nwhen = { channel_in = [] }\n',
        [
            "policy.toml:3: intake[1].when.channel_in: has 0 elements, and may have 1 to 1000",
        ],
    ),
    (
        '[[intake]]\nname = "a"\nwhen = { channel_in = [\n  "json",\n  "json",\n] }\n',
        [
            "policy.toml:5: intake[1].when.channel_in[2]: 'json' is named twice",
        ],
    ),
    (
        '[[intake]]\nname = "a"\nwhen = { channel = " json" }\n',
        [
            "policy.toml:3: intake[1].when.channel: ' json' is empty, has blanks around it "
            "or control characters",
        ],
    ),
    (
        '[[intake]]\nname = "a"\nwhen = { country = "UK" }\n',
        [
            "policy.toml:3: intake[1].when.country: 'UK' is not an ISO 3166-1 alpha-2 code",
        ],
    ),
    (
        '[[intake]]\nname = "a"\nwhen = { country_in = [\n  "DE",\n  "XX",\n] }\n',
        [
            "policy.toml:5: intake[1].when.country_in[2]: 'XX' is not an ISO 3166-1 alpha-2 code",
        ],
    ),
    (
        '[[intake]]\nname = "a"\nwhen = { currency = "EURO" }\n',
        [
            "policy.toml:3: intake[1].when.currency: 'EURO' is not an ISO 4217 currency; "
            "did you mean EUR?",
        ],
    ),
    (
        '[[intake]]\nname = "a"\nwhen = { payment_method = "paypal" }\n',
        [
            "policy.toml:3: intake[1].when.payment_method: 'paypal' is not known; there are"
            " card, cash_on_delivery, channel, gift_card, invoice",
        ],
    ),
    (
        '[[intake]]\nname = "a"\nwhen = { weekday = "monday" }\n',
        [
            "policy.toml:3: intake[1].when.weekday: 'monday' is not known; did you mean mon?",
        ],
    ),
    (
        '[[intake]]\nname = "a"\nwhen = { country_starts_with = "D" }\n',
        [
            "policy.toml:3: intake[1].when.country_starts_with: country cannot be compared "
            "like this; there are country, country_in, country_not_in",
        ],
    ),
    (
        '[[intake]]\nname = "a"\nwhen = { sku_matches = "*-*-*-*-*-*-*-*-*" }\n',
        [
            "policy.toml:3: intake[1].when.sku_matches: has a pattern with more than 8 stars",
        ],
    ),
    (
        '[[hold]]\nname = "a"\nwhen.total_over = 250.0\n',
        [
            'policy.toml:3: hold[1].when.total_over: 250.0 is no amount; write it as "250.00 EUR"',
        ],
    ),
    (
        '[[hold]]\nname = "a"\nwhen.total_over = "250.00"\n',
        [
            "policy.toml:3: hold[1].when.total_over: '250.00' is no amount; write it as "
            '"250.00 EUR"',
        ],
    ),
    (
        '[[hold]]\nname = "a"\nwhen.total_over = "250.001 EUR"\n',
        [
            "policy.toml:3: hold[1].when.total_over: '250.001' has more decimals than EUR has",
        ],
    ),
    (
        '[[hold]]\nname = "a"\nwhen.total_over = "250.00 EUX"\n',
        [
            "policy.toml:3: hold[1].when.total_over: 'EUX' is not an ISO 4217 currency; did"
            " you mean UGX?",
        ],
    ),
    (
        '[[hold]]\nname = "a"\nwhen.total_over = "-1.00 EUR"\n',
        [
            "policy.toml:3: hold[1].when.total_over: is below 0",
        ],
    ),
    (
        '[[hold]]\nname = "a"\nwhen.total_over = "much EUR"\n',
        [
            "policy.toml:3: hold[1].when.total_over: 'much' is not a decimal number",
        ],
    ),
    (
        '[[hold]]\nname = "a"\nwhen.total_over = [\n  "1.00 EUR",\n  "2.00 EUR",\n]\n',
        [
            "policy.toml:5: hold[1].when.total_over[2]: there is another amount in EUR",
        ],
    ),
    (
        '[[hold]]\nname = "a"\nwhen.hour_over = 24\n',
        [
            "policy.toml:3: hold[1].when.hour_over: 24 is not within 0 and 23",
        ],
    ),
    (
        '[[hold]]\nname = "a"\nwhen.lines_over = "three"\n',
        [
            "policy.toml:3: hold[1].when.lines_over: 'three' is no whole number",
        ],
    ),
    (
        '[[hold]]\nname = "a"\nwhen.lines_over = true\n',
        [
            "policy.toml:3: hold[1].when.lines_over: true is no whole number",
        ],
    ),
    (
        '[[hold]]\nname = "a"\nwhen.discount_percent_over = 130\n',
        [
            "policy.toml:3: hold[1].when.discount_percent_over: 130 is no percentage within"
            ' 0 and 100; write it as 30 or "12.5 %"',
        ],
    ),
    (
        '[[hold]]\nname = "a"\nwhen.discount_percent_over = 12.5\n',
        [
            "policy.toml:3: hold[1].when.discount_percent_over: 12.5 is no percentage "
            'within 0 and 100; write it as 30 or "12.5 %"',
        ],
    ),
    (
        '[[hold]]\nname = "a"\nwhen.any = { channel = "json" }\n',
        [
            "policy.toml:3: hold[1].when.any: a table is no list of 1 to 64 tables of conditions",
        ],
    ),
    (
        '[[hold]]\nname = "a"\nwhen.not = [{ channel = "json" }]\n',
        [
            "policy.toml:3: hold[1].when.not: a list is no table of conditions, e.g. { "
            'channel = "json" }',
        ],
    ),
    (
        "[[hold]]\n"
        'name = "a"\n'
        "[hold.when]\n"
        "any = [\n"
        '  { channel = "json" },\n'
        '  { totl_over = "1.00 EUR" },\n'
        "]\n",
        [
            "policy.toml:6: hold[1].when.any[2].totl_over: there is no such condition; did "
            "you mean total_over?",
        ],
    ),
    (
        '[[hold]]\nname = "a"\nwhen.not.not.not.not.guest = true\n',
        [
            "policy.toml:3: hold[1].when.not.not.not.not: lies deeper than 4 tables",
        ],
    ),
    (
        '[[hold]]\nname = "a"\nwhen = { total_over = "9.00 EUR", total_under = "5.00 EUR" }\n',
        [
            "policy.toml:3: hold[1].when.total_under: can never be so together with "
            "hold[1].when.total_over",
        ],
    ),
    (
        '[[hold]]\nname = "a"\n[hold.when]\nchannel = "json"\nchannel_not_in = ["json", "csv"]\n',
        [
            "policy.toml:5: hold[1].when.channel_not_in: can never be so together with "
            "hold[1].when.channel",
        ],
    ),
    (
        '[[hold]]\nname = "a"\nwhen = { total_under = "0.00 EUR" }\n',
        [
            "policy.toml:3: hold[1].when.total_under: can never be so",
        ],
    ),
    (
        '[[hold]]\nname = "a"\nkind = "duplicate"\nwhen = { guest = true }\n',
        [
            "policy.toml:3: hold[1].kind: 'duplicate' is not one of fraud, address, manual,"
            " payment",
        ],
    ),
    (
        '[[hold]]\nname = "a"\nlimit = "48 hours"\nthen = "cancel"\nwhen = { guest = true }\n',
        [
            "policy.toml:3: hold[1].limit: '48 hours' is no duration up to 365d; write it "
            'as "30m", "48h" or "3d"',
        ],
    ),
    (
        '[[hold]]\nname = "a"\nlimit = "400d"\nthen = "cancel"\nwhen = { guest = true }\n',
        [
            "policy.toml:3: hold[1].limit: '400d' is no duration up to 365d; write it as "
            '"30m", "48h" or "3d"',
        ],
    ),
    (
        '[[hold]]\nname = "a"\nlimit = "48h"\nwhen = { guest = true }\n',
        [
            "policy.toml:3: hold[1].limit: goes with then, which is missing",
        ],
    ),
    (
        '[[hold]]\nname = "a"\nthen = "cancel"\nwhen = { guest = true }\n',
        [
            "policy.toml:3: hold[1].then: goes with limit, which is missing",
        ],
    ),
    (
        '[[hold]]\nname = "a"\nlimit = "48h"\nthen = "refuse"\nwhen = { guest = true }\n',
        [
            "policy.toml:4: hold[1].then: 'refuse' is not one of release, cancel",
        ],
    ),
    (
        '[hold]\nname = "a"\n',
        [
            "policy.toml:1: hold: is a list of rules; write [[hold]]",
        ],
    ),
    (
        '[backorder.json]\nwaits = "sometimes"\n',
        [
            "policy.toml:2: backorder.json.waits: 'sometimes' is not one of always, never, "
            "as_asked",
        ],
    ),
    (
        '[backorder.json]\nwait = "always"\n',
        [
            'policy.toml:1: backorder.json: waits is missing, e.g. waits = "always"',
            "policy.toml:2: backorder.json.wait: there is no such key; did you mean waits?",
        ],
    ),
    (
        'backorder = "always"\n',
        [
            "policy.toml:1: backorder: 'always' is no table; write [backorder]",
        ],
    ),
    (
        '[backorder]\njson = "always"\n',
        [
            "policy.toml:2: backorder.json: 'always' is no table; write [backorder.json]",
        ],
    ),
    (
        '[[priority]]\nname = "a"\nadd = 5000\n',
        [
            "policy.toml:3: priority[1].add: 5000 is not within -1000 and 1000",
        ],
    ),
    (
        '[[priority]]\nname = "a"\n',
        [
            "policy.toml:1: priority[1]: add is missing, e.g. add = 10",
        ],
    ),
    (
        '[[discount]]\nname = "a"\nover = "hold"\n',
        [
            "policy.toml:1: discount[1]: most_percent is missing, e.g. most_percent = 30",
        ],
    ),
    (
        '[[discount]]\nname = "a"\nmost_percent = 20\nover = "trust"\n',
        [
            "policy.toml:4: discount[1].over: 'trust' is not one of hold, refuse",
        ],
    ),
    (
        '[[discount]]\nname = "a"\nmost_amount = "20"\nover = "hold"\n',
        [
            "policy.toml:3: discount[1].most_amount: '20' is no amount; write it as \"250.00 EUR\"",
        ],
    ),
    (
        "[[discount]]\n"
        'name = "a"\n'
        "most_percent = 20\n"
        'over = "refuse"\n'
        'limit = "2h"\n'
        'then = "release"\n',
        [
            'policy.toml:5: discount[1].limit: goes with over = "hold"',
            'policy.toml:6: discount[1].then: goes with over = "hold"',
        ],
    ),
    (
        '[discounts]\nunlisted = "ask"\n',
        [
            "policy.toml:2: discounts.unlisted: 'ask' is not one of trust, hold, refuse",
        ],
    ),
    (
        "[totals.json]\ntolerance_minor = 2\n",
        [
            'policy.toml:1: totals.json: mismatch is missing, e.g. mismatch = "hold"',
        ],
    ),
    (
        '[totals.json]\nmismatch = "hold"\ntolerance_minor = "0.02 EUR"\n',
        [
            "policy.toml:3: totals.json.tolerance_minor: '0.02 EUR' is no whole number",
        ],
    ),
    (
        '[totals.json]\nmismatch = "trust"\nlimit = "2d"\nthen = "cancel"\n',
        [
            'policy.toml:3: totals.json.limit: goes with mismatch = "hold"',
            'policy.toml:4: totals.json.then: goes with mismatch = "hold"',
        ],
    ),
    (
        '[duplicates]\nfound = "drop"\n',
        [
            "policy.toml:2: duplicates.found: 'drop' is not one of trust, hold, refuse",
        ],
    ),
    (
        "[risk]\n",
        [
            "policy.toml:1: risk: neither hold_at nor refuse_at says what points are for",
        ],
    ),
    (
        "[risk]\n"
        "hold_at = 50\n"
        "refuse_at = 50\n"
        "[[risk.rule]]\n"
        'name = "a"\n'
        "points = 60\n"
        "when = { guest = true }\n",
        [
            "policy.toml:3: risk.refuse_at: is not over hold_at, which is 50",
        ],
    ),
    (
        '[risk]\nhold_at = 50\n[[risk.rule]]\nname = "a"\nwhen = { guest = true }\n',
        [
            "policy.toml:3: risk.rule[1]: points is missing, e.g. points = 20",
        ],
    ),
    (
        '[risk]\nhold_at = 50\n[[risk.rule]]\nname = "a"\npoints = 0\nwhen = { guest = true }\n',
        [
            "policy.toml:5: risk.rule[1].points: 0 points change nothing",
        ],
    ),
    (
        "[risk]\n"
        "refuse_at = 50\n"
        'limit = "2h"\n'
        'then = "cancel"\n'
        "[[risk.rule]]\n"
        'name = "a"\n'
        "points = 60\n"
        "when = { guest = true }\n",
        [
            "policy.toml:3: risk.limit: goes with hold_at",
            "policy.toml:4: risk.then: goes with hold_at",
        ],
    ),
    (
        "[payment]\nrefuse = 100\n",
        [
            "policy.toml:1: payment: refuse_at is missing, e.g. refuse_at = 100",
            "policy.toml:2: payment.refuse: there is no such key; did you mean refuse_at?",
        ],
    ),
    (
        "[payment]\nrefuse_at = 0\n",
        [
            "policy.toml:2: payment.refuse_at: 0 is not within 1 and 1000",
        ],
    ),
    (
        '[payment_rule]\nname = "a"\n',
        [
            "policy.toml:1: payment_rule: is a list of rules; write [[payment_rule]]",
        ],
    ),
    (
        '[[payment_rule]]\nname = "a"\nwhen = { channel = "json" }\n',
        [
            "policy.toml:1: payment_rule[1]: asks for nothing; write one of methods, currencies,"
            " countries, most_tenders, most_orders_last_hour, most_orders_last_day, most_amount,"
            " same_billing_country",
            "policy.toml:3: payment_rule[1].when: there is no such key; there are channel,"
            " countries, currencies, methods, most_amount, most_orders_last_day,"
            " most_orders_last_hour, most_tenders, points, same_billing_country",
        ],
    ),
    (
        '[[payment_rule]]\nname = "a"\nmost_tenders = 2\nmethods = ["card"]\n',
        [
            "policy.toml:3: payment_rule[1].most_tenders: a rule asks for one thing, and this one"
            " has methods",
        ],
    ),
    (
        '[[payment_rule]]\nmost_amount = "250"\n',
        [
            'policy.toml:1: payment_rule[1]: name is missing, e.g. name = "large-orders"',
            "policy.toml:2: payment_rule[1].most_amount: '250' is no amount; write it as"
            ' "250.00 EUR"',
        ],
    ),
    (
        '[[hold]]\nname = "a"\nwhen.guest = true\n[[payment_rule]]\nname = "a"\nmost_tenders = 0\n',
        [
            "policy.toml:5: payment_rule[1].name: another rule is called 'a', on line 2",
            "policy.toml:6: payment_rule[1].most_tenders: 0 is not within 1 and 20",
        ],
    ),
    (
        '[[payment_rule]]\nname = "a"\nmethods = ["cards"]\npoints = 20\n',
        [
            "policy.toml:3: payment_rule[1].methods[1]: 'cards' is not known; did you mean card?",
            "policy.toml:4: payment_rule[1].points: goes with refuse_at of [payment], which is"
            " missing",
        ],
    ),
    (
        '[[payment_rule]]\nname = "a"\ncountries = [\n  "DE",\n  "UK",\n]\n'
        '[[payment_rule]]\nname = "b"\ncurrencies = "EUR"\n',
        [
            "policy.toml:5: payment_rule[1].countries[2]: 'UK' is not an ISO 3166-1 alpha-2 code",
            "policy.toml:9: payment_rule[2].currencies: 'EUR' is no list; write it in brackets,"
            ' e.g. ["EUR"]',
        ],
    ),
    (
        '[[payment_rule]]\nname = "a"\nsame_billing_country = false\n',
        [
            "policy.toml:3: payment_rule[1].same_billing_country: is written only where it is true",
        ],
    ),
    (
        'time_zone = "Europe/Berln"\n',
        [
            "policy.toml:1: time_zone: 'Europe/Berln' is not an IANA time zone; did you "
            "mean Europe/Berlin?",
        ],
    ),
    (
        'time_zone = "Mars"\n',
        [
            "policy.toml:1: time_zone: 'Mars' is not an IANA time zone",
        ],
    ),
    (
        "[cutoff.express]\n",
        [
            'policy.toml:1: cutoff.express: time is missing, e.g. time = "14:00"',
        ],
    ),
    (
        '[cutoff.express]\ntime = "25:00"\n',
        [
            "policy.toml:2: cutoff.express.time: '25:00' is no time of day; write it as \"14:00\"",
        ],
    ),
    (
        '[cutoff.express]\ntime = 14:00:00\ntime_zone = "CEST"\ndays = ["monday"]\n',
        [
            "policy.toml:3: cutoff.express.time_zone: 'CEST' is not an IANA time zone",
            "policy.toml:4: cutoff.express.days[1]: 'monday' is not known; did you mean mon?",
        ],
    ),
    (
        '[cutoff.express]\ntime = "14:00"\nholidays = ["25.12."]\n',
        [
            "policy.toml:3: cutoff.express.holidays[1]: '25.12.' is no day; write it as 2025-12-25",
        ],
    ),
    (
        '[cutoff.express]\ntime = "14:00"\nholidays = [2026-12-25, 2026-12-25]\n',
        [
            "policy.toml:3: cutoff.express.holidays[2]: 2026-12-25 is named twice",
        ],
    ),
    (
        '[cutoff.express]\ntime = "14:00"\ndispatch_by = "13:00"\n',
        [
            "policy.toml:3: cutoff.express.dispatch_by: is before the cut-off on the same day",
        ],
    ),
    (
        '[cutoff.express]\ntime = "14:00"\nhold = "yes"\n',
        [
            "policy.toml:3: cutoff.express.hold: 'yes' is not true or false",
        ],
    ),
    (
        '[cutoff.Express]\ntime = "14:00"\n',
        [
            "policy.toml:1: cutoff.Express: 'Express' is no name: small letters, digits and"
            " hyphens, at most 64",
        ],
    ),
]
