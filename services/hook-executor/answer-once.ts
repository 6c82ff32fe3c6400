// One answer per event, however often the event is delivered: a repeated event joins the one in progress, or gets the
// remembered answer. Only this process remembers; after a restart an unanswered event starts again with its first
// script.

/**
 * Runs `make` at most once per id, as long as the id is among the last `limit`. An error is not remembered, so the
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
