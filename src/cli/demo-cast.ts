import type { Random } from "../domain/clock.ts";

/** Everybody in the demo is invented, and lives at addresses and numbers that nobody can have. */
const FIRST_NAMES =
  "Ada Aino Alma Anders Anna Anton Bruno Carla Clara Daniel Dora Edith Elias Elsa Emil Erik Eva Felix Flora Frida Georg Greta Hanna Hugo Ida Ines Iris Ivan Jakob Jana Joel Julia Kaarel Karin Kasper Lars Laura Leo Lena Liis Linda Lukas Maria Marta Max Mia Milo Nora Olaf Olga Oskar Otto Paula Peter Piret Rasmus Rita Robert Rosa Ruth Simon Sofia Stella Sven Tanel Tiina Tomas Ursula Vera Victor".split(
    " ",
  );
const LAST_NAMES =
  "Abel Alder Arden Beck Berg Birch Blom Brandt Brook Calder Castle Dahl Drake Ebner Elm Falk Faber Fenn Ford Frost Glass Grove Haas Hale Hart Hedge Holm Ives Jansen Kask Keller Kivi Lang Larch Lind Lund Marsh Mets Mill Moss Nagel North Oak Palm Pell Quill Rand Reed Roos Rowan Saar Sand Stone Tamm Thorn Vale Vogel Wells West Winter".split(
    " ",
  );
const DOMAINS = ["example.com", "example.com", "example.org", "example.net"];

export const COMPANIES = [
  "Alder & Sons",
  "Birch Bakery",
  "Blue Kettle Coffee",
  "Castle Clinic",
  "Copper Lane Studio",
  "Fenn Logistics",
  "Grove Dental",
  "Harbour Boats",
  "Kivi Stonework",
  "Larch Furniture",
  "Marsh Cycling Club",
  "Mill Street School",
  "Moss Gardens",
  "North Ferry Lines",
  "Oak Hill Farm",
  "Paper Moon Books",
  "Quill Insurance",
  "Rowan Energy",
  "Silver Thorn Hotel",
  "Winter Sports Centre",
];

export const PRODUCTS = [
  "Team plan",
  "Annual plan",
  "Workshop",
  "Site survey",
  "Starter kit",
  "Maintenance contract",
  "Spare parts",
  "Custom build",
];

export const MESSAGES = [
  "Could you call me back next week? Mornings are best.",
  "We are comparing three suppliers and need a quote by Friday.",
  "Do you deliver to the islands as well?",
  "Your colleague was very helpful on the phone. How do we go on?",
  "We have 40 people in two offices; what would that cost?",
  "Is there a discount for schools & clubs?",
  "We'd like a demo for our board <in person, if possible>.",
  "Please send the brochure.\nAnd the price list, if there is one.",
  "Kas saaksite mulle eesti keeles vastata? Tänan!",
  "Your form did not let me attach our drawings, where can I send them?",
];

export interface Somebody {
  name: string;
  email: string;
  /** Null from the thousandth on: there are no more numbers that nobody can have. */
  phone: string | null;
  company: string | null;
}

const PHONES = 1000;

/**
 * The `index`th person: always the same one for an index, with an address of their own. Phone numbers are of the range that
 * the British regulator keeps for drama, 07700 900000 to 900999 (Ofcom, "Telephone numbers for drama use", read 2026-11).
 */
export function somebody(index: number): Somebody {
  const first = FIRST_NAMES[index % FIRST_NAMES.length]!;
  const last = LAST_NAMES[(index * 7 + Math.floor(index / FIRST_NAMES.length)) % LAST_NAMES.length]!;
  const domain = DOMAINS[index % DOMAINS.length]!;
  return {
    name: `${first} ${last}`,
    email: `${first}.${last}${index}@${domain}`.toLowerCase(),
    phone: index < PHONES ? `+447700900${String(index).padStart(3, "0")}` : null,
    company: index % 3 === 0 ? COMPANIES[(index * 11) % COMPANIES.length]! : null,
  };
}

/** Indexes 0 to `count` - 1 in an order that chance decides. */
export function shuffled(count: number, random: Random): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let at = count - 1; at > 0; at -= 1) {
    const other = Math.floor(random.next() * (at + 1));
    [order[at], order[other]] = [order[other]!, order[at]!];
  }
  return order;
}
