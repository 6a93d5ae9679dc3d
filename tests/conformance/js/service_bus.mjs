// @azure/service-bus against the queues behind CONNECTION, whose locks last LOCK_SECONDS.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { ServiceBusClient } from "@azure/service-bus";
import Long from "long";
import { probe, runProbes } from "./probes.mjs";

const CONNECTION = process.env.CONNECTION;
const LOCK = Number(process.env.LOCK_SECONDS) * 1000;
const QUEUE = "deliveries";
const ONCE = { retryOptions: { maxRetries: 0, timeoutInMs: 30_000 } };
const client = new ServiceBusClient(CONNECTION, ONCE);

async function send(...messages) {
  const sender = client.createSender(QUEUE);
  await sender.sendMessages(messages);
  await sender.close();
}

/** Runs a step with a receiver of the queue, or of its dead letters. */
async function receiving(step, options = {}) {
  const receiver = client.createReceiver(QUEUE, options);
  try {
    return await step(receiver);
  } finally {
    await receiver.close();
  }
}

const dead = (step) => receiving(step, { subQueueType: "deadLetter" });

async function next(receiver, within = 30_000) {
  const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: within });
  return message;
}

async function taken(options) {
  return receiving(async (receiver) => {
    const message = await next(receiver);
    await receiver.completeMessage(message);
    return message;
  }, options);
}

/** The code of the error that a step fails with. */
async function code(step) {
  try {
    await step();
    return "none";
  } catch (error) {
    return error.code;
  }
}

probe("a message without an id is given one, and can be settled", async () => {
  await send({ body: "no id" });
  const message = await taken();
  assert.match(message.messageId, /^[0-9a-f]{32}$/);
  assert.equal(message.body, "no id");
});

probe("ids of messages sent without one differ", async () => {
  await send({ body: 1 }, { body: 1 });
  assert.notEqual((await taken()).messageId, (await taken()).messageId);
});

probe("what a sender set arrives", async () => {
  const set = {
    messageId: randomUUID(),
    contentType: "application/json",
    correlationId: "c",
    subject: "s",
    to: "t",
    replyTo: "r",
    replyToSessionId: "rs",
    timeToLive: 60_000,
    applicationProperties: { text: "ü", number: 1.5, whole: 7, yes: true, when: 1e12, nothing: null },
  };
  const when = new Date(set.applicationProperties.when); // the SDK gives a moment back as a number
  const applicationProperties = { ...set.applicationProperties, when };
  await send({ body: { a: [1, null] }, ...set, applicationProperties });
  const message = await taken();
  assert.deepEqual(message.body, { a: [1, null] });
  for (const [name, value] of Object.entries(set)) assert.deepEqual(message[name], value, name);
});

probe("an abandoned message keeps what was set and takes what was changed", async () => {
  const before = { kept: 1, changed: "before" };
  await send({ body: "x", messageId: "abandoned", subject: "s", timeToLive: 60_000, applicationProperties: before });
  await receiving(async (receiver) => {
    const when = new Date(1e12);
    await receiver.abandonMessage(await next(receiver), { changed: "after", added: 2, when });
    const again = await next(receiver);
    assert.deepEqual(again.applicationProperties, { kept: 1, changed: "after", added: 2, when: Number(when) });
    assert.deepEqual([again.messageId, again.subject, again.timeToLive], ["abandoned", "s", 60_000]);
    assert.equal(again.deliveryCount, 1);
    await receiver.completeMessage(again);
  });
});

probe("a dead letter keeps what was set and carries its reason and more", async () => {
  const id = randomUUID();
  await send({ body: "x", messageId: id, subject: "s", timeToLive: 60_000, applicationProperties: { kept: 1 } });
  const why = { deadLetterReason: "bad", deadLetterErrorDescription: "why", more: 2 };
  await receiving(async (receiver) => receiver.deadLetterMessage(await next(receiver), why));
  const message = await taken({ subQueueType: "deadLetter" });
  assert.deepEqual([message.deadLetterReason, message.deadLetterErrorDescription], ["bad", "why"]);
  assert.deepEqual([message.messageId, message.subject, message.timeToLive], [id, "s", 60_000]);
  assert.deepEqual([message.applicationProperties.kept, message.applicationProperties.more], [1, 2]);
});

probe("a message that expires is dead", async () => {
  await send({ body: "old", messageId: randomUUID(), timeToLive: 300 });
  assert.equal((await taken({ subQueueType: "deadLetter" })).deadLetterReason, "TTLExpiredException");
});

probe("a scheduled message comes when its time has come, and says when that was", async () => {
  const due = new Date(Date.now() + 1500);
  await send({ body: "later", messageId: randomUUID(), scheduledEnqueueTimeUtc: due });
  const message = await taken();
  assert.ok(new Date() >= due);
  assert.deepEqual(message.scheduledEnqueueTimeUtc, due);
});

probe("a repeated id is dropped", async () => {
  const messageId = randomUUID();
  await send({ body: 1, messageId });
  await send({ body: 2, messageId }, { body: 3, messageId: randomUUID() });
  assert.deepEqual([(await taken()).body, (await taken()).body], [1, 3]);
});

