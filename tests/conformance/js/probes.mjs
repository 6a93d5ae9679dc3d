// Runs probes one after the other, and writes one line of JSON for each: {"name", "error"}.

const TIMEOUT = 60_000;
const probes = [];

export function probe(name, run) {
  probes.push({ name, run });
}

export async function runProbes() {
  for (const { name, run } of probes) {
    const error = await within(run).then(
      () => null,
      (thrown) => String(thrown?.stack ?? thrown),
    );
    console.log(JSON.stringify({ name, error }));
  }
}

async function within(run) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("the probe took too long")), TIMEOUT);
  });
  try {
    await Promise.race([run(), late]);
  } finally {
    clearTimeout(timer);
  }
}
