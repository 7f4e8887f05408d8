/**
 * One error class and one table from code to exit. Messages say what happened and where (file, line, key); hints say what
 * to do next. Secrets and personal data never go into `message`, `hint` or `details`.
 */
export const EXIT_CODES = {
  /** A bug or something nobody thought of. */
  unexpected: 1,
  breaksOpen: 2,
  attention: 3,
  alreadyRunning: 4,
  usage: 64,
  /** The input is not there, or can't be read as what it claims to be. */
  inputUnreadable: 65,
  /** This machine: disk, ledger, spool. */
  diskFull: 74,
  ledgerLocked: 74,
  ledgerDamaged: 74,
  ledgerNewer: 74,
  ledgerForeign: 74,
  ledgerUnreadable: 74,
  spoolUnreadable: 74,
  held: 75,
  credentialsRefused: 77,
  configInvalid: 78,
  configMissing: 78,
  accountMismatch: 78,
  ledgerOwner: 78,
  /** It carries on at another place. */
  ledgerMoved: 78,
  secretExposed: 78,
  crmSetupMissing: 78,
} as const;
export type ErrorCode = keyof typeof EXIT_CODES;

export interface ErrorOptions {
  /** What to do next, as a sentence or a command. */
  hint?: string;
  /** Facts for a machine. Never secrets, never personal data. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

export class CrmledgerError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Record<string, unknown>;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "CrmledgerError";
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }

  get exitCode(): number {
    return EXIT_CODES[this.code];
  }
}
