/** Why a record that came in is nothing new. */
export interface Duplicate {
  type: "duplicate";
  /** The source that knows it under the same id for the same e-mail or phone; null: its own. */
  otherSource: string | null;
  /** Key of the one that it repeats by `sameWithinMs`. */
  repeats?: string;
  /** It took the place of unsent content, or came too late. */
  revision?: "replaced" | "late";
  /** It is of a person who was forgotten: left out for good. */
  forgotten?: true;
}
