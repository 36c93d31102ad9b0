"""What the intake is measured against: a Starlette handler that only produces to Kafka.

    python -m tests.benchmarks.bare_intake BOOTSTRAP PORT

It checks nothing: no token, no size, no channel. It encrypts nothing, writes one record where the
intake writes a key and a payload, and has no bound on what is in flight.
"""

from __future__ import annotations

import asyncio
import sys
import threading

import uvicorn
from confluent_kafka import KafkaError, Message, Producer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from schemas.topics import CHANNELS_RAW

PATH = "/orders"
POLL_SECONDS = 0.1


def application(bootstrap: str) -> Starlette:
    """The server's program, with a producer as the intake has it."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 2,
            "compression.type": "lz4",
        }
    )

    def poll() -> None:
        while True:
            producer.poll(POLL_SECONDS)

    threading.Thread(target=poll, daemon=True).start()

    async def take(request: Request) -> PlainTextResponse:
        loop = asyncio.get_running_loop()
        durable: asyncio.Future[None] = loop.create_future()

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is None:
                loop.call_soon_threadsafe(durable.set_result, None)

        producer.produce(CHANNELS_RAW.name, await request.body(), on_delivery=delivered)
        await durable
        return PlainTextResponse("ok")

    return Starlette(routes=[Route(PATH, take, methods=["POST"])])


if __name__ == "__main__":
    uvicorn.run(
        application(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning"
    )
