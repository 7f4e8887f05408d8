/** A server that takes alerts and heartbeats, as Slack and others do, and remembers what it was told. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { peopleIn, reportFound } from "./canary.ts";

export interface Posted {
  method: string;
  /** With its query. */
  path: string;
  body: string;
}

export interface ChannelServer {
  url: string;
  posts: Posted[];
  /** What it answers from now on; `silence`: nothing. */
  answer(status: number | "silence"): void;
  /** Everything since this was asked last. */
  taken(): Posted[];
  close(): Promise<void>;
}

export async function createChannelServer(): Promise<ChannelServer> {
  const posts: Posted[] = [];
  let status: number | "silence" = 200;
  let seen = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const post = { method: request.method!, path: request.url!, body: Buffer.concat(chunks).toString() };
      posts.push(post);
      // Chat rooms and monitors are read by more people than the CRM.
      reportFound(peopleIn(`${post.path}\n${post.body}`, []).map((person) => `${post.path} was told of ${person}`));
      if (status !== "silence") response.writeHead(status).end("ok");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    posts,
    answer: (next) => {
      status = next;
    },
    taken: () => {
      const fresh = posts.slice(seen);
      seen = posts.length;
      return fresh;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
