/** Maps records with the map that it is given, and tells which of the heavy libraries were loaded for that. */
import { createRequire } from "node:module";
import { compileMapping } from "../../src/intake/mapping.ts";
import { sourceOf } from "./ingest-rig.ts";

const [text = "{}"] = process.argv.slice(2);
const mapping = await compileMapping(sourceOf({ map: JSON.parse(text) as Record<string, string> }), () => null);
const mapped = await mapping.map({ id: "1", mail: "a@example.com" }, false);
const loaded = Object.keys(createRequire(import.meta.url).cache).some((path) => /[\\/]jsonata[\\/]/.test(path));
console.log(`mapped ${mapped.type === "submission" ? mapped.key : mapped.type}`);
console.log(`jsonata ${loaded ? "loaded" : "left alone"}`);
