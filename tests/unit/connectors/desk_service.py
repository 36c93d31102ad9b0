"""The desk with everything outside it faked, mounted at the API as `millrace api` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import web

from connectors.api.server import application
from connectors.call_centre import server
from connectors.call_centre.customers import Recent, Spent, Told
from connectors.call_centre.drafts import Drafts
from connectors.call_centre.links import PaymentLinks, SandboxLinks
from connectors.call_centre.products import Product, Shelf
from connectors.call_centre.selling import Desk
from connectors.http_api import Pace, Tokens
from connectors.levels.store import Store
from connectors.vault.sealing import Vault
from tests.unit.connectors.api_service import TOKEN, Service
from tests.unit.connectors.test_levels import POT, TEA, store
from tests.unit.connectors.vault import vault

AGENT_TOKEN = "a-token-of-ada"
AGENT = {"Authorization": f"Bearer {AGENT_TOKEN}"}
PRODUCTS = {
    "TEA": Product("TEA", "Green tea, 100 g", "4.50", "EUR"),
    "POT": Product("POT", "Teapot", "19.90", "EUR"),
    "GIFT": Product("GIFT", "Wrapping"),
}
ADA = Told(
    "c-ada", "loyal", [Spent(3, "120.00", "EUR")], [Recent("json-7", "40.00", "EUR", 1)], {},
    "Ada Example", "", "ada@example.com", "+49421555",
    [{"name": "Ada Example", "line1": "1 Mill Lane", "line2": "", "city": "Bremen",
      "region": "", "postal_code": "28195", "country": "DE"}],
)  # fmt: skip


class Known:
    """One customer."""

    async def find(self, words: str) -> list[Told]:
        return [ADA] if words in ("ada@example.com", "c-ada") else []


def form(**changes: Any) -> dict[str, Any]:
    return {
        "currency": "EUR",
        "customer": {"email": "ada@example.com"},
        "lines": [{"sku": "TEA", "quantity": 2, "unit_price": "4.50", "title": "Green tea"}],
        "shipping": "3.00",
        "delivery": "ship",
        "ship_to": {"name": "Ada Example", "line1": "1 Mill Lane", "country": "DE"},
        "payment": {"method": "card", "token": "4242424242424242"},
        **changes,
    }


class DeskService(Service):
    """The API with a desk; `now` is the desk's clock in seconds."""

    def __init__(
        self,
        path: Path,
        links: PaymentLinks | None = None,
        kept: Store | None = None,
        sealed_by: Vault | None = None,
    ) -> None:
        super().__init__(kept or store(TEA, POT))
        self.now = 1_700_000_000.0
        self.drafts = Drafts(path, sealed_by or vault(), lambda: self.now)
        self.desk = Desk(self.drafts, links or SandboxLinks(), self.kafka)
        self.address = "http://desk"

    def app(self) -> web.Application:
        shelf = Shelf(self.outside.store, PRODUCTS)
        made = server.application(
            server.Service(self.desk, shelf, Known()),
            Tokens([f"ada:{AGENT_TOKEN}", "bob:a-token-of-bob"]),
            self.address,
            Pace(1e9),
        )
        return application(
            self.outside, Tokens([f"shop-app:{TOKEN}"]), pace=Pace(1e9), mounted={"/desk": made}
        )
