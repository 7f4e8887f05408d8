#!/usr/bin/env node
// A tiny launcher: says in plain words why it can't start, and leaves the rest to dist/cli/main.js.
const NEEDED = [20, 19];
const [major, minor] = process.versions.node.split(".").map(Number);

function refuse(message, hint) {
  if (process.argv.includes("--json")) {
    process.stdout.write(`${JSON.stringify({ error: { code: "unexpected", message, hint } })}\n`);
  }
  process.stderr.write(`error: ${message}\nhint: ${hint}\n`);
  process.exitCode = 1;
}

function refuseToLoad(error) {
  const text = String(error?.message);
  if (error?.code === "ERR_MODULE_NOT_FOUND" && text.includes("dist")) {
    return refuse("crmledger is not built", "npm run build");
  }
  throw error;
}

if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
  refuse(
    `crmledger needs Node ${NEEDED.join(".")} or newer; this is ${process.versions.node}`,
    "Install a newer Node.",
  );
} else {
  // A reader that goes away (`| head`) is no failure: the command has its own exit code, or is cut short with 0.
  process.stdout.on("error", ({ code }) => {
    if (code === "EPIPE") return setImmediate(() => process.exit());
    process.stderr.write(`error: standard output can't be written (${code})\n`);
    process.stderr.write("hint: What the command did is done and recorded; only what it says of it is lost.\n");
    process.exit(74);
  });
  // Talk that nobody hears any more (a closed pipe, a full disk) ends no run.
  process.stderr.on("error", () => undefined);
  const loaded = await import("../dist/cli/main.js").catch(refuseToLoad);
  if (loaded) process.exitCode = await loaded.main(process.argv.slice(2));
}
