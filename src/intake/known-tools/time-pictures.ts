/** Times as spreadsheets and exports write them, as pictures of `$time`. */

interface Form {
  shape: RegExp;
  picture: string;
}

const FORMS: readonly Form[] = [
  // Google Forms, "Download responses".
  {
    shape: /^\d{4}\/\d{2}\/\d{2} \d{1,2}:\d{2}:\d{2} [AP]M [A-Z]{3,4}[+-]\d+/,
    picture: "[Y]/[M01]/[D01] [h]:[m01]:[s01] [P] [z0]",
  },
  { shape: /^\d{4}\/\d{1,2}\/\d{1,2} \d{1,2}:\d{2}:\d{2}$/, picture: "[Y]/[M]/[D] [H]:[m01]:[s01]" },
  { shape: /^\d{4}\/\d{1,2}\/\d{1,2} \d{1,2}:\d{2}$/, picture: "[Y]/[M]/[D] [H]:[m01]" },
  { shape: /^[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d{2} [AP]M$/, picture: "[MNn,3-3] [D], [Y] [h]:[m01] [P]" },
  { shape: /^\d{1,2}\.\d{1,2}\.\d{4} \d{1,2}:\d{2}:\d{2}$/, picture: "[D].[M].[Y] [H]:[m01]:[s01]" },
  { shape: /^\d{1,2}\.\d{1,2}\.\d{4} \d{1,2}:\d{2}$/, picture: "[D].[M].[Y] [H]:[m01]" },
];
const SLASHED = /^(\d{1,2})\/(\d{1,2})\/\d{4},? (\d{1,2}):\d{2}(:\d{2})?( [AP]M)?$/i;

/** The picture that all values have; null for a form that is not known, and where they differ. */
export function pictureOf(values: readonly string[]): string | null {
  const form = FORMS.find(({ shape }) => values.every((value) => shape.test(value)));
  return form?.picture ?? slashed(values);
}

/** Month first, as the American locale of spreadsheets has it, unless a value shows that it can't be. */
function slashed(values: readonly string[]): string | null {
  const matches = values.map((value) => SLASHED.exec(value));
  const [first] = matches;
  if (first == null || matches.some((match) => match === null)) return null;
  const dayFirst = matches.some((match) => Number(match?.[1]) > 12);
  const comma = values[0]?.includes(",") ? "," : "";
  const [hour, half] = first[5] === undefined ? ["[H]", ""] : ["[h]", " [P]"];
  return `${dayFirst ? "[D]/[M]" : "[M]/[D]"}/[Y]${comma} ${hour}:[m01]${first[4] === undefined ? "" : ":[s01]"}${half}`;
}
