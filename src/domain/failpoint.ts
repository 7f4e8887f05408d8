/**
 * A named instant at which the outside world may stop us. Rooms list theirs in their `failpoints.ts`; the program calls them
 * and hands none in. A test hands one in to kill, stop or throw there.
 */
export type Failpoint<Name extends string = string> = (name: Name) => void;

/** What the program itself hands in. */
export const NO_FAILPOINT: Failpoint = () => undefined;
