"""Magento orders as its REST API V1 gives them, written for the tests."""

from __future__ import annotations

from typing import Any


def item(number: int, row_total: Any, **more: Any) -> Any:
    """An item of one piece, without tax and discount."""
    return {
        "amount_refunded": 0,
        "base_price": row_total,
        "base_row_total": row_total,
        "created_at": "2024-03-01 10:00:00",
        "discount_amount": 0,
        "discount_percent": 0,
        "discount_tax_compensation_amount": 0,
        "free_shipping": 0,
        "is_qty_decimal": 0,
        "is_virtual": 0,
        "item_id": 200 + number,
        "name": f"Product {number}",
        "order_id": 102,
        "original_price": row_total,
        "price": row_total,
        "product_id": 1500 + number,
        "product_type": "simple",
        "qty_canceled": 0,
        "qty_invoiced": 0,
        "qty_ordered": 1,
        "qty_refunded": 0,
        "qty_shipped": 0,
        "quote_item_id": 600 + number,
        "row_total": row_total,
        "sku": f"SKU-{number}",
        "store_id": 1,
        "tax_amount": 0,
        "tax_percent": 0,
        **more,
    }


def magento_order(**more: Any) -> Any:
    """Three pieces with 23 % on top, 10 % off, shipping: 82.23 EUR, of a shop in dollars."""
    address = {
        "address_type": "billing",
        "city": "Bremen",
        "company": "Meer GmbH",
        "country_id": "DE",
        "email": "jana@example.org",
        "entity_id": 204,
        "firstname": "Jana",
        "lastname": "Meer",
        "parent_id": 102,
        "postcode": "28195",
        "region": "Bremen",
        "region_code": "HB",
        "region_id": 82,
        "street": ["Kai 3", "2. OG"],
        "telephone": "+49 421 1",
    }
    return {
        "base_currency_code": "USD",
        "base_discount_amount": -7.05,
        "base_grand_total": 90.45,
        "base_shipping_amount": 4.95,
        "base_subtotal": 70.5,
        "base_tax_amount": 16,
        "base_to_order_rate": 0.9091,
        "billing_address": address,
        "billing_address_id": 204,
        "coupon_code": "SPRING",
        "created_at": "2024-03-01 10:00:00",
        "customer_email": "jana@example.org",
        "customer_firstname": "Jana",
        "customer_group_id": 1,
        "customer_id": 26,
        "customer_is_guest": 0,
        "customer_lastname": "Meer",
        "customer_note_notify": 1,
        "discount_amount": -6.41,
        "discount_tax_compensation_amount": 0,
        "entity_id": 102,
        "grand_total": 82.23,
        "increment_id": "000000102",
        "is_virtual": 0,
        "items": [
            item(1, 44, qty_ordered=2, price=22, discount_amount=4.4, tax_amount=9.11,
                 tax_percent=23),
            item(2, 20.09, discount_amount=2.01, tax_amount=4.16, tax_percent=23),
        ],
        "order_currency_code": "EUR",
        "payment": {
            "additional_information": ["Card"],
            "amount_authorized": 82.23,
            "amount_ordered": 82.23,
            "method": "braintree",
        },
        "shipping_amount": 9.17,
        "shipping_description": "Flat Rate - Fixed",
        "shipping_discount_amount": 0,
        "shipping_discount_tax_compensation_amount": 0,
        "shipping_incl_tax": 11.28,
        "shipping_tax_amount": 2.11,
        "state": "processing",
        "status": "processing",
        "store_currency_code": "USD",
        "store_id": 1,
        "subtotal": 64.09,
        "subtotal_incl_tax": 78.8307,
        "tax_amount": 15.38,
        "total_due": 82.23,
        "total_item_count": 2,
        "total_qty_ordered": 3,
        "updated_at": "2024-03-01 10:00:05",
        "status_histories": [],
        "extension_attributes": {
            "shipping_assignments": [
                {
                    "shipping": {
                        "address": {**address, "address_type": "shipping", "region_code": None},
                        "method": "flatrate_flatrate",
                        "total": {"shipping_amount": 9.17},
                    },
                    "items": [],
                }
            ]
        },
        **more,
    }  # fmt: skip
