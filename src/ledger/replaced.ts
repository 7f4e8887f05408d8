/** What was put aside for something else: the content that a submission had, and its record where that was replaced too. JSON texts. */
export interface ReplacedVersion {
  atMs: number;
  /** The user of this machine who did it; null: the program. */
  by: string | null;
  content: string | null;
  raw: string | null;
}
