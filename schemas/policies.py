"""Policies: what is decided about an order by rules that people write in a file.

`deploy/policies.py` reads the file. SetPolicy goes to every partition of orders.commands under
POLICY_KEY, and each partition keeps its PolicyState under the same key, as it does with locations
in other rooms. Every partition ends with the same policy, in whatever order two of them came: the
greater (version, text_hash) counts.
"""

from __future__ import annotations

from enum import StrEnum

from schemas.records import Millis, Record

POLICY_KEY = "@policy"
"""State key of the policy in every partition of the orders room, and key of SetPolicy."""


class Field(StrEnum):
    """What a condition looks at. Unless said otherwise it is the field of PlaceOrder."""

    CHANNEL = "channel"
    COUNTRY = "country"
    """of ship_to"""
    REGION = "region"
    """of ship_to"""
    POSTAL_CODE = "postal_code"
    """of ship_to, in capitals without blanks"""
    CURRENCY = "currency"
    CUSTOMER = "customer"
    """customer_id, or whom it was merged into"""
    CUSTOMER_GROUP = "customer_group"
    SEGMENT = "segment"
    """of RecordAssessment; empty where nothing is known of the customer"""
    SHIPPING_METHOD = "shipping_method"
    PAYMENT_METHOD = "payment_method"
    """of any tender"""
    SKU = "sku"
    """of any line"""
    LINE_KIND = "line_kind"
    """of any line"""
    DISCOUNT_CODE = "discount_code"
    """of any discount, in capitals"""
    PICKUP_LOCATION = "pickup_location"
    """of any line that is fetched"""
    WEEKDAY = "weekday"
    """mon to sun, when it was placed, in the policy's time zone"""
    TOTAL = "total"
    """what the channel says that the customer pays"""
    SHIPPING = "shipping"
    DISCOUNT = "discount"
    """of the order and of its lines, together"""
    LIFETIME = "lifetime"
    """of RecordAssessment: what the customer has spent before"""
    DISCOUNT_PERCENT = "discount_percent"
    """all discounts in millionths of the lines before them"""
    QUANTITY = "quantity"
    """pieces of all lines"""
    LINE_QUANTITY = "line_quantity"
    """pieces of the largest line"""
    LINES = "lines"
    """how many"""
    ADDRESSES = "addresses"
    """how many it goes to"""
    HOUR = "hour"
    """0 to 23, when it was placed, in the policy's time zone"""
    AGE_HOURS = "age_hours"
    """whole hours from when it was placed until it came in"""
    ORDERS_LAST_HOUR = "orders_last_hour"
    """of RecordAssessment"""
    ORDERS_LAST_DAY = "orders_last_day"
    """of RecordAssessment"""
    LIFETIME_ORDERS = "lifetime_orders"
    """of RecordAssessment"""
    FIRST_ORDER = "first_order"
    """no order of the customer is known from before; true of guests"""
    GUEST = "guest"
    """the channel names no customer"""
    DUPLICATE = "duplicate"
    """of RecordAssessment: another order looks like the same purchase"""
    PREPAID_SHORT = "prepaid_short"
    """a tender that is paid at the channel is not paid in full, or in another currency"""
    COUNTRY_MISMATCH = "country_mismatch"
    """its addresses, the billing address among them, are not all in one country"""
    PICKUP = "pickup"
    """a line of it is fetched by the customer"""
    BUSINESS = "business"
    """it has the buyer's own purchase-order number"""
    SUBSCRIPTION = "subscription"
    """it repeats a standing order"""


