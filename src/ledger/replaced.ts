/** Contents that take the place of others. */
import type { IdentityKey } from "../domain/identity.ts";
import type { SubmissionContent } from "../domain/submission.ts";

/** What takes the place of a submission's content. */
export interface Replacement {
  content: SubmissionContent;
  /** Instead of the submission's own: these are leased for it from now on. */
  identityKeys: IdentityKey[];
  /** JSON text of a record that a person mended; absent: the kept one stays. */
  raw?: string;
}

/** What was put aside for something else: the content that a submission had, and its record where that was replaced too. JSON texts. */
export interface ReplacedVersion {
  atMs: number;
  /** The user of this machine who did it; null: the program. */
  by: string | null;
  content: string | null;
  raw: string | null;
}
