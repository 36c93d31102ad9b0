"""The desk: drafts that last, totals by the channel's rules, quotes, links, orders placed once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from connectors.call_centre import drafts, links, products
from connectors.call_centre.customers import Directory, Standing
from connectors.call_centre.drafts import Draft, Drafts, Full, Outdated, State
from connectors.call_centre.links import Link, NoLink
from connectors.call_centre.products import BadProducts, Shelf
from connectors.call_centre.selling import Desk
from connectors.channels.call_centre import CallCentre
from connectors.http_api import Problem
from connectors.vault.sealing import PROFILE
from schemas.codec import encode
from schemas.customers import Contact, CustomerState, Figure, Personal
from schemas.orders import PlaceOrder
from tests.unit.connectors.api_service import APP, Client, asked, run
from tests.unit.connectors.desk_service import AGENT, PRODUCTS, DeskService, form
from tests.unit.connectors.test_levels import POT, SET, TEA, store
from tests.unit.connectors.vault import OTHER_KEY, vault


@pytest.fixture
def service(tmp_path: Path) -> Iterator[DeskService]:
    made = DeskService(tmp_path / "desk.sqlite")
    yield made
    made.drafts.close()


class Talk:
    """One agent's requests."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def __call__(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        return await asked(self.client, method, f"/desk{path}", body, AGENT)

    async def new(self, **changes: Any) -> dict[str, Any]:
        status, said = await self("POST", "/drafts", {"form": form(**changes)})
        assert status == 201
        draft: dict[str, Any] = said
        return draft

    async def act(self, draft: dict[str, Any], what: str, **more: Any) -> tuple[int, Any]:
        path = f"/drafts/{draft['draft_id']}/{what}"
        return await self("POST", path, {"revision": draft["revision"], **more})


def orders(service: DeskService) -> list[PlaceOrder]:
    """What the channel makes of everything that was published."""
    found: list[PlaceOrder] = []
    for raw in service.kafka.raw:
        assert raw.channel == "call-centre"
        (order,) = CallCentre().orders(raw.payload, "", raw.raw_id, 1)
        assert isinstance(order, PlaceOrder), order
        found.append(order)
    return found


def test_a_draft_says_what_it_comes_to_and_is_placed_as_an_order_of_the_channel(
    service: DeskService,
) -> None:
    async def work(client: Client) -> None:
        talk = Talk(client)
        draft = await talk.new()
        assert (draft["sum"]["total"], draft["agent_id"], draft["fault"]) == ("12.00", "ada", None)
        status, said = await talk.act(draft, "place")
        assert (status, said["state"]) == (202, "placed")
        assert said["order_id"] == f"call-centre-{draft['draft_id']}"
        assert (await talk.act(draft, "place"))[1]["order_id"] == said["order_id"]

    run(service, work)
    (order,) = orders(service)
    assert (order.total_minor, order.payment_token) == (1200, "4242424242424242")


def test_what_is_missing_is_named_and_nothing_is_placed(service: DeskService) -> None:
    async def work(client: Client) -> None:
        talk = Talk(client)
        draft = await talk.new(ship_to={})
        assert draft["fault"]["pointer"] == "/ship_to"
        for what in ("place", "quote", "link"):
            status, said = await talk.act(draft, what)
            assert (status, said["errors"][0]["pointer"]) == (422, "/ship_to")

    run(service, work)
    assert service.kafka.raw == []


def test_an_order_that_kafka_did_not_take_is_the_same_order_the_next_time(
    service: DeskService,
) -> None:
    async def work(client: Client) -> None:
        talk = Talk(client)
        draft = await talk.new()
        service.kafka.away = True
        assert (await talk.act(draft, "place"))[0] == 503
        service.now += 60
        _, kept = await talk("GET", f"/drafts/{draft['draft_id']}")
        assert kept["state"] == "placing"
        assert (await talk("PUT", f"/drafts/{draft['draft_id']}", {"form": {}, "revision": 2}))[1][
            "type"
        ].endswith(":placed")
        first = service.drafts.get(draft["draft_id"])
        service.kafka.away = False
        assert (await talk.act(draft, "place"))[0] == 202
        assert first is not None
        assert json.loads(service.kafka.raw[0].payload) == first.order

    run(service, work)


def test_two_windows_do_not_overwrite_each_other(service: DeskService) -> None:
    async def work(client: Client) -> None:
        talk = Talk(client)
        draft = await talk.new()
        path = f"/drafts/{draft['draft_id']}"
        changed = {"form": form(shipping="4.00"), "revision": 1}
        status, said = await talk("PUT", path, changed)
        assert (status, said["sum"]["total"]) == (200, "13.00")
        status, said = await talk("PUT", path, {"form": form(shipping="9.00"), "revision": 1})
        assert (status, said["type"]) == (409, "urn:millrace:problem:outdated")
        assert (await talk.act(draft, "place"))[0] == 409

    run(service, work)


