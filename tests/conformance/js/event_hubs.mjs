// @azure/event-hubs against the hub `telemetry` behind CONNECTION.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import {
  EventHubBufferedProducerClient,
  EventHubConsumerClient,
  EventHubProducerClient,
  earliestEventPosition,
  latestEventPosition,
} from "@azure/event-hubs";
import { probe, runProbes } from "./probes.mjs";

const CONNECTION = process.env.CONNECTION;
const [HUB, GROUP, PARTITIONS] = ["telemetry", "ingest", 8];
const ONCE = { retryOptions: { maxRetries: 0, timeoutInMs: 30_000 } };
const producer = new EventHubProducerClient(CONNECTION, HUB, ONCE);
const KEYS = [...Array(12).keys()].map((n) => `veh-${n}`).concat("x", "Zürich", "a key of more than twelve bytes");

/** Follows a partition: `step` gets what it reads, batch by batch (empty ones once a second), until it returns a value. */
async function follow(partition, position, step, { group = GROUP, ...options } = {}) {
  const consumer = new EventHubConsumerClient(group, CONNECTION, HUB, ONCE);
  try {
    return await new Promise((resolve, reject) => {
      const handlers = {
        processEvents: async (batch) => {
          const value = step(batch);
          if (value !== undefined) resolve(value);
        },
        processError: async (error) => reject(error),
      };
      consumer.subscribe(String(partition), handlers, { startPosition: position, maxWaitTimeInSeconds: 1, ...options });
    });
  } finally {
    await consumer.close();
  }
}

/** That many events of a partition from a position on. */
function read(partition, position, count = 1, options = {}) {
  const events = [];
  return follow(partition, position, (batch) => (events.push(...batch) >= count ? events : undefined), options);
}

/** The newest event of a partition. */
async function newest(partition) {
  const { lastEnqueuedSequenceNumber } = await producer.getPartitionProperties(String(partition));
  const [event] = await read(partition, { sequenceNumber: lastEnqueuedSequenceNumber, isInclusive: true });
  return event;
}

/** Where each partition ends. */
async function ends() {
  const found = [];
  for (let n = 0; n < PARTITIONS; n++) found.push(await producer.getPartitionProperties(String(n)));
  return found.map(({ lastEnqueuedSequenceNumber }) => lastEnqueuedSequenceNumber);
}

/** The partitions that a step wrote to. */
async function written(step) {
  const before = await ends();
  await step();
  const after = await ends();
  return [...after.keys()].filter((n) => after[n] > before[n]);
}

async function code(step) {
  try {
    await step();
    return "none";
  } catch (error) {
    return error.code ?? String(error);
  }
}

probe("plain and buffered producers of one key write to one partition, in order", async () => {
  for (const key of KEYS) {
    const plain = await written(() => producer.sendBatch([{ body: `1 ${key}` }], { partitionKey: key }));
    const buffered = await written(async () => {
      const errors = [];
      const onSendEventsErrorHandler = async ({ error }) => errors.push(error);
      const client = new EventHubBufferedProducerClient(CONNECTION, HUB, { onSendEventsErrorHandler });
      for (const n of [2, 3]) await client.enqueueEvent({ body: `${n} ${key}` }, { partitionKey: key });
      await client.close();
      assert.deepEqual(errors, []);
    });
    assert.deepEqual(buffered, plain, key);
    assert.equal(plain.length, 1);
    const last = (await ends())[plain[0]];
    const events = await read(plain[0], { sequenceNumber: last - 2, isInclusive: true }, 3);
    assert.deepEqual(
      events.map(({ body }) => body),
      [`1 ${key}`, `2 ${key}`, `3 ${key}`],
    );
  }
});

probe("keys are spread over the partitions", async () => {
  const used = new Set();
  for (const key of KEYS) used.add(...(await written(() => producer.sendBatch([{ body: 1 }], { partitionKey: key }))));
  assert.ok(used.size > 3);
});

probe("a key that is too long is refused by name", async () => {
  await assert.rejects(producer.sendBatch([{ body: 1 }], { partitionKey: "x".repeat(129) }), /128 characters/);
});

probe("what a producer set arrives, with the hub's stamps", async () => {
  const sent = {
    body: { a: [1, null, "ü"] },
    contentType: "application/json",
    correlationId: "c",
    messageId: randomUUID(),
    properties: { text: "ü", number: 1.5, yes: true, nothing: null },
  };
  const before = Date.now();
  const [partition] = await written(() => producer.sendBatch([sent], { partitionKey: "stamped" }));
  const event = await newest(partition);
  for (const [name, value] of Object.entries(sent)) assert.deepEqual(event[name], value, name);
  assert.equal(event.partitionKey, "stamped");
  assert.ok(Number(event.enqueuedTimeUtc) >= before - 1 && event.sequenceNumber >= 0 && event.offset);
});

