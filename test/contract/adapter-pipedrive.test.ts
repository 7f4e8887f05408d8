import { pipedriveAdapter } from "../../src/crm/pipedrive/adapter.ts";
import { goodReply, OPERATIONS, SESSION, TEXT_FIELD } from "../support/pipedrive-samples.ts";
import { adapterSuite } from "./adapter-suite.ts";

adapterSuite({
  name: "pipedrive",
  adapter: pipedriveAdapter,
  session: SESSION,
  operations: OPERATIONS,
  reply: goodReply,
  limitHeaders: [
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-daily-ratelimit-token-limit",
    "x-daily-ratelimit-token-remaining",
  ],
  textField: TEXT_FIELD,
});