class Operator(StrEnum):
    """How a condition compares, or joins the conditions before it."""

    IN = "in"
    """the text, or one of the texts, is one of `texts`"""
    NOT_IN = "not_in"
    """neither the text nor any of the texts is one of `texts`"""
    STARTS_WITH = "starts_with"
    """the text, or one of them, starts with one of `texts`"""
    MATCHES = "matches"
    """the text, or one of them, is one of `texts`, in which * stands for any characters"""
    EQUALS = "equals"
    OVER = "over"
    AT_LEAST = "at_least"
    UNDER = "under"
    AT_MOST = "at_most"
    IS = "is"
    """of what is so or not: 1 for yes and 0 for no"""
    ALL = "all"
    ANY = "any"
    NOT = "not"


class HoldKind(StrEnum):
    """Why an order is held."""

    FRAUD = "fraud"
    ADDRESS = "address"
    MANUAL = "manual"
    PAYMENT = "payment"
    TOTAL_MISMATCH = "total_mismatch"
    DUPLICATE = "duplicate"
    CUT_OFF = "cut_off"
    ROUTING = "routing"
    """no location, no stock or no way to send it that the rules of routing allow"""


class Then(StrEnum):
    """What becomes of a hold whose time is over."""

    RELEASE = "release"
    CANCEL = "cancel"


class Action(StrEnum):
    """What is done about something that should not be."""

    TRUST = "trust"
    HOLD = "hold"
    REFUSE = "refuse"


class Waiting(StrEnum):
    """Whether an order of a channel waits for stock."""

    ALWAYS = "always"
    NEVER = "never"
    AS_ASKED = "as_asked"
    """as PlaceOrder says"""


class Number(Record, frozen=True):
    """A number that is compared with."""

    number: int
    """of an amount, minor units; of a share, millionths; of what is so or not, 1 or 0"""
    currency: str = ""
    """ISO 4217; empty where it is no amount"""


class Condition(Record, frozen=True):
    """One step of a condition in postfix order: all, any and not take the `parts` steps before
    them that are not taken yet."""

    operator: str
    """one of Operator"""
    field: str = ""
    """one of Field; empty for all, any and not"""
    texts: list[str] = []
    """what a text is compared with"""
    numbers: list[Number] = []
    """what a number is compared with: one, or of amounts one a currency"""
    parts: int = 0
    """how many conditions all, any and not join"""


class HoldTerms(Record, frozen=True):
    """How an order is held."""

    kind: str
    """one of HoldKind"""
    limit_ms: int
    """how long, in milliseconds; 0 for until somebody decides"""
    then: str
    """release or cancel, when the time is over"""


class IntakeRule(Record, frozen=True):
    """Orders that are refused."""

    name: str
    line: int
    """of the file"""
    when: list[Condition]
    """which orders it is about; empty for all"""


class HoldRule(Record, frozen=True):
    """Orders that are held. Every rule that fits holds the order on its own."""

    name: str
    line: int
    """of the file"""
    when: list[Condition]
    """which orders it is about; empty for all"""
    terms: HoldTerms
    """how it is held"""


class BackorderRule(Record, frozen=True):
    """Whether the orders of a channel wait for stock."""

    channel: str
    """empty for channels without a rule of their own"""
    line: int
    """of the file"""
    waiting: str
    """one of Waiting"""


class PriorityRule(Record, frozen=True):
    """What is added to the priority of orders. Every rule that fits adds."""

    name: str
    line: int
    """of the file"""
    when: list[Condition]
    """which orders it is about; empty for all"""
    add: int
    """may be below 0"""


class DiscountRule(Record, frozen=True):
    """Discounts that an order may claim, and up to how much. The first rule that fits the order
    and the code counts. It takes nothing off: the channel has done so."""

    name: str
    line: int
    """of the file"""
    when: list[Condition]
    """which orders it is about; empty for all"""
    codes: list[str]
    """in capitals, * stands for any characters; empty for any code and for none"""
    most_ppm: int
    """of the lines before discounts, in millionths; -1 for no such bound"""
    most: list[Number]
    """amounts, one a currency; empty for no such bound"""
    over: str
    """one of Action, where more is claimed, or where the currency has no bound"""
    terms: HoldTerms
    """how it is held, where over is hold"""


