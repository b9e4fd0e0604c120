/* Asking the page's own addresses. */

/** POST driving/VERB; an Error holds the server's sentence and status. */
export async function ask(verb, body) {
  const answer = await fetch(`driving/${verb}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(told.error || "The server did not answer."), { status: answer.status });
  return told;
}
