// What happens when: a pure function of the seed. A round is a list of acts with their times, and a calm after it.
import fc from "fast-check";
import { type HostActName, hostActs } from "./host-acts.ts";
import { type Quality } from "./images.ts";
import { type ServiceActName, serviceActs } from "./owner-acts.ts";
import { type ServiceName, serviceNames } from "./services.ts";

export type Act =
  | { readonly kind: "service"; readonly act: ServiceActName; readonly service: ServiceName }
  | { readonly kind: "host"; readonly act: HostActName; readonly ms: number }
  | { readonly kind: "release"; readonly quality: Quality; readonly services: readonly ServiceName[] };
export type Planned = Act & {
  /** After the act before it, or as soon as that is over. Milliseconds. */
  readonly after: number;
};

export interface Round {
  readonly acts: readonly Planned[];
  /** The makers of what is bad release good images before the calm. */
  readonly healed: boolean;
}

const ACTS_OF_A_ROUND = 22;

const weighted = <Name extends string>(acts: Readonly<Record<Name, { readonly weight: number }>>) =>
  fc.oneof(
    ...(Object.entries(acts) as [Name, { readonly weight: number }][]).map(([name, { weight }]) => ({
      weight,
      arbitrary: fc.constant(name),
    })),
  );

const weightOf = (acts: Readonly<Record<string, { readonly weight: number }>>): number =>
  Object.values(acts).reduce((sum, { weight }) => sum + weight, 0);

const service = fc.constantFrom(...serviceNames);
const kinds: fc.WeightedArbitrary<Act>[] = [
  {
    weight: weightOf(serviceActs),
    arbitrary: fc.record({ kind: fc.constant("service" as const), act: weighted(serviceActs), service }),
  },
  {
    weight: weightOf(hostActs),
    arbitrary: fc.record({
      kind: fc.constant("host" as const),
      act: weighted(hostActs),
      ms: fc.integer({ min: 0, max: 3000 }),
    }),
  },
  {
    weight: 45,
    arbitrary: fc.record({
      kind: fc.constant("release" as const),
      quality: fc.oneof(
        { weight: 6, arbitrary: fc.constant<Quality>("good") },
        { weight: 4, arbitrary: fc.constantFrom<Quality>("ends", "loops", "unhealthy") },
      ),
      services: fc.uniqueArray(service, { minLength: 1, maxLength: 3 }),
    }),
  },
];
/** Mostly soon: an update takes seconds, and the next act is to come in its middle. */
const pause = fc.oneof(
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 5, arbitrary: fc.integer({ min: 300, max: 2500 }) },
  { weight: 2, arbitrary: fc.integer({ min: 2500, max: 6000 }) },
);
const planned = fc.tuple(fc.oneof(...kinds), pause).map(([act, after]): Planned => ({ ...act, after }));

/** Each round begins with something to update. */
const release: fc.Arbitrary<Planned> = fc
  .uniqueArray(service, { minLength: 3, maxLength: 5 })
  .map((services) => ({ kind: "release", quality: "good", services, after: 0 }));

const roundOf = (length: number): fc.Arbitrary<Round> =>
  fc.record({
    acts: fc
      .tuple(release, fc.array(planned, { minLength: length - 1, maxLength: length - 1, size: "max" }))
      .map(([first, others]) => [first, ...others]),
    healed: fc.boolean(),
  });

/** The `nth` round of a seed. */
export function roundAt(seed: number, nth: number, length = ACTS_OF_A_ROUND): Round {
  const own = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(nth + 1, 0x85ebca6b)) | 0;
  const [round] = fc.sample(roundOf(length), { seed: own, numRuns: 1 });
  if (round === undefined) throw new Error("no round was made");
  return round;
}

export function sayAct(act: Act): string {
  switch (act.kind) {
    case "service":
      return `${serviceActs[act.act].says}: ${act.service}`;
    case "host":
      return hostActs[act.act].says;
    case "release":
      return `${act.quality} images of ${act.services.join(", ")}`;
  }
}