class Measure(Record, frozen=True):
    """What is done about something that should not be, and how."""

    line: int
    """of the file; 0 where the file says nothing"""
    action: str
    """one of Action"""
    terms: HoldTerms
    """how it is held, where action is hold"""


class TotalsRule(Record, frozen=True):
    """What is done where a channel's total differs from that of the lines."""

    channel: str
    """empty for channels without a rule of their own"""
    tolerance_minor: int
    """a difference of so many minor units is none"""
    mismatch: Measure
    """what is done about it"""


class RiskRule(Record, frozen=True):
    """Points that an order gets. Every rule that fits adds."""

    name: str
    line: int
    """of the file"""
    when: list[Condition]
    """which orders it is about; empty for all"""
    points: int
    """may be below 0"""


class CutOffRule(Record, frozen=True):
    """Until when an order is dispatched on the same day. The first rule that fits counts."""

    name: str
    line: int
    """of the file"""
    when: list[Condition]
    """which orders it is about; empty for all"""
    time_zone: str
    """IANA name"""
    minute: int
    """of the local day, from which on it is dispatched on a later one"""
    dispatch_minute: int
    """of the local day, until which it is dispatched; 1440 for its end"""
    weekdays: list[str]
    """on which there is dispatch: mon to sun"""
    holidays: list[str]
    """on which there is none: dates as ISO 8601 has them"""
    holds: bool
    """true: an order after the cut-off is held until its day of dispatch begins"""


class Policy(Record, frozen=True):
    """A whole policy. Nothing in it: every order is taken as its channel says."""

    version: int
    """grows with each policy that is set: when that was, in milliseconds since 1970"""
    text_hash: int
    """63 bits of the hash of `text`"""
    name: str
    """of the file"""
    text: str
    """the file as it was written"""
    time_zone: str
    """IANA name, of weekdays and hours"""
    intake: list[IntakeRule] = []
    """in the order of the file"""
    holds: list[HoldRule] = []
    """in the order of the file"""
    backorders: list[BackorderRule] = []
    """one a channel"""
    priorities: list[PriorityRule] = []
    """in the order of the file"""
    discounts: list[DiscountRule] = []
    """in the order of the file"""
    unlisted_discounts: list[Measure] = []
    """what is done where no rule knows a discount; one, or none where it is trusted"""
    totals: list[TotalsRule] = []
    """one a channel"""
    cut_offs: list[CutOffRule] = []
    """in the order of the file"""
    duplicates: list[Measure] = []
    """what is done about the same purchase again; one, or none where it is trusted"""
    risks: list[RiskRule] = []
    """in the order of the file"""
    hold_at: int = 0
    """points from which on an order is held; 0 for never"""
    refuse_at: int = 0
    """points from which on an order is refused; 0 for never"""
    risk_terms: list[HoldTerms] = []
    """how an order is held for its points; one, or none where hold_at is 0"""
    counts_for_payments: bool = False
    """a rule for payments looks at how often the customer has ordered"""


class SetPolicy(Record, frozen=True):
    """Decide about orders by this policy from now on, on each partition. An older one changes
    nothing, and neither does the same again."""

    policy: Policy
    """all of it"""
    actor: str
    """who sets it"""
    at_ms: Millis


class PolicySet(Record, frozen=True):
    """Another policy holds. Written by partition 0 alone. Key: @policy."""

    version: int
    """of the policy"""
    previous_version: int
    """of the one before; 0 for none"""
    text_hash: int
    """63 bits of the hash of the file"""
    name: str
    """of the file"""
    rules: int
    """how many it has"""
    actor: str
    """who set it"""
    at_ms: Millis


class PolicyState(Record, frozen=True):
    """The policy that holds on one partition of the orders room (orders.state, orders.policies)."""

    policy: Policy
    """all of it"""
    actor: str
    """who set it"""
    at_ms: Millis
    """since when it holds"""
