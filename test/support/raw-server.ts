/** Servers on real sockets that misbehave as told. */

import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";

export interface RawServer {
  url: string;
  port: number;
  /** Connections taken so far, and requests whose head arrived. */
  counts: { connections: number; requests: number };
  close(): Promise<void>;
}

/** Calls `answer` once for each request whose whole head has arrived. */
export async function rawServer(answer: (socket: Socket, head: string) => void): Promise<RawServer> {
  const counts = { connections: 0, requests: 0 };
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    counts.connections += 1;
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => {});
    let head = "";
    socket.on("data", (chunk) => {
      head += chunk.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      counts.requests += 1;
      const whole = head;
      head = "";
      answer(socket, whole);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    counts,
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A whole HTTP/1.1 reply with its length. */
export function httpReply(status: number, headers: Record<string, string>, body: Buffer | string): Buffer {
  const bytes = Buffer.from(body);
  const lines = Object.entries({ ...headers, "content-length": `${bytes.length}` }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Reply\r\n${lines.join("\r\n")}\r\n\r\n`), bytes]);
}
