// What a row of the table of roles is made of. Pure.
export interface Permission {
  readonly subject: string;
  readonly why: string;
  /** Only in `serves`: other programs with the same key send requests there too. */
  readonly own?: true;
}

export interface Permissions {
  readonly publish: readonly Permission[];
  readonly subscribe: readonly Permission[];
  /** Subjects on which it receives requests and answers them. */
  readonly serves: readonly Permission[];
}

export const onApi = (call: string, why: string): Permission => ({ subject: `$JS.API.${call}`, why });
export const onSubject = (subject: string, why: string): Permission => ({ subject, why });
export const kv = (bucket: string): string => `KV_${bucket}`;

/** To fetch and acknowledge the messages of one durable consumer, which somebody else created. */
export function pullPermissions(stream: string, durable: string, why: string): Permission[] {
  return [
    onApi(`CONSUMER.INFO.${stream}.${durable}`, why),
    onApi(`CONSUMER.MSG.NEXT.${stream}.${durable}`, why),
    onSubject(`$JS.ACK.${stream}.${durable}.>`, why),
  ];
}