def test_a_quote_holds_until_it_ends_or_the_form_changes(service: DeskService) -> None:
    async def work(client: Client) -> None:
        talk = Talk(client)
        _, quoted = await talk.act(await talk.new(), "quote", days=2)
        assert (quoted["state"], quoted["total"], quoted["in_time"]) == ("quoted", "12.00", True)
        service.now += 2 * 86_400
        status, said = await talk.act(quoted, "place")
        assert (status, said["type"]) == (409, "urn:millrace:problem:expired")
        _, again = await talk.act(quoted, "quote")
        assert (await talk.act(again, "place"))[0] == 202
        _, other = await talk.act(await talk.new(), "quote")
        path = f"/drafts/{other['draft_id']}"
        _, same = await talk("PUT", path, {"form": form(), "revision": other["revision"]})
        assert same["state"] == "quoted"
        _, changed = await talk(
            "PUT", path, {"form": form(note="x"), "revision": other["revision"]}
        )
        assert (changed["state"], changed["total"]) == ("draft", "")

    run(service, work)


def test_an_order_is_placed_when_its_link_is_paid_and_only_then(service: DeskService) -> None:
    async def work(client: Client) -> None:
        talk = Talk(client)
        draft = await talk.new(payment={"method": "payment_link"})
        assert (await talk.act(draft, "place"))[0] == 409
        _, waiting = await talk.act(draft, "link")
        assert waiting["state"] == "awaiting_payment"
        assert (await talk.act(waiting, "place"))[1]["type"].endswith(":not_paid")
        body = {"form": form(), "revision": waiting["revision"]}
        assert (await talk("PUT", f"/drafts/{draft['draft_id']}", body))[0] == 409
        path = waiting["link"].removeprefix("http://desk")
        async with client.get(path) as page:
            assert page.status == 200 and "Pay 12.00 EUR" in await page.text()
        for _ in range(2):
            async with client.post(path) as page:
                assert "Your order is call-centre-" in await page.text()
        _, placed = await talk("GET", f"/drafts/{draft['draft_id']}")
        assert placed["state"] == "placed"

    run(service, work)
    (order,) = orders(service)
    assert (order.payment_method, order.paid_minor, order.total_minor) == ("channel", 1200, 1200)


def test_a_link_that_is_withdrawn_late_or_wrong_pays_nothing(service: DeskService) -> None:
    async def work(client: Client) -> None:
        talk = Talk(client)

        async def paid(link: str) -> int:
            async with client.post(link.removeprefix("http://desk")) as page:
                return page.status

        _, first = await talk.act(await talk.new(payment={"method": "payment_link"}), "link")
        _, draft = await talk.act(first, "withdraw")
        assert (draft["state"], draft.get("link")) == ("draft", None)
        assert await paid(first["link"]) == 404
        _, second = await talk.act(draft, "link")
        assert second["link"] != first["link"]
        service.now += links.LINK_MS / 1000
        assert await paid(second["link"]) == 410
        assert await paid("/desk/pay/x") == 404

    run(service, work)
    assert service.kafka.raw == []


class Gateway:
    """Links of another service."""

    def __init__(self) -> None:
        self.paid = False
        self.away = False

    async def create(
        self, draft_id: str, amount_minor: int, currency: str, now_ms: int, until_ms: int
    ) -> Link:
        if self.away:
            raise NoLink("away")
        return Link("cs_1", "https://pay.example/cs_1", links.ends(now_ms, until_ms))

    async def is_paid(self, name: str, amount_minor: int, currency: str) -> bool:
        return self.paid and (name, amount_minor, currency) == ("cs_1", 1200, "EUR")

    async def withdraw(self, name: str) -> None:
        if self.paid:
            raise NoLink("it may be paid already")

    async def close(self) -> None:
        pass


