// @azure/cosmos against ENDPOINT with KEY: the table cosmos.json, and what the SDK of Python can't express.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { CosmosClient } from "@azure/cosmos";
import { probe, runProbes } from "./probes.mjs";

const table = JSON.parse(readFileSync(new URL("../cosmos.json", import.meta.url)));
const client = new CosmosClient({ endpoint: process.env.ENDPOINT, key: process.env.KEY });
const inbox = client.database("automotive").container("inbox");
const REFUSALS = [400, 501];

/** The status that a step fails with; 200 if it does not. */
async function status(step) {
  try {
    await step();
    return 200;
  } catch (error) {
    return error.code ?? error.message;
  }
}

/** A user of this probe alone, with a document. */
async function userWith(document) {
  const userId = randomUUID();
  const { resource } = await inbox.items.create({ id: "a", userId, ...document });
  return [userId, resource._etag];
}

const ifMatch = (etag) => ({ accessCondition: { type: "IfMatch", condition: etag } });
const ifNoneMatch = (etag) => ({ accessCondition: { type: "IfNoneMatch", condition: etag } });

for (const document of table.documents) await inbox.items.create({ userId: "table", ...document });

for (const { name, query, parameters = {}, finds, refused } of table.queries) {
  probe(`query: ${name}`, async () => {
    const spec = { query, parameters: Object.entries(parameters).map(([name, value]) => ({ name, value })) };
    const ask = () => inbox.items.query(spec, { partitionKey: "table" }).fetchAll();
    if (refused) return assert.ok(REFUSALS.includes(await status(ask)));
    assert.deepEqual(
      (await ask()).resources.map(({ id }) => id),
      finds,
    );
  });
}

for (const { name, document, refused } of table.writes) {
  probe(`write: ${name}`, async () => {
    const written = { id: "a", userId: randomUUID(), ...document };
    if (refused) return assert.notEqual(await status(() => inbox.items.create(written)), 200);
    await inbox.items.upsert(written);
    const { resource } = await inbox.item(written.id, written.userId).read();
    for (const [field, value] of Object.entries(written)) assert.deepEqual(resource[field], value);
  });
}

probe("a query over all partitions finds the same as one by one", async () => {
  const [user] = await userWith({ collapse: "over all" });
  const found = await inbox.items.query("SELECT c.userId FROM c WHERE c.collapse = 'over all'").fetchAll();
  assert.deepEqual(found.resources, [{ userId: user }]);
});

probe("a continuation goes on where a page ended", async () => {
  const [user] = await userWith({ at: 0 });
  for (const at of [1, 2, 3, 4]) await inbox.items.create({ id: String(at), userId: user, at });
  const query = "SELECT * FROM c ORDER BY c.at DESC";
  const seen = [];
  let continuationToken;
  do {
    const options = { partitionKey: user, maxItemCount: 2, continuationToken };
    const page = await inbox.items.query(query, options).fetchNext();
    seen.push(...page.resources.map(({ at }) => at));
    continuationToken = page.continuationToken;
  } while (continuationToken);
  assert.deepEqual(seen, [4, 3, 2, 1, 0]);
});

probe("a stale ETag stops a replace, an upsert and a delete", async () => {
  const [userId, stale] = await userWith({ n: 1 });
  const { resource } = await inbox.items.upsert({ id: "a", userId, n: 2 });
  const item = inbox.item("a", userId);
  assert.equal(await status(() => item.replace({ id: "a", userId, n: 3 }, ifMatch(stale))), 412);
  assert.equal(await status(() => inbox.items.upsert({ id: "a", userId, n: 3 }, ifMatch(stale))), 412);
  assert.equal(await status(() => item.delete(ifMatch(stale))), 412);
  assert.equal((await item.read()).resource.n, 2);
  await item.delete(ifMatch(resource._etag));
  assert.equal((await item.read()).statusCode, 404);
});

probe("a read of what is unchanged is a 304", async () => {
  const [userId, etag] = await userWith({});
  const item = inbox.item("a", userId);
  assert.equal((await item.read(ifNoneMatch('"other"'))).resource.id, "a");
  const unchanged = await item.read(ifNoneMatch(etag)).catch((error) => ({ statusCode: error.code }));
  assert.equal(unchanged.statusCode, 304);
});

probe("an unknown condition on a write is refused", async () => {
  const [userId] = await userWith({ n: 1 });
  assert.equal(await status(() => inbox.items.upsert({ id: "a", userId, n: 2 }, ifNoneMatch("*"))), 501);
  assert.equal((await inbox.item("a", userId).read()).resource.n, 1);
});

