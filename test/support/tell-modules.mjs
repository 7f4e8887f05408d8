/** Loaded before the program (`node --import`): writes to the file of MODULES_TO every module that was loaded, one a line. */
import { appendFileSync } from "node:fs";
import { createRequire, register } from "node:module";

const hook = `
import { appendFileSync } from "node:fs";
export async function load(url, context, next) {
  appendFileSync(process.env.MODULES_TO, url + "\\n");
  return await next(url, context);
}`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);

// What was required is not seen by the hook.
process.on("exit", () => {
  appendFileSync(process.env.MODULES_TO, Object.keys(createRequire(import.meta.url).cache).join("\n"));
});
