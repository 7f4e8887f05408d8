/** A reply that is not a success: thrown by whatever finds the reason, turned into the vendor's error envelope in one place. */
export class Refusal extends Error {
  readonly status: number;
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(status: number, message: string, extra: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = "Refusal";
    this.status = status;
    this.extra = extra;
  }
}

/**
 * v2's validation failure. The code's name is known from public integrations, its place in the envelope is not confirmed;
 * since May 2026 the offending field is named (developers.pipedrive.com changelog, read 2026-11).
 */
export function invalid(field: string, problem: string): Refusal {
  return new Refusal(400, `Validation failed: ${field}: ${problem}`, {
    code: "ERR_SCHEMA_VALIDATION_FAILED",
    error_info: "Please check the request against the API reference.",
    field_code: field,
  });
}

export function notFound(what: string): Refusal {
  return new Refusal(404, `${what} not found`, { error_info: "Please check developers.pipedrive.com" });
}

/** The documented envelope: {success, error, error_info, data, additional_data}, plus what the refusal adds. */
export function errorBody(refusal: Refusal): string {
  return JSON.stringify({
    success: false,
    error: refusal.message,
    error_info: "Please check developers.pipedrive.com",
    ...refusal.extra,
    data: null,
    additional_data: null,
  });
}