probe("a batch answers with statuses, ETags and bodies", async () => {
  const [userId] = await userWith({ n: 1 });
  const { code, result } = await inbox.items.batch(
    [
      { operationType: "Create", resourceBody: { id: "b", userId, n: 2 } },
      { operationType: "Upsert", resourceBody: { id: "a", userId, n: 3 } },
      { operationType: "Read", id: "a" },
      { operationType: "Replace", id: "b", resourceBody: { id: "b", userId, n: 4 } },
      { operationType: "Delete", id: "b" },
    ],
    userId,
  );
  assert.equal(code, 200);
  assert.deepEqual(
    result.map((one) => [one.statusCode, one.resourceBody?.n]),
    [
      [201, 2],
      [200, 3],
      [200, 3],
      [200, 4],
      [204, undefined],
    ],
  );
  assert.equal(result[2].eTag, result[2].resourceBody._etag);
});

probe("a batch that fails names the culprit and writes nothing", async () => {
  const [userId, stale] = await userWith({ n: 1 });
  await inbox.items.upsert({ id: "a", userId, n: 2 });
  const { code, result } = await inbox.items.batch(
    [
      { operationType: "Create", resourceBody: { id: "b", userId } },
      { operationType: "Upsert", ifMatch: stale, resourceBody: { id: "a", userId, n: 3 } },
      { operationType: "Delete", id: "a" },
    ],
    userId,
  );
  assert.equal(code, 207);
  assert.deepEqual(
    result.map((one) => one.statusCode),
    [424, 412, 424],
  );
  assert.equal((await inbox.item("b", userId).read()).statusCode, 404);
});

probe("a patch, alone and in a batch, is refused", async () => {
  const [userId] = await userWith({ n: 1 });
  const operations = [{ op: "incr", path: "/n", value: 1 }];
  assert.equal(await status(() => inbox.item("a", userId).patch(operations)), 501);
  const batch = [{ operationType: "Patch", id: "a", resourceBody: { operations } }];
  await assert.rejects(inbox.items.batch(batch, userId), /Patch is not supported/);
  assert.equal((await inbox.item("a", userId).read()).resource.n, 1);
});

probe("bulk is refused and writes nothing", async () => {
  const [userId] = await userWith({});
  const done = await inbox.items
    .executeBulkOperations([{ operationType: "Create", partitionKey: userId, resourceBody: { id: "b", userId } }])
    .catch((error) => [{ error }]);
  assert.ok(done.every(({ error }) => error));
  assert.equal((await inbox.item("b", userId).read()).statusCode, 404);
});

probe("the change feed is refused", async () => {
  const feed = inbox.items.getChangeFeedIterator({ changeFeedMode: "LatestVersion" });
  assert.equal(await status(() => feed.readNext()), 501);
});

probe("reading all documents finds the same as a query", async () => {
  const found = await inbox.items.query("SELECT * FROM c").fetchAll();
  assert.ok(found.resources.length >= table.documents.length);
  assert.deepEqual((await inbox.items.readAll().fetchAll()).resources, found.resources);
});

probe("a part of a hierarchical key is refused", async () => {
  const history = client.database("automotive").container("history");
  const vehicleId = randomUUID();
  await history.items.create({ id: "a", vehicleId, day: "2026-11-22" });
  const ask = () => history.items.query("SELECT * FROM c", { partitionKey: [vehicleId] }).fetchAll();
  assert.notEqual(await status(ask), 200);
  assert.equal((await history.item("a", [vehicleId, "2026-11-22"]).read()).resource.id, "a");
});

probe("a stored procedure is refused", async () => {
  assert.equal(await status(() => inbox.scripts.storedProcedure("s").execute("ada")), 501);
});

probe("databases and containers are not made, and unknown ones not found", async () => {
  assert.equal(await status(() => client.databases.create({ id: "other" })), 501);
  assert.equal(await status(() => client.database("automotive").containers.create({ id: "other" })), 501);
  assert.equal(await status(() => client.database("other").container("inbox").items.create({ id: "a" })), 404);
  assert.equal(await status(() => client.database("automotive").container("other").items.create({ id: "a" })), 404);
});

probe("another key is not let in", async () => {
  const stranger = new CosmosClient({ endpoint: process.env.ENDPOINT, key: "d3Jvbmc=" });
  assert.equal(await status(() => stranger.database("automotive").container("inbox").item("a", "a").read()), 401);
});

await runProbes();