def test_a_link_of_a_gateway_is_asked_whether_it_is_paid(tmp_path: Path) -> None:
    gateway = Gateway()
    service = DeskService(tmp_path / "desk.sqlite", gateway)

    async def work(client: Client) -> None:
        talk = Talk(client)
        draft = await talk.new(payment={"method": "payment_link"})
        gateway.away = True
        assert (await talk.act(draft, "link"))[0] == 503
        gateway.away = False
        _, waiting = await talk.act(draft, "link")
        assert waiting["link"] == "https://pay.example/cs_1"
        # The sandbox's page is not a way around the gateway.
        async with client.post("/desk/pay/cs_1") as page:
            assert page.status == 404
        assert (await talk.act(waiting, "place"))[0] == 409
        gateway.paid = True
        assert (await talk.act(waiting, "withdraw"))[0] == 409
        assert (await talk.act(waiting, "place"))[1]["state"] == "placed"

    run(service, work)
    service.drafts.close()
    assert len(orders(service)) == 1


def test_agents_need_a_token_of_the_desk_and_the_api_another(service: DeskService) -> None:
    async def work(client: Client) -> None:
        for path in ("/desk/me", "/desk/products?q=TEA", "/desk/drafts"):
            assert (await asked(client, "GET", path, headers=APP))[0] == 401
            assert (await asked(client, "GET", path, headers={}))[0] == 401
        assert (await asked(client, "GET", "/v1/orders", headers=AGENT))[0] == 401
        async with client.get("/desk/") as page:
            assert page.status == 200
            assert "script-src 'self'" in page.headers["Content-Security-Policy"]
        async with client.get("/desk/page/desk.html") as page:
            assert page.status == 404

    run(service, work)


def test_products_are_found_by_sku_and_by_words(service: DeskService) -> None:
    async def work(client: Client) -> None:
        talk = Talk(client)
        _, said = await talk("GET", "/products?q=te")
        assert [one["sku"] for one in said["products"]] == ["TEA", "POT"]
        tea = said["products"][0]
        assert (tea["name"], tea["available"]) == ("Green tea, 100 g", 6)  # the rest is a quota's
        assert {one["location_id"] for one in tea["places"]} == {"berlin", "lyon"}
        assert (await talk("GET", "/products?q="))[1] == {"products": []}
        _, said = await talk("GET", "/products?q=wrapping")
        assert said["products"][0]["available"] is None

    run(service, work)


def test_a_kit_is_found_with_what_its_components_allow() -> None:
    (found,) = Shelf(store(TEA, POT, SET), {}).find("TEA &")
    assert found.sku == SET.sku
    assert found.places[0].available > 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("sku\nA\n", "no column name"),
        ("sku,name\n,x\n", "row 2: sku"),
        ("sku,name,unit_price,currency\nA,x,1.001,EUR\n", "row 2: unit_price"),
        ("sku,name,unit_price,currency\nA,x,1.00,\n", "row 2: currency"),
    ],
)
def test_a_file_of_products_that_cannot_be_taken_says_why(
    tmp_path: Path, text: str, why: str
) -> None:
    path = tmp_path / "products.csv"
    path.write_text(text)
    with pytest.raises(BadProducts, match=why):
        products.load(path)
    path.write_text("\ufeffsku,name,unit_price,currency\nTEA,Green tea,4.50,EUR\nX,Y,,\n")
    assert products.load(path)["TEA"] == replace(PRODUCTS["TEA"], name="Green tea")
    example = Path(products.__file__).parents[2] / "deploy" / "examples" / "products.csv"
    assert products.load(example)["IPOD2008GREEN"].unit_price == "199.00"


def test_drafts_are_encrypted_bounded_and_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_700_000_000.0]
    path = tmp_path / "desk.sqlite"
    kept = Drafts(path, vault(), lambda: now[0])
    draft = kept.make("ada", {"customer": {"name": "Ada Example"}})
    assert b"Ada" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    changed = kept.put(replace(draft, state=State.QUOTED))
    with pytest.raises(Outdated):
        kept.put(draft)
    kept.close()
    kept = Drafts(path, vault(), lambda: now[0])
    assert kept.get(draft.draft_id) == changed
    monkeypatch.setattr(drafts, "MAXIMUM_DRAFTS", 1)
    with pytest.raises(Full):
        kept.make("ada", {})
    now[0] += drafts.KEPT_MS / 1000 + 1
    assert kept.get(draft.draft_id) is None
    assert kept.latest(9) == []
    kept.make("ada", {})
    with pytest.raises(drafts.TooLarge):
        kept.make("ada", {"note": "x" * drafts.MAXIMUM_FORM_BYTES})
    kept.close()
    assert sqlite3.connect(path).execute("SELECT count(*) FROM drafts").fetchone() == (1,)


class Ring:
    """A key ring with one key, until it is erased."""

    def __init__(self, key: Any) -> None:
        self.key: Any = key

    def find(self, key_id: str, partition: int, since_ms: int) -> Any:
        return self.key

    def stands(self, key_id: str, partition: int) -> bool:
        return self.key is not None


