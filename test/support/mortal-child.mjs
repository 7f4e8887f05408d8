/**
 * The program as a process of its own, which a named instant kills. Arguments: `src` or `dist`, the folder that it runs in,
 * the instant, which of its occurrences, and the command line.
 */
const [from, folder, instant, nth, ...line] = process.argv.slice(2);
const part = (name) =>
  import(new URL(`../../${from}/cli/${name}.${from === "src" ? "ts" : "js"}`, import.meta.url).href);
const [{ main }, { processIo }] = await Promise.all([part("main"), part("io")]);
let left = Number(nth);
function failpoint(name) {
  if (name !== instant) return;
  left -= 1;
  if (left === 0) process.kill(process.pid, "SIGKILL");
}
const env = { HOME: folder, PATH: process.env.PATH };
process.exitCode = await main(line, { ...processIo(), cwd: folder, home: folder, env, failpoint });
