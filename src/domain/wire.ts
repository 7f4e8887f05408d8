/**
 * One HTTP exchange as plain data. The transport (room `http`), the simulator in process and the tests' scripted servers
 * all speak it.
 */
export interface HttpRequest {
  method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  /** Absolute URL with its query. */
  url: string;
  headers: Readonly<Record<string, string>>;
  /** Text of the body; absent for none. */
  body?: string;
  /** Total time for the whole exchange, from the connection to the last byte of the reply. */
  timeoutMs: number;
  /** A longer reply (counted after decompression) is cut off and is an error. */
  bytesMax: number;
}

export interface HttpResponse {
  type: "response";
  status: number;
  /** Lower-case names; a header that comes several times is joined by ", ". */
  headers: Readonly<Record<string, string>>;
  body: string;
}

export interface HttpFailure {
  type: "failure";
  /** `no`: no byte of the request can have left (DNS, connect, TLS). `maybe`: the server may have acted on it. */
  sent: "no" | "maybe";
  /** A short machine word such as `ECONNREFUSED`, `TIMEOUT`, `RESET`, `TRUNCATED`, `TOO_LARGE`. */
  code: string;
  /** For people. Holds no header and no body. */
  message: string;
}

export type HttpResult = HttpResponse | HttpFailure;

/**
 * Asked at the instant at which a connected socket takes the request: false, and it does not leave any more (failure `PAUSED`,
 * sent `no`). A process that was stopped while a connection opened may have lost its work to another meanwhile.
 */
export type MayLeave = () => boolean;

/** Sends one request once: no retry, no redirect followed. Never throws. */
export type Transport = (request: HttpRequest, mayLeave?: MayLeave) => Promise<HttpResult>;