async def _found(directory: Directory, words: str) -> list[Any]:
    return list(await directory.find(words))


def test_a_customer_is_found_by_an_address_and_has_a_name_until_it_is_erased() -> None:
    secrets = vault()
    customer_id = secrets.pseudonym("email", "call-centre", "ada@example.com")
    key = secrets.new_key("k1")
    personal = b'{"contact": {"name": "Ada Example"}}'
    state = CustomerState(
        "c-stays", key_id="k1", personal=key.seal(PROFILE, "k1", personal), segment="loyal",
        figures=[Figure("EUR", 2, 4000)],
    )  # fmt: skip
    standing = Standing()
    standing.put("c-stays", encode(state))
    standing.put(customer_id, encode(CustomerState(customer_id, merged_into="c-stays")))
    standing.put("c-stays|json-1", b"")
    standing.put("@segments", b"")
    assert len(standing) == 2
    ring = Ring(key)
    directory = Directory(standing, secrets, ring)  # type: ignore[arg-type]
    (ada,) = asyncio.run(_found(directory, "Ada@Example.com "))
    assert (ada.customer_id, ada.name, ada.orders[0].total) == ("c-stays", "Ada Example", "40.00")
    ring.key = None
    (nameless,) = asyncio.run(_found(directory, "c-stays"))
    assert (nameless.name, nameless.segment) == ("", "loyal")
    assert asyncio.run(_found(directory, "nobody@example.com")) == []
    named = {"customer": {"email": "ada@example.com"}}
    assert directory.erased_at_ms(named) == 0
    standing.put("c-stays", encode(replace(state, erased_at_ms=7)))
    assert (directory.erased_at_ms(named), directory.erased_at_ms({})) == (7, 0)
    assert Personal(Contact(name="Ada Example")).contact.name == ada.name


def test_who_has_not_changed_for_longest_gives_way() -> None:
    standing = Standing(2)
    for name in ("c-1", "c-2", "c-1", "c-3"):
        standing.put(name, encode(CustomerState(name)))
    assert [standing.get(name) is None for name in ("c-1", "c-2", "c-3")] == [False, True, False]
    standing.put("c-3", None)
    assert len(standing) == 1


def test_a_draft_of_another_master_key_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "desk.sqlite"
    kept = Drafts(path, vault())
    draft: Draft = kept.make("ada", {})
    kept.close()
    other = Drafts(path, vault(OTHER_KEY))
    assert other.get(draft.draft_id) is None
    other.close()


def test_a_form_that_no_order_can_hold_is_refused(service: DeskService) -> None:
    async def work(client: Client) -> None:
        talk = Talk(client)
        status, said = await talk("POST", "/drafts", {"form": {"note": 10**30}})
        assert (status, said["errors"][0]["pointer"]) == (422, "/form")

    run(service, work)


def test_nothing_personal_stays_with_a_draft_that_is_placed(service: DeskService) -> None:
    async def work(client: Client) -> None:
        talk = Talk(client)
        _, placed = await talk.act(await talk.new(), "place")
        kept = service.drafts.get(placed["draft_id"])
        assert kept is not None
        assert (set(kept.form), kept.order) == ({"currency", "lines", "delivery"}, {})
        assert (await talk("DELETE", f"/drafts/{placed['draft_id']}"))[0] == 200

    run(service, work)


def test_drafts_of_whom_is_erased_are_forgotten_and_paid_links_become_orders(
    tmp_path: Path,
) -> None:
    gateway, erased = Gateway(), [0]
    service = DeskService(tmp_path / "desk.sqlite", gateway)
    desk = Desk(service.drafts, gateway, service.kafka, lambda form: erased[0])

    async def work(client: Client) -> None:
        talk = Talk(client)
        _, waiting = await talk.act(await talk.new(payment={"method": "payment_link"}), "link")
        other = await talk.new()

        async def see_to(draft_id: str) -> Draft | None:
            draft = service.drafts.get(draft_id)
            assert draft is not None
            with contextlib.suppress(Problem):
                await desk.see_to(draft)
            return service.drafts.get(draft_id)

        kept = await see_to(waiting["draft_id"])
        assert kept is not None and kept.state == State.AWAITING_PAYMENT
        gateway.paid = True
        kept = await see_to(waiting["draft_id"])
        assert kept is not None and kept.state == State.PLACED
        assert await see_to(other["draft_id"]) is not None
        erased[0] = service.drafts.now_ms() + 1
        assert await see_to(other["draft_id"]) is None

    run(service, work)
    service.drafts.close()
    assert len(orders(service)) == 1