probe("an event is sent to a partition and read from every kind of position", async () => {
  const options = { partitionId: "5" };
  await producer.sendBatch([{ body: "first" }], options);
  const first = await newest(5);
  const since = Number(first.enqueuedTimeUtc);
  while (Date.now() <= since + 1) await new Promise((resolve) => setImmediate(resolve));
  await producer.sendBatch([{ body: "second" }], options);
  const bodies = async (position, count) => (await read(5, position, count)).map(({ body }) => body);
  assert.deepEqual(await bodies({ offset: first.offset }, 1), ["second"]);
  assert.deepEqual(await bodies({ offset: first.offset, isInclusive: true }, 2), ["first", "second"]);
  assert.deepEqual(await bodies({ sequenceNumber: first.sequenceNumber }, 1), ["second"]);
  assert.deepEqual(await bodies({ enqueuedOn: since }, 1), ["second"]);
  assert.deepEqual(await follow(5, latestEventPosition, (batch) => batch), []);
});

probe("a position beyond the end, or of no kind, is an argument error", async () => {
  assert.equal(await code(() => read(5, { sequenceNumber: 10_000 })), "ArgumentError");
  assert.equal(await code(() => read(5, { offset: "10000" })), "ArgumentError");
  assert.equal(await code(() => read(5, { offset: "no-offset" })), "ArgumentError");
});

probe("an unknown partition is out of range", async () => {
  for (const partitionId of [String(PARTITIONS), "x", "-1"]) {
    const send = () => producer.sendBatch([{ body: 1 }], { partitionId });
    assert.equal(await code(send), "ArgumentOutOfRangeError", partitionId);
    assert.equal(await code(() => producer.getPartitionProperties(partitionId)), "ArgumentOutOfRangeError");
    assert.equal(await code(() => read(partitionId, earliestEventPosition)), "ArgumentOutOfRangeError");
  }
});

probe("an unknown hub or consumer group is not found", async () => {
  const other = new EventHubProducerClient(CONNECTION, "no-such-hub", ONCE);
  assert.equal(await code(() => other.sendBatch([{ body: 1 }])), "MessagingEntityNotFoundError");
  assert.equal(await code(() => other.getPartitionIds()), "MessagingEntityNotFoundError");
  assert.equal(
    await code(() => read(0, earliestEventPosition, 1, { group: "no-such" })),
    "MessagingEntityNotFoundError",
  );
  await other.close();
});

for (const [what, connection] of Object.entries({
  "another key": CONNECTION.replace(/SharedAccessKey=[^;]*/, "SharedAccessKey=d3Jvbmc="),
  "another name of a key": CONNECTION.replace(/SharedAccessKeyName=[^;]*/, "SharedAccessKeyName=other"),
})) {
  probe(`${what} is not let in`, async () => {
    const stranger = new EventHubProducerClient(connection, HUB, ONCE);
    assert.equal(await code(() => stranger.sendBatch([{ body: 1 }])), "UnauthorizedError");
    assert.equal(await code(() => stranger.getPartitionIds()), "UnauthorizedError");
    await stranger.close();
  });
}

probe("a hub says what it and its partitions are", async () => {
  const { name, partitionIds } = await producer.getEventHubProperties();
  assert.equal(name, HUB);
  assert.deepEqual(partitionIds, [...Array(PARTITIONS).keys()].map(String));
  await producer.sendBatch([{ body: 1 }], { partitionId: "6" });
  const properties = await producer.getPartitionProperties("6");
  assert.equal(properties.partitionId, "6");
  assert.ok(!properties.isEmpty && properties.lastEnqueuedOnUtc.getTime() > 1.6e12);
});

probe("an event is at most a megabyte", async () => {
  const batch = await producer.createBatch();
  assert.equal(batch.maxSizeInBytes, 1024 * 1024);
  assert.ok(!batch.tryAdd({ body: "x".repeat(1_100_000) }));
  assert.ok(batch.tryAdd({ body: "x".repeat(900_000) }));
  await producer.sendBatch(batch);
  assert.equal(await code(() => producer.sendBatch([{ body: "x".repeat(1_100_000) }])), "MessageTooLargeError");
});

probe("a reader with a higher owner level disconnects the one before, and one with a lower is not let in", async () => {
  let attached;
  const reading = new Promise((resolve) => (attached = resolve));
  const weak = code(() => follow(7, latestEventPosition, () => attached(), { ownerLevel: 1 }));
  await reading;
  const strong = follow(7, latestEventPosition, ([event]) => event?.body, { ownerLevel: 2 });
  assert.equal(await weak, "ReceiverDisconnectedError");
  assert.equal(await code(() => read(7, latestEventPosition, 1, { ownerLevel: 1 })), "ReceiverDisconnectedError");
  await producer.sendBatch([{ body: "for the strong" }], { partitionId: "7" });
  assert.equal(await strong, "for the strong");
});

probe("properties of the last event with each event are refused by name", async () => {
  const options = { trackLastEnqueuedEventProperties: true };
  await assert.rejects(read(0, earliestEventPosition, 1, options), /not supported/);
});

probe("idempotent publishing is refused by name", async () => {
  const once = new EventHubProducerClient(CONNECTION, HUB, ONCE);
  once._enableIdempotentRetries = true; // as the buffered producer sets it, which would try for ever
  await assert.rejects(once.sendBatch([{ body: 1 }], { partitionId: "0" }), /not supported/);
  await once.close();
});

await runProbes();
process.exit(0);
