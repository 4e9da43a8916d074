"""A batch of variants under a budget: counted and priced first, resumed when the program is run again.

Without a callback URL it polls. With AIVIDEO_CALLBACK_URL and ``client.receiver.serve()``, as in many_at_once.py, every
item is resolved by its own callback.
"""

import asyncio

from aivideo_async import Batch, Budget, Client, variants
from aivideo_async.catalog import Sora2

CLIPS = variants(
    Sora2(prompt="a kite over a harbour", duration=4),
    prompt=["a paper boat crosses a puddle", "a kite over a harbour"],
    size=["1280x720", "720x1280"],
)


async def main() -> None:
    print(f"{len(CLIPS)} clips, {CLIPS.estimate().high} credits")
    budget = Budget(credits=1000)
    async with (
        Client(store="sqlite:///aivideo.db") as client,
        Batch(client, CLIPS, budget=budget, fallbacks=["kling-3.0"], name="harbour", download_to="clips") as batch,
    ):
        async for item in batch:
            print(item.index, item.ending, *item.files, *(str(attempt) for attempt in item.attempts))
        print(batch.progress)
    for model, spend in budget.report().items():
        print(f"{model}: {spend.tasks} tasks, {spend.spent} credits spent, {spend.uncertain} uncertain")


asyncio.run(main())
