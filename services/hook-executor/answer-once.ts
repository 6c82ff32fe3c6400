// One answer per event, however often it is delivered: an event in hand is joined, an answered one is answered again
// from memory. Only this process remembers; after a restart an unanswered event is run from its first script.

/**
 * `make` runs at most once per id while the id is among the last `limit`; what it throws is forgotten, so that the
 * event can be tried again.
 */
export function answerOnce<Event, Answer>(
  limit: number,
  make: (event: Event) => Promise<Answer>,
): (id: string, event: Event) => Promise<Answer> {
  const answers = new Map<string, Promise<Answer>>();
  return async (id, event) => {
    const known = answers.get(id);
    if (known !== undefined) return known;
    const answer = make(event);
    answers.set(id, answer);
    for (const oldest of answers.keys()) {
      if (answers.size <= limit) break;
      answers.delete(oldest);
    }
    try {
      return await answer;
    } catch (error) {
      answers.delete(id);
      throw error;
    }
  };
}