probe("a message can be received and deleted at once", async () => {
  await send({ body: "once", messageId: randomUUID() });
  await receiving(
    async (receiver) => {
      assert.equal((await next(receiver)).body, "once");
      assert.equal(await next(receiver, 300), undefined);
    },
    { receiveMode: "receiveAndDelete" },
  );
});

probe("a lock that expired is lost", async () => {
  await send({ body: "x", messageId: randomUUID() });
  const unrenewed = { maxAutoLockRenewalDurationInMs: 0 };
  await receiving(async (receiver) => {
    const first = await next(receiver);
    const again = await receiving((other) => next(other, LOCK * 4), unrenewed);
    assert.equal(again.deliveryCount, 1);
    assert.equal(await code(() => receiver.completeMessage(first)), "MessageLockLost");
  }, unrenewed);
  assert.equal((await taken()).deliveryCount, 2);
});

probe("a lock is renewed", async () => {
  await send({ body: "x", messageId: randomUUID() });
  await receiving(async (receiver) => {
    const message = await next(receiver);
    const until = message.lockedUntilUtc;
    assert.ok((await receiver.renewMessageLock(message)) >= until);
    await receiver.completeMessage(message);
  });
});

probe("a subscription gets what is sent", async () => {
  await receiving(async (receiver) => {
    const got = new Promise((resolve, reject) => {
      receiver.subscribe({
        processMessage: async (message) => resolve(message.body),
        processError: async ({ error }) => reject(error),
      });
    });
    await send({ body: "streamed", messageId: randomUUID() });
    assert.equal(await got, "streamed");
  });
});

probe("a batch holds what the queue takes, and no more", async () => {
  const sender = client.createSender(QUEUE);
  const batch = await sender.createMessageBatch();
  assert.equal(batch.maxSizeInBytes, 256 * 1024);
  assert.ok(batch.tryAddMessage({ body: "x".repeat(100_000), messageId: randomUUID() }));
  assert.ok(!batch.tryAddMessage({ body: "x".repeat(200_000), messageId: randomUUID() }));
  await sender.sendMessages(batch);
  assert.equal((await taken()).body.length, 100_000);
  assert.equal(await code(() => sender.sendMessages({ body: "x".repeat(300_000) })), "MessageSizeExceeded");
  await sender.close();
});

probe("an unknown queue is not found", async () => {
  const sender = client.createSender("no-such-queue");
  assert.equal(await code(() => sender.sendMessages({ body: 1 })), "MessagingEntityNotFound");
  const receiver = client.createReceiver("no-such-queue");
  assert.equal(await code(() => receiver.receiveMessages(1, { maxWaitTimeInMs: 500 })), "MessagingEntityNotFound");
  assert.equal(await code(() => receiver.peekMessages(1)), "MessagingEntityNotFound");
});

for (const [what, connection] of Object.entries({
  "another key": CONNECTION.replace(/SharedAccessKey=[^;]*/, "SharedAccessKey=d3Jvbmc="),
  "another name of a key": CONNECTION.replace(/SharedAccessKeyName=[^;]*/, "SharedAccessKeyName=other"),
})) {
  probe(`${what} is not let in`, async () => {
    const stranger = new ServiceBusClient(connection, ONCE);
    const sender = stranger.createSender(QUEUE);
    assert.equal(await code(() => sender.sendMessages({ body: 1 })), "UnauthorizedAccess");
    await stranger.close();
  });
}

const REFUSED = {
  sessions: () => send({ body: 1, sessionId: "s" }),
  "a session's receiver": () => client.acceptSession(QUEUE, "s"),
  "scheduling by request": () => client.createSender(QUEUE).scheduleMessages([{ body: 1 }], new Date()),
  peeking: () => receiving((receiver) => receiver.peekMessages(1)),
  "receiving deferred messages": () => receiving((receiver) => receiver.receiveDeferredMessages([Long.ONE])),
  "sending to dead letters": () => client.createSender(`${QUEUE}/$deadletterqueue`).sendMessages({ body: 1 }),
};

for (const [what, step] of Object.entries(REFUSED)) {
  probe(`${what}: refused by name`, () =>
    assert.rejects(step, /not supported|nothing can be sent|Failed to create a receiver for the requested session/),
  );
}

probe("deferring is refused by name, and the message stays", async () => {
  await send({ body: "x", messageId: randomUUID() });
  await receiving(async (receiver) => {
    const message = await next(receiver);
    await assert.rejects(receiver.deferMessage(message), /deferring is not supported/);
  });
  assert.equal((await taken()).body, "x");
});

probe("a batch with a message that is refused stores none", async () => {
  const good = { body: "good", messageId: randomUUID() };
  await assert.rejects(send(good, { body: "bad", sessionId: "s" }), /sessions are not supported/);
  await receiving(async (receiver) => assert.equal(await next(receiver, 300), undefined));
});

await runProbes();
await client.close();
process.exit(0);
