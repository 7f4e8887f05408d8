/** Headless Chromium over its own protocol: no package is needed, only the browser. */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { WebSocket } from "undici";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** Where a Chromium is installed; null where there is none. */
export function findBrowser(path = process.env.PATH ?? ""): string | null {
  const places = path.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return places.find((place) => isExecutable(place)) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface Page {
  /** The value of an expression in the page; promises are awaited. */
  evaluate<T>(expression: string): Promise<T>;
  /** Presses keys as a person does: the browser's own focus and events. */
  press(key: "Tab" | "Enter"): Promise<void>;
  type(text: string): Promise<void>;
  set(what: {
    width?: number;
    scheme?: "light" | "dark";
    scripts?: boolean;
    media?: "print" | "screen";
  }): Promise<void>;
  open(file: string): Promise<void>;
  /** What the page logged as an error or was refused. */
  readonly errors: string[];
  /** Addresses that it asked for. */
  readonly requested: string[];
  close(): Promise<void>;
}

type Message = { id?: number; method?: string; params?: Record<string, never>; result?: unknown; error?: unknown };

export async function openPage(browser: string): Promise<Page> {
  const profile = mkdtempSync(join(tmpdir(), "crmledger-browser-"));
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0"];
  const child = spawn(browser, [...flags, `--user-data-dir=${profile}`, "about:blank"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const address = await addressOf(child);
  const targets = (await (await fetch(`http://${new URL(address).host}/json/list`)).json()) as {
    type: string;
    webSocketDebuggerUrl: string;
  }[];
  const socket = new WebSocket(targets.find(({ type }) => type === "page")!.webSocketDebuggerUrl);
  await new Promise<void>((opened, failed) => {
    socket.addEventListener("open", () => opened(), { once: true });
    socket.addEventListener("error", () => failed(new Error("the browser does not answer")), { once: true });
  });
  const page = pageOn(socket);
  return {
    ...page,
    async close() {
      socket.close();
      child.kill("SIGKILL");
      await new Promise((ended) =>
        child.exitCode === null && child.signalCode === null ? child.once("exit", ended) : ended(0),
      );
      rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

async function addressOf(child: ChildProcess): Promise<string> {
  let said = "";
  for await (const chunk of child.stderr!) {
    said += String(chunk);
    const [, address] = /DevTools listening on (ws:\S+)/.exec(said) ?? [];
    if (address !== undefined) {
      child.stderr!.resume();
      return address;
    }
  }
  throw new Error(`the browser did not start: ${said.slice(-500)}`);
}

function pageOn(socket: WebSocket): Omit<Page, "close"> {
  const errors: string[] = [];
  const requested: string[] = [];
  const waiting = new Map<number, (message: Message) => void>();
  let loaded: () => void = () => undefined;
  let last = 0;
  socket.addEventListener("message", (event: { data: unknown }) => {
    const message = JSON.parse(String(event.data)) as Message;
    if (message.id !== undefined) waiting.get(message.id)?.(message);
    const params = message.params as Record<string, { [name: string]: unknown }> | undefined;
    if (message.method === "Page.loadEventFired") loaded();
    if (message.method === "Runtime.exceptionThrown") errors.push(JSON.stringify(params?.exceptionDetails));
    if (message.method === "Log.entryAdded" && params?.entry?.level === "error") errors.push(String(params.entry.text));
    if (message.method === "Network.requestWillBeSent") requested.push(String(params?.request?.url));
  });
  const send = (method: string, params: object = {}): Promise<unknown> =>
    new Promise((resolve, reject) => {
      last += 1;
      const id = last;
      waiting.set(id, ({ result, error }) => {
        waiting.delete(id);
        if (error === undefined) resolve(result);
        else reject(new Error(`${method}: ${JSON.stringify(error)}`));
      });
      socket.send(JSON.stringify({ id, method, params }));
    });
  const KEYS = { Tab: 9, Enter: 13 };
  return {
    errors,
    requested,
    async evaluate<T>(expression: string) {
      const wanted = { expression, returnByValue: true, awaitPromise: true };
      const { result, exceptionDetails } = (await send("Runtime.evaluate", wanted)) as {
        result: { value: T };
        exceptionDetails?: unknown;
      };
      if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
      return result.value;
    },
    async press(key) {
      const event = { key, code: key, windowsVirtualKeyCode: KEYS[key], ...(key === "Enter" && { text: "\r" }) };
      await send("Input.dispatchKeyEvent", { type: "keyDown", ...event });
      await send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
    },
    type: async (text) => void (await send("Input.insertText", { text })),
    async set({ width, scheme, scripts, media }) {
      if (width !== undefined)
        await send("Emulation.setDeviceMetricsOverride", { width, height: 900, deviceScaleFactor: 1, mobile: false });
      if (scripts !== undefined) await send("Emulation.setScriptExecutionDisabled", { value: !scripts });
      const features = scheme === undefined ? [] : [{ name: "prefers-color-scheme", value: scheme }];
      await send("Emulation.setEmulatedMedia", { media: media ?? "", features });
    },
    async open(file) {
      for (const domain of ["Page", "Runtime", "Log", "Network"]) await send(`${domain}.enable`);
      const done = new Promise<void>((resolve) => {
        loaded = resolve;
      });
      await send("Page.navigate", { url: `file://${file}` });
      await done;
    },
  };
}
