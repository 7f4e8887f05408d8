import { accessSync, constants } from "node:fs";
import { hostname } from "node:os";
import { delimiter, dirname, join } from "node:path";
import type { Config } from "../config/config.ts";
import { EXIT_CODES } from "../domain/errors.ts";
import { type Channel, sendNotice } from "../notify/channels.ts";
import { testNotice } from "../notify/notice.ts";
import type { Invocation } from "./command.ts";
import { type Finding, fail, ok, warn } from "./doctor-finding.ts";
import { CHANNEL_TIMEOUT_MS, channelsOf, openOutside } from "./notify-deps.ts";
import { createRealClock } from "./real-clock.ts";
import { programRunner } from "./run-program.ts";

/** Who is told of trouble. With `test` each channel gets one message that says so; the heartbeat is never tried: its service would take that for a run. */
export async function checkAlerts(invocation: Invocation, config: Config, test: boolean): Promise<Finding[]> {
  const { io } = invocation;
  const channels = channelsOf(config);
  const heartbeat = config.heartbeat;
  const found = heartbeat === null ? [] : [ok("heartbeat", `is told to ${new URL(heartbeat.reveal()).host}`)];
  if (channels.length === 0) return [...found, ok("alerts", "nobody is told; alerts.to names who is")];
  if (!test) return [...found, ...channels.map((channel) => channelFinding(channel, config, io.env.PATH ?? ""))];
  const outside = openOutside(invocation, config);
  const notice = testNotice({ host: hostname(), account: null, nowMs: (io.clock ?? createRealClock()).wallMs() });
  const runProgram = programRunner(dirname(config.file), io.env, []);
  const deps = { send: outside.send, runProgram, timeoutMs: CHANNEL_TIMEOUT_MS };
  const tried = channels.map(async (channel): Promise<Finding> => {
    const trouble = await sendNotice(channel, notice, deps);
    if (trouble === null) return ok("alerts", `${channel.label} took a test message`);
    const fix = "Look at its address or program in alerts.to, then: crmledger doctor --alerts";
    return fail("alerts", `${channel.label} did not take the test message (${trouble})`, fix, EXIT_CODES.unexpected);
  });
  const results = await Promise.all(tried);
  await outside.close();
  return [...found, ...results];
}

function channelFinding(channel: Channel, config: Config, path: string): Finding {
  const told = ok("alerts", `are told to ${channel.label}`);
  if (channel.type !== "command") return told;
  const [program = ""] = channel.argv;
  const places = program.includes("/") ? [program] : path.split(delimiter).map((folder) => join(folder, program));
  if (places.some(isExecutable)) return told;
  const fix = program.includes("/") ? `chmod +x ${program}` : `Name it by its path, from ${dirname(config.file)}.`;
  return warn("alerts", `${channel.label} is not there, or this user may not run it`, fix);
}

function isExecutable(place: string): boolean {
  try {
    accessSync(place, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
