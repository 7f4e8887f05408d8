/** Fuzzes the config: text to settings, and the maps in it to what reads records. */
import { vendors } from "../../../src/cli/read-config.ts";
import { parseConfig } from "../../../src/config/parse-config.ts";
import { CrmledgerError } from "../../../src/domain/errors.ts";
import { compileMapping } from "../../../src/intake/mapping.ts";
import { CANARY_TOKEN, tokenIn } from "../canary.ts";
import { plainPhone } from "../drain-rig.ts";
import type { Chance } from "./chance.ts";
import { configSamples } from "./corpus.ts";
import { Broken, type FuzzCase, type FuzzTarget, must } from "./fuzz-target.ts";
import { HOSTILE_NUMBERS, HOSTILE_TEXTS } from "./hostile-values.ts";
import { anyBytes, mutateBytes } from "./mutate-bytes.ts";

/** What YAML makes of ordinary looking text, and what tools that read it have fallen over. */
const YAML_TRAPS: readonly string[] = [
  "&a ",
  "*a",
  "*nobody",
  "<<: *a\n",
  "!!binary aGVsbG8=",
  "!!js/function 'x'",
  "!<tag:yaml.org,2002:str> ",
  "? [a, b]\n: c\n",
  "---\n",
  "...\n",
  "%YAML 3.0\n---\n",
  "%TAG ! tag:x,2000:\n---\n",
  "|\n  text\n",
  ">-\n  text\n",
  "{a: 1, a: 2}",
  "[,]",
  "- - - - x",
  "~",
  "null",
  "yes",
  "0o14",
  "2026-01-01",
  "__proto__: { polluted: true }\n",
  "constructor: { prototype: {} }\n",
  "\t",
  "$" + "{HOME}",
  "$$" + "{HOME}",
  "$" + "{",
  "$" + "{'}'}",
  "= $eval('1')",
  "= (",
  "= /(a+)+$/",
  "= `",
  "= $f",
  "= function($x){$x}",
  "a: &x [*x]\n",
  `${"[".repeat(300)}`,
  `${"{a: ".repeat(300)}`,
  `${"- ".repeat(300)}x\n`,
];

function mutated(sample: string, chance: Chance, other: string): Buffer {
  if (chance.maybe(0.02)) return anyBytes(chance);
  if (chance.maybe(0.3)) return mutateBytes(Buffer.from(sample), chance, Buffer.from(other));
  let text = sample;
  for (let times = 1 + chance.below(4); times > 0; times -= 1) text = changeLine(text, other, chance);
  return Buffer.from(text);
}

function changeLine(text: string, other: string, chance: Chance): string {
  const lines = text.split("\n");
  const at = chance.below(lines.length);
  const line = lines[at]!;
  const [, key = "", value = ""] = /^(\s*(?:- )?[^:#]*:)(.*)$/.exec(line) ?? [];
  const trap = chance.pick([...YAML_TRAPS, ...HOSTILE_TEXTS, ...HOSTILE_NUMBERS]);
  const change = chance.below(7);
  if (change === 0) lines[at] = `${key} ${trap}`;
  else if (change === 1) lines[at] = `${key.replace(/\S+:$/, `${trap}:`)}${value}`;
  else if (change === 2) lines[at] = `${" ".repeat(chance.below(6))}${line}`;
  else if (change === 3) lines.splice(at, 1);
  else if (change === 4) lines.splice(at, 0, chance.pick(other.split("\n")));
  else if (change === 5) lines.splice(at, 0, `${/^\s*/.exec(line)![0]}${trap}`);
  else lines[at] = `${key} { ${trap} }`;
  return lines.join("\n");
}

export function configTarget(): FuzzTarget {
  const samples = configSamples();
  return {
    name: "config",
    makeCase(chance): FuzzCase {
      const sample = chance.pick(samples);
      const secret = chance.maybe(0.3);
      const text = secret ? sample.replace(/apiTokenFile: [^\s,}]+/, `apiToken: "${CANARY_TOKEN}"`) : sample;
      return { bytes: mutated(text, chance, chance.pick(samples)), params: { ownerOnly: chance.maybe(0.7) } };
    },
    async run({ bytes, params }) {
      const env = { PIPEDRIVE_API_TOKEN: CANARY_TOKEN, HOME: "/home/x" };
      const origin = { file: "/etc/crmledger.yaml", env, ownerOnly: params.ownerOnly === true, vendors: vendors() };
      try {
        const config = parseConfig(bytes.toString("utf8"), origin);
        must(Object.isFrozen(config) && Object.isFrozen(config.sources), "a config is frozen");
        must(tokenIn(JSON.stringify(config.crm)).length === 0, "a config shows no token");
        for (const source of Object.values(config.sources)) await compileMapping(source, plainPhone);
      } catch (error) {
        if (error instanceof Broken || !(error instanceof CrmledgerError)) throw error;
        must(["configInvalid", "secretExposed"].includes(error.code), "an error is one of the config's", error.code);
        // An expression that is none is quoted to who wrote it, with what its variables stand for.
        const told = error.message.replace(/^sources\..*is not a JSONata expression.*/s, "");
        must(tokenIn(`${told}${error.hint}`).length === 0, "no token in an error", error.message);
      }
      must(!("polluted" in {}), "no prototype is changed");
    },
    renew: async () => {},
    close: async () => {},
  };
}
