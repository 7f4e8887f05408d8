/** Sorts what can go wrong with one exchange: did any byte leave, and what is it called. */
import type { HttpFailure } from "../domain/wire.ts";

/** How far an exchange came. */
export interface Flight {
  /** The request was handed to a connected socket: from here on the server may act on it. */
  started: boolean;
  /** Status and headers of the reply arrived. */
  answered: boolean;
  timedOut: boolean;
}

const WORDS: Readonly<Record<string, string>> = {
  UND_ERR_CONNECT_TIMEOUT: "CONNECT_TIMEOUT",
  UND_ERR_SOCKET: "RESET",
  UND_ERR_CLOSED: "CLOSED",
  UND_ERR_DESTROYED: "CLOSED",
  UND_ERR_INVALID_ARG: "INVALID_REQUEST",
  UND_ERR_HEADERS_OVERFLOW: "UNREADABLE",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "TRUNCATED",
  ERR_INVALID_URL: "INVALID_REQUEST",
  ECONNRESET: "RESET",
  EPIPE: "RESET",
  Z_BUF_ERROR: "TRUNCATED",
  Z_DATA_ERROR: "UNREADABLE",
};

/** Makes a failure of whatever was thrown. The message names the host and the word, never a header or a body. */
export function failureOf(error: unknown, flight: Flight, host: string): HttpFailure {
  const sent = flight.started ? "maybe" : "no";
  const code = wordOf(error, flight);
  const where = flight.answered
    ? "while the reply was read"
    : flight.started
      ? "before a reply came"
      : "before anything was sent";
  return { type: "failure", sent, code, message: `${host}: ${code} ${where}` };
}

function wordOf(error: unknown, flight: Flight): string {
  if (flight.timedOut) return "TIMEOUT";
  const code = codeOf(error);
  const word = WORDS[code] ?? code;
  // A connection that ends inside a body is a cut reply, whatever ended it.
  if (flight.answered && word === "RESET") return "TRUNCATED";
  if (word.startsWith("HPE_")) return "UNREADABLE";
  return word === "" ? "UNKNOWN" : word;
}

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  const { code, name, cause, errors } = error as { code?: unknown; name?: unknown; cause?: unknown; errors?: unknown };
  if (typeof code === "string") return code;
  if (name === "HTTPParserError") return "HPE_UNKNOWN";
  if (Array.isArray(errors) && errors.length > 0) return codeOf(errors[0]);
  return cause === undefined ? "" : codeOf(cause);
}
