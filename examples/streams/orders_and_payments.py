"""Orders and payments of the same key within ten minutes; what stays unpaid is told when the time is over."""

from __future__ import annotations

from datetime import timedelta

from streamz_core import App, Record
from streamz_core.streams import JoinWindows, StreamJoined

app = App("payments", broker="file://./data")


class Order(Record):
    amount: float


class Payment(Record):
    amount: float


orders = app.stream("orders", key_type=str, value_type=Order)
payments = app.stream("payments", key_type=str, value_type=Payment)


def settled(order: Order, payment: Payment | None) -> dict[str, float | bool]:
    """What is known of an order."""
    return {"amount": order.amount, "paid": payment is not None and payment.amount >= order.amount}


within = JoinWindows.of_time_difference_and_grace(timedelta(minutes=10), timedelta(minutes=1))
orders.left_join(payments, settled, within, StreamJoined("settlement", store_name="settlement")).to("settled")

if __name__ == "__main__":
    app.main()
