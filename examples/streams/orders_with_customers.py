"""Change data capture style: a table of orders joined with a table of customers by a foreign key.

Whichever side changes, the joined row changes: rename a customer, and all of their orders are told again.
"""

from __future__ import annotations

from streamz_core import App, Record
from streamz_core.streams import Materialized

app = App("orders-cdc", broker="file://./data")


class Order(Record):
    customer: str
    total: float


class Customer(Record):
    name: str


orders = app.table("db.orders", key_type=str, value_type=Order)
customers = app.table("db.customers", key_type=str, value_type=Customer)

orders.join(
    customers,
    lambda order: order.customer,
    lambda order, customer: {"customer": customer.name, "total": order.total},
    "customer-of-order",
    Materialized("orders-with-customers"),
).to_stream().to("orders-with-customers")

if __name__ == "__main__":
    app.main()
